"""Events of an incident: one problem that hits several clients. They live with the desk, client `_desk`. Pure data.

What people write here is sealed to the agent who wrote it: free text may name anybody. Words of tickets are sealed to
the requester of a ticket that showed them.
"""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime

from contracts.model import Event, Part, Personal


class Sign(Part):
    """What distinct clients say at a rate that their history does not explain: so many of them in so many tickets."""

    key: str
    """What tells two signs apart: a keyed hash of the word."""
    kind: str
    """category, service, name, word or words."""
    word: Personal
    clients: int
    tickets: int
    expected: float
    evidence: float
    above: float
    """Evidence above the threshold; a mere suspicion lies below zero."""


class Member(Part):
    """A ticket of an incident, and how surely it belongs to it: 0 to 1."""

    ticket: UUID
    client: str
    at: AwareDatetime
    strength: float = 1.0


class IncidentSuspected(Event):
    """The radar's evidence: keys by kind (words sealed to the requesters), clients, tickets, and how unlikely it is."""

    type: ClassVar[str] = "incident.suspected"
    schema_version: ClassVar[int] = 2
    keys: tuple[tuple[str, Personal], ...]
    clients: tuple[str, ...]
    tickets: tuple[UUID, ...]
    evidence: float
    expected_clients: float
    first_seen_at: AwareDatetime
    rule_version: str
    signs: tuple[Sign, ...]
    members: tuple[Member, ...]
    desk_clients: int
    """Clients that the desk had heard of by then."""


class IncidentGrew(Event):
    """The radar's cluster took in tickets, or its evidence became stronger: only what is new stands here."""

    type: ClassVar[str] = "incident.grew"
    members: tuple[Member, ...] = ()
    signs: tuple[Sign, ...] = ()
    desk_clients: int = 0


class IncidentSubsided(Event):
    """Nothing speaks for the suspicion any more; or it proved to be the same as another one."""

    type: ClassVar[str] = "incident.subsided"
    last_seen_at: AwareDatetime
    into: UUID | None = None


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


class IncidentReopened(Event):
    """A rejection, an end or a merging is taken back: it stands as it did before."""

    type: ClassVar[str] = "incident.reopened"
    reason: Personal


class IncidentTicketAdded(Event):
    type: ClassVar[str] = "incident.ticket_added"
    ticket: UUID
    client: str
    strength: float = 1.0


class IncidentTicketRemoved(Event):
    type: ClassVar[str] = "incident.ticket_removed"
    ticket: UUID


class IncidentMerged(Event):
    """This incident goes on in another one."""

    type: ClassVar[str] = "incident.merged"
    into: UUID


class IncidentAbsorbed(Event):
    """Tickets of another incident that go on in this one."""

    type: ClassVar[str] = "incident.absorbed"
    incident: UUID
    members: tuple[Member, ...]


class IncidentReleased(Event):
    """What had come from another incident goes back to it."""

    type: ClassVar[str] = "incident.released"
    incident: UUID
    tickets: tuple[UUID, ...]


class IncidentSplit(Event):
    """Tickets of this incident went on as an incident of their own."""

    type: ClassVar[str] = "incident.split"
    into: UUID
    tickets: tuple[UUID, ...]


class IncidentUpdated(Event):
    """Words for everyone affected; they name no client. Public ones stand on the status page too."""

    type: ClassVar[str] = "incident.updated"
    schema_version: ClassVar[int] = 2
    text: Personal
    next_update_at: AwareDatetime | None = None
    public: bool = False


class IncidentPublished(Event):
    """From now on it stands on the public status page, under a title for everybody."""

    type: ClassVar[str] = "incident.published"
    title: Personal
    service: Personal | None = None


class IncidentWithdrawn(Event):
    """Taken off the public status page."""

    type: ClassVar[str] = "incident.withdrawn"


class IncidentResolved(Event):
    type: ClassVar[str] = "incident.resolved"
    report: Personal
