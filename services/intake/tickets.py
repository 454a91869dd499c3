"""A ticket command and its call -> what it is answered. I/O: read, decide on the fold, append after the version read.

Somebody else's event in between means: read and decide again, at most TRIES_MAX times.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from contracts.envelope import Recorded
from contracts.model import Event
from contracts.subjects import lane_of, lane_of_client, stamp_lane
from contracts.ticket import INITIAL, fold
from contracts.ticket_commands import ReceiveMessage, SubmitTicket
from contracts.ticket_state import Absent, Closed, Held, Open, Resolved, Ticket, Waiting
from services.intake.answers import Outcome, SubmittedAnswer, TicketAnswer, keep, kept, outcome
from services.intake.call import Call
from services.intake.decide import TicketCommand, decide
from services.intake.done_before import done_before, reused
from services.intake.edge import Edge, Stamp, instant, new_events, sealer, sealing, stamp, write
from services.intake.given import Given
from services.intake.knowing import given_for, keep_uploads, stream_of
from services.intake.requesters import Person
from services.intake.route import Answered
from services.kit.clients import Client
from services.kit.guests import guest_key, guest_key_fits, track_url
from services.kit.log.append import SQL as APPEND_SQL
from services.kit.log.append import Append, Appended, CommandDone, CommandReused, Conflict, NewEvent
from services.kit.log.read import read_stream
from services.kit.log.told import write_told
from services.kit.postgres import queries
from services.kit.web.problem import Problem

SQL = queries("services/intake/sql/intake.sql")

Living = Open | Waiting | Resolved | Closed

TRIES_MAX = 5


async def submit(edge: Edge, call: Call, command: SubmitTicket) -> Answered:
    """A new ticket with its first promise; its requester is registered beside it where they are new.

    The command's id is asked for by the append alone: nothing before it can't be done twice.
    """
    client = await known_client(edge, call, command.client)
    for _ in range(TRIES_MAX):
        requester = await edge.requesters.find(client.id, command.requester)
        stream = stamp_lane(edge.new_id(), lane_of_client(client.id))
        files = await keep_uploads(edge, stream, requester.id, command.attachments)
        now = instant(edge, call)
        terms = await edge.terms.of(client, now)
        given = Given(now, client.prefix, client.tier, requester.id, files, terms)
        by = stamp(edge, call, client)
        seal = sealer(edge, requester.id)
        news = new_events(edge, by, stream, 0, decide(command, INITIAL, given), seal)
        result = outcome(201, after(INITIAL, client, news, given.now))
        try:
            appended = await append(edge, call, client, result, [*_registering(edge, by, requester), *news])
        except Conflict:
            edge.requesters.forget(client.id, command.requester)
            continue
        except CommandDone as done:
            return await again(edge, call, client, done.answer)
        if requester.registration is not None:
            edge.requesters.registered(client.id, command.requester, requester.id)
        return answered(edge, client, result, appended.number or 0, told_place(call, appended))
    raise too_often()


class Known(NamedTuple):
    """A ticket as it stands: its history, its fold, and its client, whom the caller may see."""

    events: Sequence[Recorded[Event]]
    ticket: Living
    client: Client


class Decided(NamedTuple):
    """What a command does: `news` of the ticket that is answered, which was `before`, and all that is appended."""

    status: int
    before: Ticket
    news: Sequence[NewEvent]
    appended: list[NewEvent]
    now: datetime


async def change(
    edge: Edge,
    call: Call,
    name: str,
    decided: Callable[[Known], Awaitable[Decided | None]],
    conflicted: Callable[[Client], None] = lambda client: None,
) -> Answered:
    """Reads a ticket, named by its id or reference, asks what is `decided`, and appends it after the version read; None
    is answered as the ticket stands. `conflicted` is told before it is read again."""
    stream = await find_stream(edge, name)
    for _ in range(TRIES_MAX):
        events = await read_stream(edge.pool, stream)
        ticket, client = await visible(edge, call, fold(events))
        done = await done_before(edge.pool, call, client.id, ticket.id)
        if done is not None:
            return await again(edge, call, client, done)
        refuse_stale(call, ticket)
        found = await decided(Known(events, ticket, client))
        if found is None:
            return await unchanged(edge, call, client, ticket, told_place(call, events[-1]))
        result = outcome(found.status, after(found.before, client, found.news, found.now))
        try:
            appended = await append(edge, call, client, result, found.appended)
        except Conflict:
            conflicted(client)
            continue
        except CommandDone as raced:
            return await again(edge, call, client, raced.answer)
        number = appended.number or 0 if isinstance(found.before, Absent) else found.before.number
        return answered(edge, client, result, number, told_place(call, appended))
    raise too_often()


async def carry_out(edge: Edge, call: Call, name: str, command: TicketCommand) -> Answered:
    """A change of a ticket, named by its id or reference. Where nothing is new, it is answered as it stands."""

    async def decided(known: Known) -> Decided | None:
        ticket, client = known.ticket, known.client
        given, author = await given_for(edge, call, client, ticket, known.events, command)
        by = stamp(edge, call, client, ticket)
        said = decide(command, ticket, given)
        seal = await sealing(edge, call, author.id if author else ticket.requester, said)
        news = new_events(edge, by, ticket.id, ticket.version, said, seal)
        return Decided(200, ticket, news, [*_registering(edge, by, author), *news], given.now) if news else None

    return await change(edge, call, name, decided, lambda client: _forget(edge, client, command))


async def known_client(edge: Edge, call: Call, slug: str) -> Client:
    """A client that the caller may see; another's looks as unknown as one that is not there."""
    client = await edge.clients.find(slug) if call.caller.may_see(slug) else None
    if client is None:
        raise Problem("unknown_client", f"there is no client {slug}", field="client")
    return client


async def find_stream(edge: Edge, name: str) -> UUID:
    """The stream of a ticket by its id or its reference."""
    stream = await stream_of(edge, name)
    if stream is None:
        raise _no_ticket()
    return stream


async def visible(edge: Edge, call: Call, ticket: Ticket) -> tuple[Living, Client]:
    if isinstance(ticket, Absent):
        raise _no_ticket()
    if call.guest_key is not None:
        allowed = guest_key_fits(edge.secret, ticket.id, call.guest_key)
    else:
        allowed = call.caller.may_see(ticket.client)
    client = await edge.clients.find(ticket.client) if allowed else None
    if client is None:
        raise _no_ticket()
    return ticket, client


def _registering(edge: Edge, by: Stamp, person: Person | None) -> list[NewEvent]:
    if person is None or person.registration is None:
        return []
    return new_events(edge, by, person.id, 0, [person.registration], sealer(edge, person.id))


def after(ticket: Ticket, client: Client, news: Sequence[NewEvent], now: datetime) -> Held:
    """The ticket as it will be: the fold of what was decided, before the log has given positions."""
    at = news[0].occurred_at or now
    after = fold(
        [
            Recorded[Event](
                lane_of(new.stream), 0, client.id, 0, None, new.stream, new.version, new.id, new.data.type,
                new.data.schema_version, new.actor, None, new.origin, at, at, None, new.data,
            )
            for new in news
        ],
        ticket,
    )  # fmt: skip
    if isinstance(after, Absent):
        raise TypeError("a decision on a ticket left none")
    return after


def _forget(edge: Edge, client: Client, command: TicketCommand) -> None:
    if isinstance(command, ReceiveMessage) and command.author is not None:
        edge.requesters.forget(client.id, command.author)


async def append(edge: Edge, call: Call, client: Client, result: Outcome, events: list[NewEvent]) -> Appended:
    command = call.command(client.id, result.stream, keep(result), edge.new_id)
    try:
        return await write(edge, Append(client.id, events, command))
    except CommandReused:
        raise reused() from None


async def unchanged(edge: Edge, call: Call, client: Client, ticket: Held, position: str) -> Answered:
    """The ticket as it stands; under a key that stays the answer, whatever becomes of the ticket."""
    result = outcome(200, ticket)
    if call.key is not None:
        answer, scope = keep(result), call.scope(client.id, ticket.id)
        first = await edge.pool.fetchrow(
            APPEND_SQL["remember"], lane_of(ticket.id), scope, call.key, call.fingerprint, answer
        )
        if first is None or first["fingerprint"] != call.fingerprint:
            raise reused()
        if first["answer"] != answer:
            return await again(edge, call, client, first["answer"])
    return answered(edge, client, result, ticket.number, position)


async def again(edge: Edge, call: Call, client: Client, answer: bytes) -> Answered:
    """The first answer to a command that came again."""
    result = kept(answer)
    row = await edge.pool.fetchrow(SQL["event_at"], lane_of(result.stream), result.stream, result.version)
    if row is None:
        raise LookupError(f"the log has lost version {result.version} of {result.stream}")
    place = write_told(call.told_clients, lane=row["lane"], position=row["position"], sequence=row["sequence"])
    first = answered(edge, client, result, row["number"], place)
    return Answered(first.body, first.status, replayed=True)


def told_place(call: Call, stands: Appended | Recorded[Event]) -> str:
    """Where an event stands, as the caller may know it."""
    return write_told(call.told_clients, lane=stands.lane, position=stands.position, sequence=stands.sequence)


def answered(edge: Edge, client: Client, result: Outcome, number: int, position: str) -> Answered:
    reference = f"{client.prefix}-{number}"
    if result.status_code != 201 or result.due_at is None:
        body = TicketAnswer(
            id=result.stream,
            reference=reference,
            status=result.status,
            version=result.version,
            position=position,
            next_update_by=result.due_at,
        )
        return Answered(body, result.status_code)
    submitted = SubmittedAnswer(
        id=result.stream,
        reference=reference,
        status=result.status,
        version=result.version,
        position=position,
        next_update_by=result.due_at,
        track_url=track_url(edge.address, client.id, reference, guest_key(edge.secret, result.stream)),
        reply_expected_by=result.due_at,
    )
    return Answered(submitted, result.status_code)


def refuse_stale(call: Call, ticket: Held) -> None:
    if call.if_match is not None and ticket.intake_version > call.if_match:
        sentence = f"the ticket is at version {ticket.intake_version}, you have read {call.if_match}"
        raise Problem("stale_version", sentence, field="If-Match")


def _no_ticket() -> Problem:
    return Problem("not_found", "there is no such ticket")


def too_often() -> Problem:
    return Problem("busy", f"others changed the ticket {TRIES_MAX} times in a row", headers={"retry-after": "1"})
