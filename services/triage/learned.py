"""What people made of judgements -> a small linear model of what they add to the rules; and what it says. Pure.

Its features are the codes of a judgement's recorded numbers, its answer is points of urgency, at most POINTS_MAX either
way. Weights are whole numbers of one byte. It is only as good as history shows: `compared` trains on what came before
and scores on what came after, and a desk switches it on only where it beats the rules there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Final, NamedTuple

from contracts.learning import ModelSet
from contracts.terms import Inputs, Priority
from services.kit.rules.facts import Facts, facts_of
from services.kit.rules.priority import exchange_points, priority_by, service_of, tone_points
from services.kit.rules.priority_table import SHIPPED
from services.triage.held import Comparison, compared_scores, parts

VERSION: Final = "learned-1"
UNIT: Final = 0.5  # points of a weight of 1
BYTE: Final = 127
POINTS_MAX: Final = 25.0
CALM: Final = 3.0  # tickets without a shift that each feature is taken to have had
PASSES: Final = 12
FEATURES_MAX: Final = 20_000
PARTS: Final = 5  # of history; each but the first is scored by what came before it
STEP: Final = 5.0  # points
SHIFTS: Final = sorted(range(-50, 55, 5), key=abs)


class Lesson(NamedTuple):
    """One judgement of the rules, and the priority that people kept or set."""

    client: str
    inputs: Inputs
    wanted: Priority

    @property
    def overridden(self) -> bool:
        return priority_by(facts_of(self.inputs), SHIPPED) != self.wanted


def features(inputs: Inputs, client: str) -> list[str]:
    """The codes of a judgement."""
    stated = inputs.stated.value if inputs.stated else "none"
    found = [f"client {client}", f"stated {stated}", f"tier {inputs.tier.value}", f"client {client} stated {stated}"]
    service, matter = service_of(inputs.matter)[0], (inputs.matter or "none").lower()[:80]
    found += [f"service {service}", f"matter {matter}", f"client {client} matter {matter}"]
    found += [f"phrase {code}" for code, _ in inputs.phrases]
    if inputs.tone and tone_points(inputs.tone, inputs.tone_degree):
        found.append(f"tone {inputs.tone.value}")
    if exchange_points(inputs.exchanges):
        found.append("many exchanges")
    return found


def learn(lessons: Sequence[Lesson]) -> dict[str, int]:
    """The weights: each feature's mean of what is left to explain, drawn to zero, over several passes."""
    rows = [(features(one.inputs, one.client), shift) for one in lessons if (shift := _shift(one)) is not None]
    holders: dict[str, list[int]] = defaultdict(list)
    for place, (names, _) in enumerate(rows):
        for name in names:
            holders[name].append(place)
    kept = sorted(holders, key=lambda name: (-len(holders[name]), name))[:FEATURES_MAX]
    left = [float(shift) for _, shift in rows]
    weights = dict.fromkeys(kept, 0.0)
    for _ in range(PASSES):
        for name in kept:
            places, before = holders[name], weights[name]
            after = sum(left[place] + before for place in places) / (len(places) + CALM)
            weights[name] = after
            for place in places:
                left[place] -= after - before
    small = {name: max(-BYTE, min(BYTE, round(weight / UNIT))) for name, weight in weights.items()}
    return {name: weight for name, weight in sorted(small.items()) if weight}


def _shift(lesson: Lesson) -> int | None:
    """The fewest points of urgency that would have given what people wanted; None where no urgency does."""
    facts = facts_of(lesson.inputs)
    return next((by for by in SHIFTS if _priority(facts, float(by)) == lesson.wanted), None)


def _priority(facts: Facts, learned: float) -> Priority:
    return priority_by(replace(facts, learned=learned), SHIPPED)


def points(weights: Mapping[str, int], unit: float, inputs: Inputs, client: str) -> float:
    """What the model adds to the urgency, in steps: less than half a step is doubt, and says nothing."""
    said = unit * sum(weights.get(name, 0) for name in features(inputs, client))
    return max(-POINTS_MAX, min(POINTS_MAX, STEP * round(said / STEP)))


def points_of(model: ModelSet | None, inputs: Inputs, client: str) -> float | None:
    """The same by the model that a desk has switched on; None where it has none."""
    return None if model is None or not model.on else points(model.weights, model.unit, inputs, client)


def compared(lessons: Sequence[Lesson], chance: Random) -> Comparison:
    """Rules beside model, on each part of history by what came before it; `lessons` are in order of time.

    `chance` draws the samples of the interval.
    """
    scores: list[tuple[int, int]] = []
    for start, end in parts(len(lessons), PARTS):
        weights = learn(lessons[:start])
        for one in lessons[start:end]:
            facts = replace(facts_of(one.inputs), learned=None)
            model = _priority(facts, points(weights, UNIT, one.inputs, one.client))
            scores.append((int(priority_by(facts, SHIPPED) == one.wanted), int(model == one.wanted)))
    overridden = sum(one.overridden for one in lessons)
    return compared_scores(scores, chance, judged=len(lessons), overridden=overridden)


def written_down(weights: Mapping[str, int], found: Comparison, *, on: bool) -> ModelSet:
    """The event that switches a model on; or off, and then it holds no weights."""
    return ModelSet(on=on, learner=VERSION, unit=UNIT, weights=dict(weights) if on else {}, **found.figures())
