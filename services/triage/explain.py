"""A ticket's words and what is known of its client -> category, tone and priority, each with its evidence. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from contracts.clients import Tier
from contracts.terms import Urgency
from contracts.tickets import TicketPrioritised
from services.kit.rules.priority import Facts, judge
from services.triage.category import UNSURE, Classified
from services.triage.reading import read_ticket
from services.triage.tone import Heard, Table


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
    """Category, tone and priority of one ticket, by what the service itself does."""
    answers = {} if asked.service is None else {"service": asked.service}
    reading = read_ticket(asked.subject, asked.body, tables, chosen=asked.category, answers=answers)
    classified = reading.classified or UNSURE
    facts = Facts(
        stated=asked.urgency,
        words=reading.words,
        tone=reading.heard.tone,
        tone_degree=reading.heard.degree,
        tone_words=reading.heard.words,
        exchanges=asked.exchanges,
        category=classified.service or classified.category,
        tier=asked.tier,
        clients=asked.clients,
        incident_clients=asked.incident_clients,
    )
    return Explained(classified, reading.heard, judge(facts))
