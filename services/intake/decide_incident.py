"""(Command, Incident, what the edge knows) -> its events, and those of the other incident where two are meant. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple, assert_never
from uuid import UUID

from contracts import incident_commands as ask
from contracts import incidents as tell
from contracts.incident import Incident, IncidentStatus
from contracts.model import Event
from services.kit.refused import Refused

MEMBERS_MAX: Final = 5_000  # tickets of one incident
NEXT_UPDATE_MAX: Final = timedelta(days=7)
NAME_MIN: Final = 4  # letters; a shorter name is too often an ordinary word

RADAR_FOUND: Final = frozenset({IncidentStatus.SUSPECTED, IncidentStatus.SUBSIDED})


class Names(NamedTuple):
    """What a client is called: its name, its slug, and what its references begin with."""

    name: str
    slug: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Given:
    """What the edge knows: the instant, tickets by the names that the command gives them, and clients' names."""

    now: datetime
    tickets: Mapping[str, tuple[UUID, str]] = field(default_factory=dict)
    """Name -> the ticket's id and client."""
    clients: tuple[Names, ...] = ()
    """Those whom the incident hits."""
    everyone: tuple[Names, ...] = ()
    """All whom the desk serves, where everybody is to read the words."""
    other: Incident = field(default_factory=Incident)
    other_id: UUID | None = None
    own_id: UUID | None = None


class Decided(NamedTuple):
    own: list[Event]
    other: list[Event]


def decide(command: ask.IncidentCommand, incident: Incident, given: Given) -> Decided:
    """The events that answer a command. Raises Refused."""
    if isinstance(command, ask.OpenIncident):
        return Decided(_open(command, given), [])
    if incident.status is IncidentStatus.ABSENT:
        raise Refused("not_found", "there is no such incident")
    match command:
        case ask.MergeIncident():
            return _merge(incident, given)
        case ask.SplitIncident():
            return _split(command, incident, given)
        case ask.ReopenIncident():
            return _reopen(command, incident, given)
        case _:
            return Decided(_decide(command, incident, given), [])


def _decide(
    command: ask.ChangeIncidentTickets
    | ask.ConfirmIncident
    | ask.RejectIncident
    | ask.UpdateIncident
    | ask.ResolveIncident
    | ask.PublishIncident
    | ask.WithdrawIncident,
    incident: Incident,
    given: Given,
) -> list[Event]:
    match command:
        case ask.ChangeIncidentTickets():
            return _tickets(command, incident, given)
        case ask.ConfirmIncident():
            return _confirm(command, incident, given)
        case ask.RejectIncident():
            if incident.status is IncidentStatus.REJECTED:
                return []
            if incident.status not in RADAR_FOUND:
                raise _not_now(incident, "rejected")
            return [tell.IncidentRejected(reason=command.reason)]
        case ask.UpdateIncident():
            _refuse_unconfirmed(incident)
            return [_update(command, incident.published is not None, given)]
        case ask.ResolveIncident():
            return _resolve(command, incident, given)
        case ask.PublishIncident():
            return [_publish(command, incident, given)]
        case ask.WithdrawIncident():
            return [] if incident.published is None else [tell.IncidentWithdrawn()]
        case _:
            assert_never(command)


def _open(command: ask.OpenIncident, given: Given) -> list[Event]:
    _refuse_names(command.title, given.clients, "title")
    opened = tell.IncidentOpened(title=command.title, service=command.service)
    tickets = dict.fromkeys(given.tickets[name] for name in command.tickets)
    return [opened, *(tell.IncidentTicketAdded(ticket=ticket, client=client) for ticket, client in tickets)]


def _tickets(command: ask.ChangeIncidentTickets, incident: Incident, given: Given) -> list[Event]:
    """What is there is not added, what is not there is not removed."""
    _refuse_ended(incident)
    added = dict.fromkeys(given.tickets[name] for name in command.add)
    removed = dict.fromkeys(given.tickets[name][0] for name in command.remove)
    both = {ticket for ticket, _ in added} & removed.keys()
    if both:
        raise Refused("ticket_added_and_removed", f"the ticket {min(both)} is added and removed at once", "remove")
    if len(incident.members) + len(added) > MEMBERS_MAX:
        raise Refused("too_many_tickets", f"an incident has at most {MEMBERS_MAX} tickets", "add")
    return [
        *(tell.IncidentTicketAdded(ticket=one, client=client) for one, client in added if one not in incident.members),
        *(tell.IncidentTicketRemoved(ticket=ticket) for ticket in removed if ticket in incident.members),
    ]


def _confirm(command: ask.ConfirmIncident, incident: Incident, given: Given) -> list[Event]:
    if incident.status not in RADAR_FOUND | {IncidentStatus.REJECTED, IncidentStatus.CONFIRMED}:
        raise _not_now(incident, "confirmed")
    _refuse_names(command.title, given.clients, "title")
    events: list[Event] = []
    if incident.status is not IncidentStatus.CONFIRMED or incident.title != command.title:
        events.append(tell.IncidentConfirmed(title=command.title))
    if command.public:
        _refuse_names(command.title, given.everyone, "title")
        events.append(tell.IncidentPublished(title=command.title))
    if command.text is not None:
        events.append(_update(command, command.public, given))
    elif command.next_update_at is not None:
        raise Refused("text_missing", "a promised update comes with words for those affected", "text")
    return events


def _resolve(command: ask.ResolveIncident, incident: Incident, given: Given) -> list[Event]:
    if incident.status is IncidentStatus.RESOLVED:
        return []
    _refuse_unconfirmed(incident)
    if command.public and command.text is None:
        raise Refused("text_missing", "what is public has words for everybody", "text")
    last: list[Event] = []
    if command.text is not None:
        words = ask.UpdateIncident(text=command.text, public=command.public)
        last.append(_update(words, incident.published is not None, given))
    return [*last, tell.IncidentResolved(report=command.summary)]


def _publish(command: ask.PublishIncident, incident: Incident, given: Given) -> tell.IncidentPublished:
    """What happened is known to be true: a suspicion is not published, an incident that is over still may be."""
    if incident.status is not IncidentStatus.RESOLVED:
        _refuse_unconfirmed(incident)
    for text, where in ((command.title, "title"), (command.service, "service")):
        _refuse_names(text or "", (*given.clients, *given.everyone), where)
    return tell.IncidentPublished(title=command.title, service=command.service)


def _update(command: ask.UpdateIncident | ask.ConfirmIncident, published: bool, given: Given) -> tell.IncidentUpdated:
    text, due = command.text or "", command.next_update_at
    if command.public and not published:
        raise Refused("not_published", "public words need an incident that is on the status page", "public")
    _refuse_names(text, (*given.clients, *given.everyone), "text")
    if due is not None:
        if due <= given.now:
            raise Refused("checkpoint_past", f"{due.isoformat()} is over already", "next_update_at")
        if due - given.now > NEXT_UPDATE_MAX:
            days = NEXT_UPDATE_MAX.days
            raise Refused("checkpoint_too_far", f"the next update is at most {days} days ahead", "next_update_at")
    return tell.IncidentUpdated(text=text, next_update_at=due, public=command.public)


def _merge(incident: Incident, given: Given) -> Decided:
    """The tickets go on in the other one; what it has already stays as it is."""
    if incident.status is IncidentStatus.MERGED and incident.merged_into == given.other_id:
        return Decided([], [])
    _refuse_ended(incident)
    if given.other.status is IncidentStatus.ABSENT or given.other_id is None or given.own_id is None:
        raise Refused("unknown_incident", "the other incident is unknown", "into")
    if given.other_id == given.own_id:
        raise Refused("merged_into_itself", "an incident can't go on in itself", "into")
    if not given.other.is_open:
        raise Refused("merged_into_closed", "the other incident has ended", "into")
    if incident.published is not None and given.other.published is None:
        raise Refused("published", "it is on the status page, and the other one is not", "into")
    new = tuple(member for ticket, member in incident.members.items() if ticket not in given.other.members)
    taken = tell.IncidentAbsorbed(incident=given.own_id, members=new)
    return Decided([tell.IncidentMerged(into=given.other_id)], [taken])


def _split(command: ask.SplitIncident, incident: Incident, given: Given) -> Decided:
    _refuse_ended(incident)
    _refuse_names(command.title, given.clients, "title")
    tickets = tuple(dict.fromkeys(given.tickets[name][0] for name in command.tickets))
    strange = [ticket for ticket in tickets if ticket not in incident.members]
    if strange:
        raise Refused("not_a_member", f"the ticket {strange[0]} is none of this incident's", "tickets")
    if len(tickets) == len(incident.members):
        raise Refused("nothing_left", "at least one ticket has to stay", "tickets")
    assert given.other_id is not None  # noqa: S101  the edge names the new incident
    assert given.own_id is not None  # noqa: S101
    members = tuple(incident.members[ticket] for ticket in tickets)
    born = [
        tell.IncidentOpened(title=command.title, service=incident.service),
        tell.IncidentAbsorbed(incident=given.own_id, members=members),
    ]
    return Decided([tell.IncidentSplit(into=given.other_id, tickets=tickets)], [*born])


def _reopen(command: ask.ReopenIncident, incident: Incident, given: Given) -> Decided:
    """Back to what it was; out of a merging with the tickets that it had brought."""
    if incident.is_open:
        return Decided([], [])
    back: list[Event] = []
    if incident.status is IncidentStatus.MERGED and given.own_id is not None:
        brought = tuple(one for one in given.other.absorbed.get(given.own_id, ()) if one in given.other.members)
        back = [tell.IncidentReleased(incident=given.own_id, tickets=brought)] if brought else []
    return Decided([tell.IncidentReopened(reason=command.reason)], back)


def _refuse_ended(incident: Incident) -> None:
    if not incident.is_open:
        raise _not_now(incident, "changed")


def _refuse_unconfirmed(incident: Incident) -> None:
    if incident.status is not IncidentStatus.CONFIRMED:
        raise Refused("not_confirmed", f"the incident is {incident.status.value}, not confirmed")


def _not_now(incident: Incident, what: str) -> Refused:
    return Refused("incident_ended", f"the incident is {incident.status.value} and can't be {what}")


def _refuse_names(text: str, clients: Iterable[Names], where: str) -> None:
    """Others read it, and nobody learns who else is affected, or whom else the desk serves."""
    folded = text.casefold()
    for client in clients:
        called = [one for one in (client.name, client.slug) if len(one) >= NAME_MIN and one.casefold() in folded]
        named = any(re.search(rf"(?<!\w){re.escape(one)}(?!\w)", text, re.IGNORECASE) for one in called)
        short = 1 < len(client.name) < NAME_MIN and re.search(rf"(?<!\w){re.escape(client.name)}(?!\w)", text)
        reference = client.prefix.casefold() in folded and re.search(
            rf"\b{re.escape(client.prefix)}-\d", text, re.IGNORECASE
        )
        if named or short or reference:
            raise Refused("names_a_client", f"the text names the client {client.name}, and others read it", where)
