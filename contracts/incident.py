"""The fold of an incident: (Incident, Recorded) -> Incident. Pure, and it never judges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from contracts import incidents
from contracts.envelope import Recorded
from contracts.incidents import Member, Sign
from contracts.model import Event, Personal


class IncidentStatus(StrEnum):
    ABSENT = "absent"
    SUSPECTED = "suspected"
    SUBSIDED = "subsided"
    """Suspected once; nothing speaks for it any more."""
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    MERGED = "merged"
    RESOLVED = "resolved"


@dataclass(frozen=True)
class Update:
    """Words that went to everyone affected."""

    id: UUID
    at: datetime
    by: str
    text: Personal
    next_update_at: datetime | None
    public: bool = False


@dataclass(frozen=True)
class Publication:
    """What the public status page calls it."""

    title: Personal
    service: Personal | None
    at: datetime


@dataclass(frozen=True)
class Incident:
    """What is known of one problem that hits several clients."""

    status: IncidentStatus = IncidentStatus.ABSENT
    version: int = 0
    origin: str = "live"
    title: Personal | None = None
    service: str | None = None
    opened_at: datetime | None = None
    """When it was suspected or declared."""
    first_seen_at: datetime | None = None
    """The first of its tickets."""
    updated_at: datetime | None = None
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None
    members: Mapping[UUID, Member] = field(default_factory=dict)
    removed: frozenset[UUID] = frozenset()
    """Tickets that a person took out: the radar does not bring them back."""
    signs: Mapping[str, Sign] = field(default_factory=dict)
    desk_clients: int = 0
    evidence: float = 0.0
    absorbed: Mapping[UUID, tuple[UUID, ...]] = field(default_factory=dict)
    """What came from other incidents, to be given back where that is taken back."""
    told_clients: frozenset[str] = frozenset()
    """Clients that were named without a ticket of theirs."""
    updates: tuple[Update, ...] = ()
    published: Publication | None = None
    next_update_at: datetime | None = None
    merged_into: UUID | None = None
    before_end: IncidentStatus = IncidentStatus.SUSPECTED
    """What it was when it ended, to go back to."""
    reason: Personal | None = None
    report: Personal | None = None

    @property
    def tickets(self) -> tuple[UUID, ...]:
        return tuple(self.members)

    @property
    def clients(self) -> frozenset[str]:
        return self.told_clients | {member.client for member in self.members.values() if member.client}

    @property
    def is_open(self) -> bool:
        """Whether it may still take in tickets."""
        return self.status in {IncidentStatus.SUSPECTED, IncidentStatus.CONFIRMED}


INITIAL = Incident()


def fold(events: Iterable[Recorded[Event]], incident: Incident = INITIAL) -> Incident:
    """The incident after these events, which follow in the order of its stream."""
    for event in events:
        incident = evolve(incident, event)
    return incident


def evolve(incident: Incident, event: Recorded[Event]) -> Incident:
    """The incident after one more event; events of other kinds only count."""
    now = replace(incident, version=event.version, updated_at=event.occurred_at)
    return _radar(now, event) or _course(now, event) or _words(now, event) or _members(now, event) or now


def _radar(now: Incident, event: Recorded[Event]) -> Incident | None:
    """What triage tells."""
    match event.data:
        case incidents.IncidentSuspected() as told:
            return replace(
                now,
                status=IncidentStatus.SUSPECTED,
                origin=event.origin,
                opened_at=event.occurred_at,
                first_seen_at=told.first_seen_at,
                members={member.ticket: member for member in told.members},
                signs={sign.key: sign for sign in told.signs},
                desk_clients=told.desk_clients,
                evidence=told.evidence,
                told_clients=frozenset(told.clients),
            )
        case incidents.IncidentGrew() as told:
            again = now.status is IncidentStatus.SUBSIDED
            return replace(
                _joined(now, [member for member in told.members if member.ticket not in now.removed]),
                status=IncidentStatus.SUSPECTED if again else now.status,
                ended_at=None if again else now.ended_at,
                signs={**now.signs, **{sign.key: sign for sign in told.signs}},
                desk_clients=max(now.desk_clients, told.desk_clients),
                evidence=max([now.evidence, *(sign.evidence for sign in told.signs)]),
            )
        case incidents.IncidentSubsided(into=into):
            if now.status is not IncidentStatus.SUSPECTED:
                return now
            return _ended(now, IncidentStatus.MERGED if into else IncidentStatus.SUBSIDED, event.occurred_at, into)
        case _:
            return None


def _course(now: Incident, event: Recorded[Event]) -> Incident | None:
    """What people decide."""
    at = event.occurred_at
    match event.data:
        case incidents.IncidentOpened(title=title, service=service):
            return replace(
                now, status=IncidentStatus.CONFIRMED, origin=event.origin, opened_at=at, confirmed_at=at, title=title,
                service=service,
            )  # fmt: skip
        case incidents.IncidentConfirmed(title=title):
            return replace(
                now, status=IncidentStatus.CONFIRMED, title=title, confirmed_at=now.confirmed_at or at, ended_at=None
            )
        case incidents.IncidentRejected(reason=reason):
            return replace(_ended(now, IncidentStatus.REJECTED, at), reason=reason)
        case incidents.IncidentResolved(report=report):
            return replace(_ended(now, IncidentStatus.RESOLVED, at), report=report)
        case incidents.IncidentMerged(into=into):
            return _ended(now, IncidentStatus.MERGED, at, into)
        case incidents.IncidentReopened():
            return replace(now, status=now.before_end, ended_at=None, merged_into=None, reason=None, report=None)
        case _:
            return None


def _words(now: Incident, event: Recorded[Event]) -> Incident | None:
    """What people tell those affected, and everybody."""
    at = event.occurred_at
    match event.data:
        case incidents.IncidentPublished(title=title, service=service):
            return replace(now, published=Publication(title, service, at))
        case incidents.IncidentWithdrawn():
            return replace(now, published=None)
        case incidents.IncidentUpdated(text=text, next_update_at=due, public=public):
            told = Update(event.id, at, event.actor, text, due, public)
            return replace(now, updates=(*now.updates, told), next_update_at=due)
        case _:
            return None


def _members(now: Incident, event: Recorded[Event]) -> Incident | None:
    match event.data:
        case incidents.IncidentTicketAdded(ticket=ticket, client=client, strength=strength):
            member = Member(ticket=ticket, client=client, at=event.occurred_at, strength=strength)
            return replace(_joined(now, [member]), removed=now.removed - {ticket})
        case incidents.IncidentAbsorbed(incident=other, members=members):
            came = tuple(member.ticket for member in members)
            joined = _joined(now, members)
            return replace(joined, removed=now.removed - set(came), absorbed={**now.absorbed, other: came})
        case incidents.IncidentTicketRemoved(ticket=ticket):
            return _left(now, {ticket})
        case incidents.IncidentSplit(tickets=tickets) | incidents.IncidentReleased(tickets=tickets):
            return _left(now, set(tickets))
        case _:
            return None


def _joined(now: Incident, members: Iterable[Member]) -> Incident:
    """With more members; one that is there already may only become surer."""
    known = dict(now.members)
    for member in members:
        before = known.get(member.ticket)
        if before is None or before.strength < member.strength:
            known[member.ticket] = member if before is None else before.model_copy(update={"strength": member.strength})
    seen = [member.at for member in known.values()]
    return replace(now, members=known, first_seen_at=min([*seen, now.first_seen_at or seen[0]]) if seen else None)


def _left(now: Incident, tickets: set[UUID]) -> Incident:
    members = {ticket: member for ticket, member in now.members.items() if ticket not in tickets}
    return replace(now, members=members, removed=now.removed | tickets, told_clients=frozenset())


def _ended(now: Incident, status: IncidentStatus, at: datetime, into: UUID | None = None) -> Incident:
    before = now.status if now.is_open else now.before_end
    return replace(now, status=status, ended_at=at, merged_into=into, next_update_at=None, before_end=before)
