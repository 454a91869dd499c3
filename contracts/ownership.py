"""Which service may append which event. The append function in the database refuses the rest. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from contracts.catalogue import EVENTS

TRIAGE: Final = frozenset(
    {
        "ticket.classified",
        "ticket.tone_detected",
        "ticket.prioritised",
        "ticket.priority_suggested",
        "ticket.checkpoint_kept",
        "ticket.checkpoint_missed",
        "sla.warned",
        "sla.breached",
        "sla.met",
        "sla.escalated",
        "incident.suspected",
        "incident.grew",
        "incident.subsided",
    }
)
NOTIFICATION: Final = frozenset({"delivery.sent", "delivery.failed", "delivery.bounced"})

OWNERS: Final[Mapping[str, frozenset[str]]] = {
    "daybook_intake": frozenset(EVENTS) - TRIAGE - NOTIFICATION,
    "daybook_triage": TRIAGE,
    "daybook_notification": NOTIFICATION,
}
"""Database role -> event types. Reporting, desk and relay write nothing."""


def is_intake_owned(event_type: str) -> bool:
    """Whether an event disturbs an agent's `If-Match`: facts of triage and notification do not."""
    return event_type in OWNERS["daybook_intake"]


def rows() -> Iterator[tuple[str, str]]:
    """(role, event type), sorted, for the table that the append function asks."""
    for role in sorted(OWNERS):
        for event_type in sorted(OWNERS[role]):
            yield role, event_type
