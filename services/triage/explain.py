"""A ticket's words and what is known of its client -> category, tone and priority, each with its evidence. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from contracts.clients import Tier
from contracts.terms import Tone, Urgency
from contracts.tickets import TicketPrioritised
from services.kit.rules.priority import TONE, Facts, judge
from services.triage.category import Classified, classify
from services.triage.phrases import evidence_in
from services.triage.tone import STRONG, Heard, Table, hear

HEATED: Final = frozenset({Tone.ANGRY, Tone.FRUSTRATED})
HEARD_FROM: Final = 0.3  # degree; what is softer may be chance, and gives no points


class Asked(NamedTuple):
    """One ticket, as far as it is known."""

    subject: str = ""
    body: str = ""
    urgency: Urgency | None = None
    category: str | None = None
    service: str | None = None
    tier: Tier = Tier.STANDARD
    clients: int = 1
    incident_clients: int = 0
    exchanges: int = 1


class Explained(NamedTuple):
    """What triage makes of it."""

    classified: Classified
    heard: Heard
    prioritised: TicketPrioritised


def explain(asked: Asked, tables: Mapping[str, Table]) -> Explained:
    """Category, tone and priority of one ticket."""
    classified = classify(asked.subject, asked.body, asked.category, asked.service)
    heard = hear(f"{asked.subject}\n{asked.body}", tables)
    facts = Facts(
        stated=asked.urgency,
        words=evidence_in(asked.subject, asked.body),
        tone_points=tone_points(heard),
        tone_words=heard.words,
        exchanges=asked.exchanges,
        category=classified.service or classified.category,
        tier=asked.tier,
        clients=asked.clients,
        incident_clients=asked.incident_clients,
    )
    return Explained(classified, heard, judge(facts))


def tone_points(heard: Heard) -> int:
    """What a tone adds to the urgency: anger and frustration count, courtesy takes nothing away."""
    if heard.tone not in HEATED or heard.degree < HEARD_FROM:
        return 0
    return TONE[1] if heard.tone is Tone.ANGRY or heard.degree >= STRONG else TONE[0]
