"""What a priority is judged from, and the same as numbers that an event records. Pure.

`facts_of(inputs_of(facts), reasons)` gives a judgement once more without a word of the text: the numbers decide, words
and events of the earlier reasons only explain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from contracts.clients import Tier
from contracts.model import Personal
from contracts.terms import Inputs, Reason, Tone, Urgency

NOBODY = UUID(int=0)
"""Stands for an event that is counted and not named."""


class Evidence(NamedTuple):
    """Words of one kind (outage, deadline …) that were found in the text, and their points. Only the points decide."""

    code: str
    points: int
    words: tuple[Personal, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What a priority is judged from. `words` and the events explain it; nothing else of the text is known here."""

    stated: Urgency | None = None
    confirmed: int = 0
    denied: int = 0
    """How often people kept, and lowered, the priority that this client's stated urgency had given."""
    words: tuple[Evidence, ...] = ()
    tone: Tone | None = None
    tone_degree: float = 0.0
    """The hottest tone since the requester was last satisfied."""
    tone_words: tuple[Personal, ...] = ()
    exchanges: int = 1
    exchange_event: UUID | None = None
    """The message or reply that reached the threshold."""
    reopened_by: tuple[UUID, ...] = ()
    slack: int = 0
    """How near the next SLA deadline is: 0 far, 1 warned of, 2 passed."""
    category: str | None = None
    tier: Tier = Tier.STANDARD
    senior_sender: bool = False
    clients: int = 1
    """Distinct clients in the open cluster or incident that the ticket belongs to."""
    incident_clients: int = 0
    """The same, where a person has confirmed the incident; 0 where none has."""
    learned: float | None = None
    """Points that the desk's learned model adds to the urgency; None where none is switched on."""


def inputs_of(facts: Facts) -> Inputs:
    """The numbers of some facts. Built without checks, for every value is one of the facts' own."""
    return Inputs.model_construct(
        stated=facts.stated,
        confirmed=facts.confirmed,
        denied=facts.denied,
        phrases=tuple((evidence.code, evidence.points) for evidence in facts.words),
        tone=facts.tone,
        tone_degree=facts.tone_degree,
        exchanges=facts.exchanges,
        reopened=len(facts.reopened_by),
        slack=facts.slack,
        matter=facts.category,
        tier=facts.tier,
        senior_sender=facts.senior_sender,
        clients=facts.clients,
        incident_clients=facts.incident_clients,
        learned=facts.learned,
    )


def facts_of(inputs: Inputs, reasons: Sequence[Reason] = ()) -> Facts:
    """The facts of recorded numbers, with the words and events that the recorded reasons name."""
    said = {reason.code: reason for reason in reasons}
    tone, exchanges, reopened = (said.get(code) for code in ("tone", "exchanges", "reopened"))
    named = reopened.events if reopened is not None else ()
    return Facts(
        stated=inputs.stated,
        confirmed=inputs.confirmed,
        denied=inputs.denied,
        words=tuple(
            Evidence(code, points, said[f"words.{code}"].words if f"words.{code}" in said else ())
            for code, points in inputs.phrases
        ),
        tone=inputs.tone,
        tone_degree=inputs.tone_degree,
        tone_words=tone.words if tone is not None else (),
        exchanges=inputs.exchanges,
        exchange_event=exchanges.events[0] if exchanges is not None and exchanges.events else None,
        reopened_by=(*named, *(NOBODY,) * inputs.reopened)[: inputs.reopened],
        slack=inputs.slack,
        category=inputs.matter,
        tier=inputs.tier,
        senior_sender=inputs.senior_sender,
        clients=inputs.clients,
        incident_clients=inputs.incident_clients,
        learned=inputs.learned,
    )
