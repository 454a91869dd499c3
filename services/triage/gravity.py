"""(Words of a text, table) -> how grave the matter sounds beside the usual report, as evidence with its words. Pure.

A linear model over stems and neighbouring stems, learned from reports whose severity engineers had set; beside what a
requester claims it is weak evidence, so it gives few points: up to what words may bring for a grave matter, and some
taken away for a slight one, of which nothing urgent is said.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import Final

from services.kit.rules.facts import Evidence
from services.triage.words import STOP, stem

FEATURES_MIN: Final = 60  # a text of fewer says less for its shortness
WORD_MIN: Final = 2  # letters
WORDS_KEPT: Final = 3
GRAVE: Final = ((1.0, 25), (0.5, 15))
"""From which share of the way to a grave matter on, how many points."""
SLIGHT_POINTS: Final = -10

Feature = str | tuple[str, str]


@dataclass(frozen=True, slots=True)
class Gravity:
    """The weights of one language in units of `unit`: above zero for what is slight. Sums at or below `grave`, and at
    or above `slight`, are so; they were those of a tenth and of three tenths of the reports of unseen projects."""

    version: str
    unit: float
    grave: float
    slight: float
    weights: Mapping[Feature, int]


def features_of(tokens: Sequence[str]) -> Collection[Feature]:
    """What the model sees of words in lower case: marks, numbers and single letters are left out."""
    stems = [stem(token) for token in tokens if len(token) >= WORD_MIN and token[0].isalpha()]
    features: set[Feature] = set(stems)
    features.update(pairwise(stems))
    return features


def sum_of(features: Collection[Feature], table: Gravity) -> float:
    weights = table.weights
    total = sum(weights[feature] for feature in weights.keys() & features)
    return total * table.unit / sqrt(max(FEATURES_MIN, len(features)))


def weighed(tokens: Sequence[str], table: Gravity) -> Evidence | None:
    """The evidence of a grave or a slight matter; None for the usual one."""
    features = features_of(tokens)
    total = sum_of(features, table)
    if total >= table.slight:
        return Evidence("slight", SLIGHT_POINTS, _showing(tokens, features, table, 1))
    points = next((points for share, points in GRAVE if total <= share * table.grave), 0)
    return Evidence("grave", points, _showing(tokens, features, table, -1)) if points else None


def _showing(tokens: Sequence[str], features: Collection[Feature], table: Gravity, side: int) -> tuple[str, ...]:
    """The words that weigh most to this side, as they were written in lower case."""
    found = sorted(
        (-side * table.weights[feature], feature)
        for feature in table.weights.keys() & features
        if isinstance(feature, str) and side * table.weights[feature] > 0
    )
    written = {stem(token): token for token in reversed(tokens)}
    told = (written[feature] for _, feature in found if written.get(feature, feature) not in STOP)
    return tuple(word for word, _ in zip(told, range(WORDS_KEPT), strict=False))


def parse(lines: Iterator[str]) -> Gravity:
    """A table out of its file: `# name value` lines, then a feature and its weight a line, parted by a tab."""
    head: dict[str, str] = {}
    weights: dict[Feature, int] = {}
    for line in lines:
        if line.startswith("# "):
            name, _, value = line[2:].strip().partition(" ")
            head[name] = value
        elif "\t" in line:
            written, weight = line.rstrip("\n").split("\t")
            first, space, second = written.partition(" ")
            weights[(first, second) if space else first] = int(weight)
    return Gravity(
        version=head["version"],
        unit=float(head["unit"]),
        grave=float(head["grave"]),
        slight=float(head["slight"]),
        weights=weights,
    )
