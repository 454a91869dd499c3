"""The fold of an incident: (Incident, Recorded) -> Incident. Pure, and it never judges."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from contracts import incidents
from contracts.envelope import Recorded
from contracts.model import Event, Personal


class IncidentStatus(StrEnum):
    ABSENT = "absent"
    SUSPECTED = "suspected"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    RESOLVED = "resolved"


@dataclass(frozen=True)
class Incident:
    """What is known of one problem that hits several clients."""

    status: IncidentStatus = IncidentStatus.ABSENT
    version: int = 0
    title: Personal | None = None
    opened_at: datetime | None = None
    tickets: tuple[UUID, ...] = ()
    clients: frozenset[str] = frozenset()
    next_update_at: datetime | None = None


INITIAL = Incident()


def fold(events: Iterable[Recorded[Event]], incident: Incident = INITIAL) -> Incident:
    """The incident after these events, which follow in the order of its stream."""
    for event in events:
        incident = evolve(incident, event)
    return incident


def evolve(incident: Incident, event: Recorded[Event]) -> Incident:  # noqa: PLR0911 - one return an event
    """The incident after one more event; events of other kinds only count."""
    now = replace(incident, version=event.version)
    match event.data:
        case incidents.IncidentSuspected(tickets=found, clients=clients):
            return replace(
                now,
                status=IncidentStatus.SUSPECTED,
                opened_at=event.occurred_at,
                tickets=found,
                clients=frozenset(clients),
            )
        case incidents.IncidentOpened(title=title):
            return replace(now, status=IncidentStatus.CONFIRMED, opened_at=event.occurred_at, title=title)
        case incidents.IncidentConfirmed(title=title):
            return replace(now, status=IncidentStatus.CONFIRMED, title=title)
        case incidents.IncidentRejected():
            return replace(now, status=IncidentStatus.REJECTED)
        case incidents.IncidentTicketAdded(ticket=ticket, client=client):
            return replace(now, tickets=(*incident.tickets, ticket), clients=incident.clients | {client})
        case incidents.IncidentTicketRemoved(ticket=ticket):
            return replace(now, tickets=tuple(t for t in incident.tickets if t != ticket))
        case incidents.IncidentUpdated(next_update_at=next_update_at):
            return replace(now, next_update_at=next_update_at)
        case incidents.IncidentResolved():
            return replace(now, status=IncidentStatus.RESOLVED, next_update_at=None)
        case _:
            return now
