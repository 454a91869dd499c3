"""Events of an incident: one problem that hits several clients. They live with the desk, client `_desk`. Pure data.

What people write here is sealed to the agent who wrote it: free text may name anybody.
"""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime

from contracts.model import Event, Personal


class IncidentSuspected(Event):
    """The radar's evidence: keys by kind (words sealed to the requesters), clients, tickets, and how unlikely it is."""

    type: ClassVar[str] = "incident.suspected"
    keys: tuple[tuple[str, Personal], ...]
    clients: tuple[str, ...]
    tickets: tuple[UUID, ...]
    evidence: float
    expected_clients: float
    first_seen_at: AwareDatetime
    rule_version: str


class IncidentOpened(Event):
    """A person declared it."""

    type: ClassVar[str] = "incident.opened"
    title: Personal
    service: str | None = None


class IncidentConfirmed(Event):
    type: ClassVar[str] = "incident.confirmed"
    title: Personal


class IncidentRejected(Event):
    type: ClassVar[str] = "incident.rejected"
    reason: Personal


class IncidentTicketAdded(Event):
    type: ClassVar[str] = "incident.ticket_added"
    ticket: UUID
    client: str
    strength: float = 1.0


class IncidentTicketRemoved(Event):
    type: ClassVar[str] = "incident.ticket_removed"
    ticket: UUID


class IncidentUpdated(Event):
    """Words for everyone affected; they name no client."""

    type: ClassVar[str] = "incident.updated"
    text: Personal
    next_update_at: AwareDatetime | None = None


class IncidentResolved(Event):
    type: ClassVar[str] = "incident.resolved"
    report: Personal
