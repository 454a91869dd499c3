"""The reasons of a priority as codes enter, the sentences that explain it leave. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from services.desk import words
from services.desk.lines import opened
from services.desk.shapes import PriorityReason

SENTENCES: Mapping[str, str] = {
    "stated_urgency": "Stated urgency: {}",
    "words": "Words that sound like {}",
    "tone": "The tone of the requester",
    "exchanges": "Many messages to and fro",
    "reopened": "Opened again",
    "sla_slack": "Its deadline is near",
    "service": "Service: {}",
    "tier": "A {} client",
    "sender": "A senior sender",
    "learned": "What colleagues set in such cases",
    "clients_affected": "Several clients report it",
    "incident": "Part of a confirmed incident: at least {}",
}
WHOLE: Mapping[str, str] = {
    "stated_urgency.not_stated": "No urgency stated, taken as normal",
    "stated_urgency.rarely_confirmed": "Urgency that was rarely confirmed before",
    "text_alone": "A text alone reaches P2 at most",
    "service.unknown": "No service named, taken as important",
    "words.urgent": "Urgent words",
    "words.deadline": "Words of a deadline",
    "words.failure": "Words of a failure",
    "words.outage": "Words of an outage",
    "words.data_loss": "Words of lost data",
    "words.grave": "Sounds like a grave fault",
    "words.slight": "Sounds like a small matter",
    "words.security": "Words of a breach",
}


@dataclass(frozen=True)
class Ground:
    """One reason: its points, what it is, the requester's words that show it."""

    points: float
    sentence: str
    axis: str
    quotes: tuple[str, ...]


def grounds(reasons: Iterable[PriorityReason], inputs: Mapping[str, Any] | None = None) -> list[Ground]:
    """The reasons in their order, with the counts that they were judged from; those that gave no point come last."""
    told = [Ground(one.points, _sentence(one.code, inputs or {}), one.axis, _quotes(one.words)) for one in reasons]
    return sorted(told, key=lambda ground: ground.points == 0)


def _sentence(code: str, inputs: Mapping[str, Any]) -> str:
    """A code that this desk does not know yet is made readable."""
    clients = int(inputs.get("incident_clients" if code.startswith("incident.") else "clients") or 0)
    if clients > 1 and code == "clients_affected":
        return f"{clients} clients report it"
    if clients > 1 and code.startswith("incident."):
        return f"Part of a confirmed incident that hits {clients} clients: at least {code.partition('.')[2]}"
    confirmed, denied = int(inputs.get("confirmed") or 0), int(inputs.get("denied") or 0)
    if code == "stated_urgency.rarely_confirmed" and confirmed + denied:
        return f"Of {confirmed + denied} earlier claims of this client {confirmed or 'none'} proved so urgent"
    if code in WHOLE:
        return WHOLE[code]
    family, _, detail = code.partition(".")
    shown = detail if detail.startswith("P") else words.plain(detail).lower()
    return SENTENCES.get(family, words.plain(code.replace(".", " "))).format(shown)


def _quotes(found: Iterable[Any]) -> tuple[str, ...]:
    return tuple(text for text in map(opened, found) if text)
