"""What a desk learned from its people's overrides, and whether triage goes by it. Pure data.

The weights are of codes (services, tiers, kinds of phrase, clients), never of words, so they stand in clear.
"""

from __future__ import annotations

from typing import ClassVar, Final

from contracts.model import DESK, Event
from contracts.subjects import named_stream

MODEL_STREAM: Final = named_stream(DESK, "model", "priority")


class ModelSet(Event):
    """From now on triage adds what this model says to the urgency, or nothing where it is off.

    `unit` is the points of a weight of 1; the figures say why it was switched: how often the rules, and the model, gave
    what people kept or set, on history that the model had not seen, and the interval of the difference.
    """

    type: ClassVar[str] = "model.set"
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
