"""(An incident before and after one event) -> which of its tickets to judge again, and whom to tell what. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from contracts import incidents as tell
from contracts.envelope import Recorded
from contracts.incident import Incident, IncidentStatus
from contracts.model import Event, Personal

TELL_MIN: Final = 0.9  # strength; who is less sure to be affected is not written to unasked


class Told(NamedTuple):
    """Words for some tickets. `text` None: that the problem is known, in the reader's language."""

    tickets: tuple[UUID, ...]
    name: str
    text: Personal | None
    next_update_at: datetime | None


class Plan(NamedTuple):
    """`judged` with how many clients the incident has for them: so many, and so many confirmed."""

    judged: tuple[UUID, ...]
    gone: tuple[UUID, ...]
    """Tickets that it has no more."""
    clients: int
    confirmed: int
    told: Told | None


def plan(before: Incident, after: Incident, event: Recorded[Event], *, has_words: bool) -> Plan:
    """What follows from an event. `has_words`: the incident has told something by now, if only after this event."""
    clients, confirmed = weight(after)
    changed = weight(before) != (clients, confirmed)
    new = tuple(ticket for ticket in after.members if ticket not in before.members)
    return Plan(
        judged=tuple(after.members) if changed else new,
        gone=tuple(ticket for ticket in before.members if ticket not in after.members),
        clients=clients,
        confirmed=confirmed,
        told=_told(before, after, event, new, has_words=has_words),
    )


def weight(incident: Incident) -> tuple[int, int]:
    """How many clients it counts for: none once it is over."""
    if not incident.is_open:
        return 1, 0
    count = max(1, len(incident.clients))
    return count, count if incident.status is IncidentStatus.CONFIRMED else 0


def _told(
    before: Incident, after: Incident, event: Recorded[Event], new: Sequence[UUID], *, has_words: bool
) -> Told | None:
    if isinstance(event.data, tell.IncidentUpdated):
        return Told(tuple(after.members), "update", event.data.text, event.data.next_update_at)
    if after.status is not IncidentStatus.CONFIRMED:
        return None
    if before.status is not IncidentStatus.CONFIRMED:  # who confirms mostly says something with it
        return None if has_words else Told(_sure(after, after.members), "known", None, None)
    tickets = _sure(after, new)
    if not tickets:
        return None
    if not after.updates:
        return None if has_words else Told(tickets, "known", None, None)
    last = after.updates[-1]
    return Told(tickets, "known", last.text, after.next_update_at)


def _sure(incident: Incident, tickets: Iterable[UUID]) -> tuple[UUID, ...]:
    return tuple(ticket for ticket in tickets if incident.members[ticket].strength >= TELL_MIN)
