"""(Incident, its events, names) -> an incident as the API shows it. Pure; personal values were opened before.

Who may see some clients is shown their tickets, what was said to everybody, and nothing that tells of the others: no
evidence, no counts, no words that agents wrote among themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from contracts import incidents as tell
from contracts.envelope import Recorded
from contracts.incident import Incident
from contracts.incidents import Member, Sign
from contracts.model import Event
from services.kit.access import Principal
from services.kit.rules.signs import sign_sentence
from services.reporting.ticket_shape import plain

SIGNS_SHOWN: Final = 12
GROWTH_POINTS: Final = 120  # of a drawing; more than it has pixels to tell apart
TICKETS_SHOWN: Final = 500

Open = Mapping[str, str]
"""A sealed value's text, by its ciphertext."""


@dataclass
class Known:
    """What is known around incidents: names of clients, tickets as the queue has them, opened words, actors' names."""

    clients: Mapping[str, str] = field(default_factory=dict)
    tickets: Mapping[UUID, Mapping[str, Any]] = field(default_factory=dict)
    actors: Mapping[str, Any] = field(default_factory=dict)


def line_shape(identifier: UUID, incident: Incident, caller: Principal, known: Known) -> dict[str, Any]:
    """An incident in a list."""
    whole = caller.clients is None
    members = seen_members(incident, caller)
    return {
        "id": identifier,
        "status": incident.status.value,
        "title": plain(incident.title),
        "service": incident.service,
        "opened_at": incident.opened_at,
        "first_seen_at": min((member.at for member in members), default=incident.opened_at),
        "confirmed_at": incident.confirmed_at,
        "ended_at": incident.ended_at,
        "next_update_at": incident.next_update_at,
        "merged_into": incident.merged_into if whole else None,
        "clients": _clients(incident, members, caller, known),
        "ticket_count": len(members),
        "evidence": sentences(incident)[:3] if whole else [],
        "growth": growth(members),
        "version": incident.version if whole else None,
    }


def incident_shape(
    identifier: UUID, incident: Incident, events: Sequence[Recorded[Event]], caller: Principal, known: Known
) -> dict[str, Any]:
    """The whole incident."""
    whole = caller.clients is None
    members = seen_members(incident, caller)
    return line_shape(identifier, incident, caller, known) | {
        "evidence": sentences(incident) if whole else [],
        "signs": [_sign(sign) for sign in strongest(incident)] if whole else [],
        "desk_clients": incident.desk_clients if whole else None,
        "tickets": [_ticket(member, known) for member in surest(members)[:TICKETS_SHOWN]],
        "updates": [_update(update, known, whole=whole) for update in incident.updates],
        "timeline": [entry for event in events if (entry := _entry(event, known, whole=whole)) is not None],
        "published": _published(incident),
        "reason": plain(incident.reason) if whole else None,
        "summary": plain(incident.report) if whole else None,
        "report": _report(incident, members) if incident.ended_at is not None else None,
    }


def seen_members(incident: Incident, caller: Principal) -> list[Member]:
    """The members of clients that the caller may see, in order of their coming."""
    mine = [member for member in incident.members.values() if caller.may_see(member.client)]
    return sorted(mine, key=lambda member: (member.at, member.ticket))


def surest(members: Iterable[Member]) -> list[Member]:
    return sorted(members, key=lambda member: (-member.strength, member.at, member.ticket))


def strongest(incident: Incident) -> list[Sign]:
    return sorted(incident.signs.values(), key=lambda sign: (-sign.above, sign.key))[:SIGNS_SHOWN]


def sentences(incident: Incident) -> list[str]:
    """The evidence in words, the strongest first. Words were opened before."""
    return [
        sign_sentence(
            sign.kind, str(sign.word), clients=sign.clients, tickets=sign.tickets, expected=sign.expected,
            desk_clients=incident.desk_clients,
        )
        for sign in strongest(incident)
    ]  # fmt: skip


def growth(members: Sequence[Member]) -> list[dict[str, Any]]:
    """How many tickets and clients there were at each instant that brought one, thinned out to GROWTH_POINTS."""
    clients: set[str] = set()
    points = []
    for count, member in enumerate(members, start=1):
        clients.add(member.client)
        points.append({"at": member.at, "tickets": count, "clients": len(clients)})
    step = max(1, -(-len(points) // GROWTH_POINTS))
    return [*points[:-1:step], *points[-1:]]


def _clients(incident: Incident, members: Sequence[Member], caller: Principal, known: Known) -> list[dict[str, Any]]:
    counts: dict[str, int] = {client: 0 for client in sorted(incident.told_clients) if caller.may_see(client)}
    for member in members:
        counts[member.client] = counts.get(member.client, 0) + 1
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return [{"id": one, "name": known.clients.get(one, one), "tickets": count} for one, count in ordered if one]


def _sign(sign: Sign) -> dict[str, Any]:
    return {
        "kind": sign.kind,
        "word": sign.word,
        "clients": sign.clients,
        "tickets": sign.tickets,
        "expected": sign.expected,
        "evidence": sign.evidence,
        "above": sign.above,
    }


def _ticket(member: Member, known: Known) -> dict[str, Any]:
    row = known.tickets.get(member.ticket, {})
    return {
        "id": member.ticket,
        "reference": row.get("reference"),
        "client": member.client,
        "client_name": known.clients.get(member.client, member.client),
        "subject": row.get("subject"),
        "status": row.get("status"),
        "priority": row.get("priority"),
        "at": member.at,
        "strength": round(member.strength, 3),
    }


def _update(update: Any, known: Known, *, whole: bool) -> dict[str, Any]:
    return {
        "id": update.id,
        "at": update.at,
        "by": known.actors.get(update.by) if whole else None,
        "text": plain(update.text),
        "next_update_at": update.next_update_at,
        "public": update.public,
    }


def _published(incident: Incident) -> dict[str, Any] | None:
    """What the public status page calls it."""
    told = incident.published
    return None if told is None else {"title": plain(told.title), "service": plain(told.service), "at": told.at}


TOLD: Final = {
    tell.IncidentSuspected.type: "suspected",
    tell.IncidentSubsided.type: "subsided",
    tell.IncidentOpened.type: "declared",
    tell.IncidentConfirmed.type: "confirmed",
    tell.IncidentRejected.type: "rejected",
    tell.IncidentReopened.type: "reopened",
    tell.IncidentMerged.type: "merged",
    tell.IncidentAbsorbed.type: "absorbed",
    tell.IncidentReleased.type: "released",
    tell.IncidentSplit.type: "split",
    tell.IncidentTicketAdded.type: "ticket added",
    tell.IncidentTicketRemoved.type: "ticket removed",
    tell.IncidentUpdated.type: "update",
    tell.IncidentPublished.type: "published",
    tell.IncidentWithdrawn.type: "withdrawn",
    tell.IncidentResolved.type: "resolved",
}
OF_ALL: Final = frozenset({"suspected", "declared", "confirmed", "update", "resolved"})


def _entry(event: Recorded[Event], known: Known, *, whole: bool) -> dict[str, Any] | None:
    kind = TOLD.get(event.type)
    if kind is None or not (whole or kind in OF_ALL):
        return None
    return {"at": event.occurred_at, "kind": kind, "by": known.actors.get(event.actor) if whole else None}


def _report(incident: Incident, members: Sequence[Member]) -> dict[str, Any]:
    began = min([member.at for member in members] + ([incident.opened_at] if incident.opened_at else []), default=None)
    ended: datetime | None = incident.ended_at
    return {
        "began_at": began,
        "ended_at": ended,
        "seconds": int((ended - began).total_seconds()) if began and ended else None,
        "seconds_to_detect": _between(began, incident.opened_at),
        "seconds_to_confirm": _between(began, incident.confirmed_at),
        "clients": len({member.client for member in members}),
        "tickets": len(members),
        "updates": len(incident.updates),
    }


def _between(began: datetime | None, at: datetime | None) -> int | None:
    return int((at - began).total_seconds()) if began and at else None
