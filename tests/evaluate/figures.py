"""Values over seeds -> a mean with its 95 % interval; said and true labels -> F1 and weighted kappa. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from random import Random
from statistics import mean, stdev

RESAMPLES = 200


def interval(values: Sequence[float]) -> str:
    """Mean and 95 % interval over seeds, by Student's t for few of them."""
    if len(values) < 2:
        return f"{values[0]:.3f}"
    t = {2: 12.7, 3: 4.3, 4: 3.18, 5: 2.78}.get(len(values), 2.3)
    half = t * stdev(values) / sqrt(len(values))
    return f"{mean(values):.3f} ± {half:.3f} ({len(values)} seeds)"


def resampled(
    rows: Sequence[tuple[int, int]], figure: Callable[[Sequence[tuple[int, int]]], float], seed: int = 1
) -> str:
    """A figure of (said, true) rows with its 95 % interval by bootstrap."""
    chance = Random(seed)
    values = sorted(figure(chance.choices(rows, k=len(rows))) for _ in range(RESAMPLES))
    return f"{figure(rows):.3f} [{values[int(0.025 * RESAMPLES)]:.3f}, {values[int(0.975 * RESAMPLES) - 1]:.3f}]"


def macro_f1(rows: Sequence[tuple[int, int]]) -> float:
    """The mean F1 over the labels that are true of some row."""
    labels = {true for _, true in rows}
    total = 0.0
    for label in labels:
        hits = sum(said == true == label for said, true in rows)
        total += 2 * hits / max(1, sum(said == label for said, _ in rows) + sum(true == label for _, true in rows))
    return total / len(labels)


def kappa(rows: Sequence[tuple[int, int]]) -> float:
    """Cohen's kappa with quadratic weights: 1 for full agreement, 0 for chance."""
    count = len(rows)
    saids, trues = [said for said, _ in rows], [true for _, true in rows]
    seen = sum((said - true) ** 2 for said, true in rows) / count
    by_chance = sum(
        (one - other) ** 2 * (saids.count(one) / count) * (trues.count(other) / count)
        for one in set(saids)
        for other in set(trues)
    )
    return 1 - seen / by_chance if by_chance else 0.0
