"""Lessons -> a model of a desk's taxonomy, how sure it may be, and whether it is better than the rules. Pure.

Softmax regression over hashed features. How sure an answer may be is measured on tickets that the model had not seen.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from math import sqrt
from random import Random
from typing import Final

from services.triage.category import Classified
from services.triage.held import Comparison, compared_scores, parts
from services.triage.taxonomy import BYTE, Lesson, Taxonomy, against, says, shares_of, surer

LESSONS_MAX: Final = 10_000  # the newest; older ones are of a taxonomy that may have moved on
CATEGORIES_MAX: Final = 100
CATEGORY_MIN: Final = 3  # lessons
FEATURE_MIN: Final = 3  # lessons
FEATURES_MAX: Final = 6_000
WEIGHTS_MAX: Final = 20_000
PASSES: Final = 12
STEP: Final = 0.5
FADES: Final = 0.002  # of a weight, whenever it is moved
SLIGHT: Final = 0.02  # a share that is wrong by less moves nothing
PARTS: Final = 6  # of history; the first teaches, the second tells how sure, the others are scored
ALIKE_MIN: Final = 15  # answers of which one share is told


def learn(lessons: Sequence[Lesson], chance: Random) -> Taxonomy:
    """Softmax regression by steps that grow smaller for each weight. `chance` orders the lessons."""
    counts = Counter(one.wanted for one in lessons)
    ranked = sorted(counts, key=lambda name: (-counts[name], name))
    categories = tuple(sorted(name for name in ranked[:CATEGORIES_MAX] if counts[name] >= CATEGORY_MIN))
    place = {name: number for number, name in enumerate(categories)}
    rows = [
        (features, place[one.wanted])
        for one in lessons
        if one.wanted in place
        for features in ((one.seen,) if one.plainer is None else (one.seen, one.plainer))
    ]
    held = Counter(name for one in lessons for name in one.seen)
    kept = sorted((name for name, count in held.items() if count >= FEATURE_MIN), key=lambda name: (-held[name], name))
    table = {name: [0.0] * len(categories) for name in kept[:FEATURES_MAX]}
    moved = {name: [1e-6] * len(categories) for name in table}
    for _ in range(PASSES):
        chance.shuffle(rows)
        for features, true in rows:
            _move(table, moved, [name for name in features if name in table], true)
    return _small(categories, table)


def _move(table: Mapping[str, list[float]], moved: Mapping[str, list[float]], names: Sequence[str], true: int) -> None:
    """One lesson's step."""
    if not names:
        return
    scale = 1 / sqrt(len(names))
    shares = shares_of([scale * total for total in map(sum, zip(*(table[name] for name in names), strict=True))])
    shares[true] -= 1.0
    wrong = [(number, share * scale) for number, share in enumerate(shares) if abs(share) > SLIGHT]
    for name in names:
        weights, before = table[name], moved[name]
        for number, slope in wrong:
            before[number] += slope * slope
            weights[number] -= STEP * slope / sqrt(before[number]) + FADES * weights[number]


def _small(categories: tuple[str, ...], table: Mapping[str, Sequence[float]]) -> Taxonomy:
    """The weightiest, in one byte each."""
    most = max((abs(weight) for weights in table.values() for weight in weights), default=0.0)
    unit = most / BYTE or 1.0
    small = [
        (abs(byte), name, number, byte)
        for name, weights in table.items()
        for number, weight in enumerate(weights)
        if (byte := round(weight / unit))
    ]
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for _, name, number, byte in sorted(small, key=lambda one: (-one[0], one[1], one[2]))[:WEIGHTS_MAX]:
        found[name].append((number, byte))
    return Taxonomy(categories, unit, dict(found))


def sureness(answers: Collection[tuple[float, bool]]) -> tuple[tuple[float, float], ...]:
    """(Share of the sums, was it right) of answers -> from which share on which part was right, never falling."""
    blocks: list[list[float]] = []  # lowest share, right, all
    for share, right in sorted(answers):
        blocks.append([share, float(right), 1.0])
        while len(blocks) > 1 and (blocks[-2][2] < ALIKE_MIN or _part(blocks[-2]) >= _part(blocks[-1])):
            _, hits, count = blocks.pop()
            blocks[-1][1] += hits
            blocks[-1][2] += count
    if len(blocks) > 1 and blocks[-1][2] < ALIKE_MIN:
        _, hits, count = blocks.pop()
        blocks[-1][1] += hits
        blocks[-1][2] += count
    return tuple((round(low, 4), round(_part([low, hits, count]), 2)) for low, hits, count in blocks)


def _part(block: Sequence[float]) -> float:
    """The part that is right, as one sees it who had seen one right and one wrong before."""
    return (block[1] + 1) / (block[2] + 2)


def compared(lessons: Sequence[Lesson], chance: Random) -> tuple[Comparison, Taxonomy]:
    """Rules beside model, on each part of history by what came before it; and the model of all of it.

    `lessons` are in order of time. A wrong category counts as much against as a right one counts for.
    """
    scores: list[tuple[int, int]] = []
    answers: dict[str, list[tuple[float, bool]]] = {}
    for start, end in parts(len(lessons), PARTS):
        model = _sure(learn(lessons[:start], chance), answers)
        if answers:
            scores += [_scores(model, one) for one in lessons[start:end]]
        for one in lessons[start:end]:
            said = says(model, one.seen)
            if said is not None and said.category != one.rules.category:
                answers.setdefault(against(one.rules), []).append((said.share, said.category == one.wanted))
    overridden = sum(one.overridden for one in lessons)
    found = compared_scores(scores, chance, judged=len(lessons), overridden=overridden)
    return found, _sure(learn(lessons, chance), answers)


def _sure(model: Taxonomy, answers: Mapping[str, Collection[tuple[float, bool]]]) -> Taxonomy:
    return replace(model, sure={name: sureness(those) for name, those in sorted(answers.items())})


def _scores(model: Taxonomy, one: Lesson) -> tuple[int, int]:
    return _score(one.rules, one.wanted), _score(surer(model, one.seen, one.rules), one.wanted)


def _score(said: Classified, wanted: str) -> int:
    return 0 if said.category is None else 1 if said.category == wanted else -1
