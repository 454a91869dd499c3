"""An incident command and its call -> its answer. I/O: read, decide on the fold, append after the version read.

Incidents belong to the whole desk: who may see some clients can't change one, and of one that hits none of theirs does
not learn that it is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

import orjson

from contracts.envelope import EPOCH, Origin, Recorded
from contracts.incident import INITIAL, Incident, IncidentStatus, evolve, fold
from contracts.incident_commands import (
    ChangeIncidentTickets,
    IncidentCommand,
    MergeIncident,
    OpenIncident,
    PublishIncident,
    SplitIncident,
)
from contracts.model import DESK, Event, Seal
from contracts.subjects import lane_of, lane_of_client, stamp_lane
from contracts.tickets import TicketSubmitted
from services.intake.answers import IncidentAnswer
from services.intake.call import Call
from services.intake.decide_incident import Decided, Given, Names, decide
from services.intake.done_before import done_before, reused
from services.intake.edge import Edge, Stamp, instant, new_events, sealer, stamp, write
from services.intake.route import Answered
from services.intake.served import everyone_served
from services.intake.tickets import find_stream
from services.kit.log.append import Append, CommandDone, CommandReused, Conflict, NewEvent
from services.kit.log.read import read_stream
from services.kit.references import read_id
from services.kit.refused import Refused
from services.kit.web.problem import Problem

DESK_LANE = lane_of_client(DESK)
TRIES_MAX = 5
CLIENTS_NAMED_MAX = 500  # clients of one incident whose names a text is held against


async def open_incident(edge: Edge, call: Call, command: OpenIncident) -> Answered:
    """Declares an incident (201)."""
    _refuse_some_clients(call)
    for _ in range(TRIES_MAX):
        stream = stamp_lane(edge.new_id(), DESK_LANE)
        given = await _given(edge, call, command, INITIAL, stream)
        try:
            return await _append(edge, call, stream, INITIAL, decide(command, INITIAL, given), None, 201)
        except CommandDone as done:
            return _again(done.answer)
        except Conflict:
            continue
    raise _too_often()


async def change_incident(edge: Edge, call: Call, name: str, command: IncidentCommand) -> Answered:
    """A change of an incident. Where nothing is new, it is answered as it stands."""
    stream = read_id(name)
    for _ in range(TRIES_MAX):
        incident = await _visible(edge, call, stream)
        assert stream is not None  # noqa: S101  what is visible has an id
        done = await done_before(edge.pool, call, DESK, stream)
        if done is not None:
            return _again(done)
        given = await _given(edge, call, command, incident, stream)
        decided = decide(command, incident, given)
        try:
            return await _append(edge, call, stream, incident, decided, given, 200)
        except CommandDone as raced:
            return _again(raced.answer)
        except Conflict:
            continue
    raise _too_often()


async def _visible(edge: Edge, call: Call, stream: UUID | None) -> Incident:
    incident = INITIAL
    if stream is not None and lane_of(stream) == DESK_LANE:
        incident = fold(await read_stream(edge.pool, stream))
    seen = call.caller.clients is None or any(map(call.caller.may_see, incident.clients))
    if incident.status is IncidentStatus.ABSENT or not seen:
        raise Problem("not_found", "there is no such incident")
    _refuse_some_clients(call)
    return incident


def _refuse_some_clients(call: Call) -> None:
    if call.caller.clients is not None:
        raise Problem("forbidden", "the token is for some clients, an incident is the whole desk's")


async def _given(edge: Edge, call: Call, command: IncidentCommand, incident: Incident, own: UUID) -> Given:
    """What the decision needs to know besides the incident."""
    match command:
        case OpenIncident(tickets=names) | SplitIncident(tickets=names):
            wanted = [("tickets", name) for name in names]
        case ChangeIncidentTickets(add=add, remove=remove):
            wanted = [("add", name) for name in add] + [("remove", name) for name in remove]
        case _:
            wanted = []
    tickets = {name: await _ticket(edge, where, name) for where, name in wanted}
    clients = sorted(incident.clients | {client for _, client in tickets.values()})[:CLIENTS_NAMED_MAX]
    other_id, other = await _other(edge, command, incident)
    public = isinstance(command, PublishIncident) or getattr(command, "public", False)
    everyone = await everyone_served(edge.pool) if public else ()
    return Given(instant(edge, call), tickets, await _names(edge, clients), everyone, other, other_id, own)


async def _other(edge: Edge, command: IncidentCommand, incident: Incident) -> tuple[UUID | None, Incident]:
    """The other incident that a command means: the one to go on in, the one it went into, or one to be born."""
    match command:
        case MergeIncident(into=name):
            other = read_id(name)
        case SplitIncident():
            return stamp_lane(edge.new_id(), DESK_LANE), INITIAL
        case _:
            other = incident.merged_into
    if other is None or lane_of(other) != DESK_LANE:
        return None, INITIAL
    return other, fold(await read_stream(edge.pool, other))


async def _ticket(edge: Edge, where: str, name: str) -> tuple[UUID, str]:
    try:
        stream = await find_stream(edge, name)
    except Problem:
        stream = None
    events = await read_stream(edge.pool, stream) if stream is not None else []
    if stream is None or not events or not isinstance(events[0].data, TicketSubmitted):
        raise Refused("unknown_ticket_of_desk", f"there is no ticket {name}", where)
    return stream, events[0].client


async def _names(edge: Edge, clients: Iterable[str]) -> tuple[Names, ...]:
    found = [await edge.clients.find(client) for client in clients if client]
    return tuple(Names(client.name, client.id, client.prefix) for client in found if client is not None)


async def _append(
    edge: Edge, call: Call, stream: UUID, incident: Incident, decided: Decided, given: Given | None, status: int
) -> Answered:
    by = _stamp(edge, call, incident)
    seal = await _seal(edge, call)
    news = new_events(edge, by, stream, incident.version, decided.own, seal)
    if decided.other and given is not None and given.other_id is not None:
        news += new_events(edge, by, given.other_id, given.other.version, decided.other, seal)
    after = _after(incident, [new for new in news if new.stream == stream], by)
    answer = IncidentAnswer(
        id=stream,
        status=after.status,
        version=after.version,
        tickets=len(after.members),
        other=given.other_id if given is not None and decided.other else None,
    )
    if not news:
        return Answered(answer, 200)
    kept = orjson.dumps([status, answer.model_dump(mode="json")])
    command = call.command(DESK, stream, kept, edge.new_id)
    try:
        await write(edge, Append(DESK, news, command))
    except CommandReused:
        raise reused() from None
    return Answered(answer, status)


def _stamp(edge: Edge, call: Call, incident: Incident) -> Stamp:
    """A demo's incident stays one, whoever changes it; and no event comes before the last one of its stream."""
    by = stamp(edge, call)
    origin = by.origin
    if origin is Origin.LIVE and incident.status is not IncidentStatus.ABSENT:
        origin = Origin(incident.origin)
    occurred_at = by.occurred_at
    if occurred_at is not None and incident.updated_at is not None:
        occurred_at = max(occurred_at, incident.updated_at)
    return Stamp(by.actor, origin, occurred_at, by.trace)


async def _seal(edge: Edge, call: Call) -> Seal:
    """Seals to the agent who writes; what a program writes, to a key of its token."""
    author = call.caller.agent
    if author is None:
        author, _ = await edge.vault.find_or_make(DESK, f"token {call.caller.id}")
    await edge.vault.load([author])
    return sealer(edge, author)


def _after(incident: Incident, news: Sequence[NewEvent], by: Stamp) -> Incident:
    """The incident as it will be."""
    for new in news:
        at = by.occurred_at or incident.updated_at or EPOCH
        incident = evolve(
            incident,
            Recorded[Event](
                DESK_LANE, 0, DESK, 0, None, new.stream, new.version, new.id, new.data.type, new.data.schema_version,
                new.actor, None, new.origin, at, at, None, new.data,
            ),
        )  # fmt: skip
    return incident


def _again(kept: bytes) -> Answered:
    status, answer = orjson.loads(kept)
    return Answered(IncidentAnswer.model_validate(answer), status, replayed=True)


def _too_often() -> Problem:
    return Problem("busy", f"others changed the incident {TRIES_MAX} times in a row", headers={"retry-after": "1"})
