"""A desk whose people correct tickets by a taxonomy of their own, of real questions: what its model makes of new ones.

Each seed draws some intents of BANKING77 as the desk's categories, and some questions that people corrected, in order.
Beside it stand people who correct by the dice: there the model has to be refused.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from services.triage.category import classify
from services.triage.taxonomy import Lesson, lesson, surer
from services.triage.taxonomy_learn import compared
from tests.evaluate.figures import interval

DESKS: Sequence[tuple[int, int]] = ((10, 300), (20, 1_000), (77, 3_000))
"""Categories, and corrections."""
NEW = 500  # questions a seed, of which the model has seen none
SECRET = b"make evaluate"

Question = tuple[str, str]
"""A text and its intent."""


def evaluate(data: Path, seeds: Sequence[int]) -> Iterator[str]:
    with gzip.open(data / "texts" / "banking77_train.csv.gz", "rt", encoding="utf-8", newline="") as lines:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(lines)]
    intents = sorted({intent for _, intent in rows})
    for categories, count in DESKS:
        right, wrong, switched, by_dice = [], [], 0, 0
        for seed in seeds:
            chance = Random(seed)
            drawn = set(chance.sample(intents, categories))
            asked = [row for row in rows if row[1] in drawn]
            chance.shuffle(asked)
            taught = [_lesson(text, intent) for text, intent in asked[:count]]
            found, model = compared(taught, Random(seed))
            switched += found.model_is_better
            new = [_lesson(text, intent) for text, intent in asked[count : count + NEW]]
            said = [surer(model, one.seen, one.rules).category for one in new]
            right.append(sum(one == other.wanted for one, other in zip(said, new, strict=True)) / len(new))
            wrong.append(sum(one not in (None, other.wanted) for one, other in zip(said, new, strict=True)) / len(new))
            diced = [one._replace(wanted=chance.choice(sorted(drawn))) for one in taught]
            by_dice += compared(diced, Random(seed))[0].model_is_better
        yield (
            f"categories, BANKING77, {categories} of a desk's own, {count} corrections: right {interval(right)}, "
            f"wrong {interval(wrong)}, else unsure; switched on in {switched} of {len(seeds)}, "
            f"where people correct by the dice in {by_dice}"
        )


def _lesson(text: str, intent: str) -> Lesson:
    rules = classify("", text)
    return lesson("desk", "", text, rules, rules, intent, SECRET)
