"""Reports with their severity -> a table of gravity: `python -m tests.evaluate.train_gravity DATA OUT` writes it.

Ridge regression, by coordinate descent, of each report's label beside the mean of its project: so a project that calls
everything major teaches what is major there. Words that one project alone uses teach nothing.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from math import sqrt
from pathlib import Path
from statistics import mean
from typing import NamedTuple

from services.triage.gravity import FEATURES_MIN, Feature, Gravity, features_of, sum_of
from services.triage.tone import heard_of, words_of
from tests.evaluate.reports import Labelled, read
from tests.evaluate.train_tone import written_name

SEEN_MIN = 5  # reports
PROJECTS_MIN = 2
CALM = 3.0  # the ridge
PASSES = 8
BYTES_MAX = 120_000
GRAVE_SHARE, SLIGHT_SHARE = 0.10, 0.70
"""Quantiles of the sums of projects that were not learned from: a tenth is grave, three tenths are slight."""


class Seen(NamedTuple):
    """One report as the model sees it."""

    project: str
    label: int
    features: frozenset[Feature]

    @property
    def scale(self) -> float:
        return 1 / sqrt(max(FEATURES_MIN, len(self.features)))


def seen(reports: Sequence[Labelled]) -> list[Seen]:
    return [
        Seen(one.project, one.label, frozenset(features_of(words_of(heard_of(f"{one.subject}\n{one.body}")).tokens)))
        for one in reports
    ]


def train(reports: Sequence[Seen], *, bounds: bool = True) -> Gravity:
    """A table learned from these reports alone. Its bounds are those of each project by a table of the others."""
    weights = _ridge(reports)
    table = _packed(weights, (-1.0, 1.0))
    if not bounds:
        return table
    sums: list[float] = []
    for held in sorted({one.project for one in reports}):
        others = train([one for one in reports if one.project != held], bounds=False)
        sums += (sum_of(one.features, others) for one in reports if one.project == held)
    sums.sort()
    return _packed(weights, (sums[int(GRAVE_SHARE * len(sums))], sums[int(SLIGHT_SHARE * len(sums))]))


def _ridge(reports: Sequence[Seen]) -> dict[Feature, float]:
    usual = {
        project: mean(one.label for one in reports if one.project == project)
        for project in {one.project for one in reports}
    }
    left = [one.label - usual[one.project] for one in reports]
    holders: dict[Feature, list[tuple[int, float]]] = defaultdict(list)
    projects: dict[Feature, set[str]] = defaultdict(set)
    for place, one in enumerate(reports):
        scale = one.scale
        for name in one.features:
            holders[name].append((place, scale))
            projects[name].add(one.project)
    kept = [name for name, rows in holders.items() if len(rows) >= SEEN_MIN and len(projects[name]) >= PROJECTS_MIN]
    kept.sort(key=lambda name: (-len(holders[name]), written_name(name)))
    weights = dict.fromkeys(kept, 0.0)
    norms = {name: sum(scale * scale for _, scale in holders[name]) + CALM for name in kept}
    for _ in range(PASSES):
        for name in kept:
            rows, before = holders[name], weights[name]
            change = (sum(left[place] * scale for place, scale in rows) - CALM * before) / norms[name]
            weights[name] = before + change
            for place, scale in rows:
                left[place] -= change * scale
    return weights


def _packed(weights: dict[Feature, float], bounds: tuple[float, float]) -> Gravity:
    """The weights as small whole numbers; the least telling are left out until the file is small enough."""
    unit = max(map(abs, weights.values())) / 127
    ranked = sorted(weights, key=lambda name: (-abs(weights[name]), written_name(name)))
    chosen: dict[Feature, int] = {}
    size = 0
    for name in ranked:
        weight = round(weights[name] / unit)
        size += len(f"{written_name(name)}\t{weight}\n".encode())
        if size > BYTES_MAX or not weight:
            break
        chosen[name] = weight
    return Gravity("gravity-en-1", unit, *bounds, chosen)


def written(table: Gravity) -> str:
    """The file of a table."""
    lines = [
        f"# version {table.version}",
        f"# unit {table.unit:.6f}",
        f"# grave {table.grave:.6f}",
        f"# slight {table.slight:.6f}",
        "# sources severities of reports: NASA PITS A to C, Apache Ambari and Camel",
    ]
    return (
        "\n".join([*lines, *sorted(f"{written_name(name)}\t{weight}" for name, weight in table.weights.items())]) + "\n"
    )


def main(data: str, out: str) -> None:
    Path(out).write_text(written(train(seen(read(Path(data))))), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
