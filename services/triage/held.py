"""(Scores of the rules, scores of a model, by what people wanted) -> whether the model is better. Pure.

History is in order of time and is cut into parts; a part is judged by what was learned from the parts before it alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Final, NamedTuple, TypedDict

OVERRIDDEN_MIN: Final = 30  # fewer overrides teach nothing
RESAMPLES: Final = 400


class Figures(TypedDict):
    judged: int
    overridden: int
    rules_agree: float
    model_agrees: float
    difference_low: float
    difference_high: float


class Comparison(NamedTuple):
    """How often rules and model gave what people wanted, and the 95 % interval of the difference of their scores."""

    judged: int
    overridden: int
    rules_agree: float
    model_agrees: float
    low: float
    high: float

    def figures(self) -> Figures:
        """The same as the event that switches a model tells it."""
        return {
            "judged": self.judged,
            "overridden": self.overridden,
            "rules_agree": round(self.rules_agree, 4),
            "model_agrees": round(self.model_agrees, 4),
            "difference_low": round(self.low, 4),
            "difference_high": round(self.high, 4),
        }

    @property
    def model_is_better(self) -> bool:
        return self.overridden >= OVERRIDDEN_MIN and self.low > 0


def parts(count: int, of: int) -> Iterator[tuple[int, int]]:
    """Where each part but the first begins and ends."""
    size = max(1, count // of)
    for part in range(1, of):
        yield min(count, part * size), count if part == of - 1 else min(count, (part + 1) * size)


def compared_scores(scores: Sequence[tuple[int, int]], chance: Random, *, judged: int, overridden: int) -> Comparison:
    """`scores` are those of the rules and of the model, for each judgement: 1 for what people wanted, 0 for none, and
    less where a wrong answer is worse than none. `chance` draws the samples of the interval."""
    if not scores:
        return Comparison(judged, overridden, 0.0, 0.0, 0.0, 0.0)
    gains = [model - rules for rules, model in scores]
    means = sorted(sum(chance.choices(gains, k=len(gains))) / len(gains) for _ in range(RESAMPLES))
    return Comparison(
        judged=judged,
        overridden=overridden,
        rules_agree=sum(rules == 1 for rules, _ in scores) / len(scores),
        model_agrees=sum(model == 1 for _, model in scores) / len(scores),
        low=means[int(0.025 * RESAMPLES)],
        high=means[int(0.975 * RESAMPLES) - 1],
    )
