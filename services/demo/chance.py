"""A seed and a name enter, a random source of its own leaves. Pure: the same two give the same draws for ever."""

from __future__ import annotations

import math
from collections.abc import Mapping
from random import Random
from typing import TypeVar

T = TypeVar("T")

TAIL_MAX = 8.0  # medians; a case that takes longer than four weeks would be taken up by somebody else


def source(seed: int, *scope: object) -> Random:
    """Each part of the month draws from its own source, so that a change in one leaves the others as they were."""
    return Random("/".join(map(str, (seed, *scope))))  # noqa: S311 - a story, not a secret


def weighted(chance: Random, weights: Mapping[T, float]) -> T:
    """One key, with a probability in proportion to its weight."""
    return chance.choices(list(weights), list(weights.values()))[0]


def count(chance: Random, expected: float) -> int:
    """A Poisson draw, by Knuth's multiplication; fine for the small means of a client's day."""
    limit, product, drawn = math.exp(-expected), chance.random(), 0
    while product > limit:
        product *= chance.random()
        drawn += 1
    return drawn


def spread(chance: Random, median: float, sigma: float = 0.6) -> float:
    """A duration around its median with a long tail to the right, as human work has; never beyond TAIL_MAX medians."""
    return median * min(TAIL_MAX, math.exp(chance.gauss(0, sigma)))
