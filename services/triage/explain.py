"""A ticket's words and what is known of its client -> category, tone and priority, each with its evidence. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from contracts.clients import Tier
from contracts.terms import Urgency
from contracts.tickets import TicketPrioritised
from services.kit.rules.priority import Facts, judge
from services.triage.category import Classified, classify
from services.triage.phrases import evidence_in
from services.triage.tone import Heard, Table, hear


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
        tone=heard.tone,
        tone_degree=heard.degree,
        tone_words=heard.words,
        exchanges=asked.exchanges,
        category=classified.service or classified.category,
        tier=asked.tier,
        clients=asked.clients,
        incident_clients=asked.incident_clients,
    )
    return Explained(classified, heard, judge(facts))
