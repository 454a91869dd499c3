"""What a desk learned from its people's overrides, and whether triage goes by it. Pure data.

The weights are of codes (services, tiers, kinds of phrase, clients) and, for categories, of words, which are hashed
with a secret of the desk. So they stand in clear.
"""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from pydantic import Field

from contracts.model import DESK, Event
from contracts.subjects import named_stream

Judges = Literal["priority", "category"]
"""What a model has its say in."""

MODEL_STREAM: Final = named_stream(DESK, "model", "priority")
CATEGORY_STREAM: Final = named_stream(DESK, "model", "category")


class ModelSet(Event):
    """From now on triage goes by what this model says beside the rules, or by the rules alone where it is off.

    `unit` is what a weight of 1 stands for: points of urgency, or a part of a category's sum. The figures say why it
    was switched: how often the rules, and the model, gave what people kept or set, on history that the model had not
    seen, and the interval of the difference, in which a wrong category counts against.

    Of categories, a weight's name is the place of its category in `categories` and its feature; `sure` says from which
    share of the sums on which part of its other answers was right in history, where a requester had chosen (`choice`)
    and where the rules had only the text (`text`).
    """

    type: ClassVar[str] = "model.set"
    schema_version: ClassVar[int] = 2
    on: bool
    learner: str
    unit: float
    weights: dict[str, int]
    judged: int
    overridden: int
    rules_agree: float
    model_agrees: float
    difference_low: float
    difference_high: float
    judges: Judges = "priority"
    categories: tuple[str, ...] = ()
    sure: dict[str, tuple[tuple[float, float], ...]] = Field(default_factory=dict)
