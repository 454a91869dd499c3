"""A ticket's id or reference -> its events, within the caller's rights; ids -> names, sealed. I/O, reading only.

Tickets are read from the log, so whoever has written sees it at once. Names come from the directory; a person whom it
does not know yet is read from the log too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from contracts.envelope import Recorded
from contracts.model import DESK, Event
from contracts.people import AgentChanged, AgentRegistered, PersonRegistered
from contracts.subjects import lane_of, lane_of_client
from contracts.ticket import Absent, Held, fold
from services.kit.access import Principal
from services.kit.clients import client_of_prefix, find_client
from services.kit.log.read import AsOf, Position, parse_as_of, read_stream, ticket_by_number
from services.kit.postgres import Connection, Pool, queries
from services.kit.references import read_id, read_reference
from services.kit.web.problem import Problem
from services.reporting.line import stored_text
from services.reporting.opened import stored
from services.reporting.who import Known, Names

SQL = queries("services/reporting/sql/tickets.sql")

Reader = Connection | Pool
DESK_LANE = lane_of_client(DESK)


def as_of_given(text: str | None, caller: Principal) -> AsOf | None:
    """The instant or position of `as_of`. Raises Problem (invalid_field).

    Who sees some clients may not ask by lane: where the own event comes in would tell how much the neighbours did."""
    if text is None:
        return None
    try:
        as_of = parse_as_of(text)
    except ValueError as error:
        raise Problem("invalid_field", str(error), field="as_of") from None
    if isinstance(as_of, Position) and caller.clients is not None:
        sentence = "a token for some clients gives @ and the position that it was told, such as @1042"
        raise Problem("invalid_field", sentence, field="as_of")
    return as_of


async def find_ticket(
    reader: Reader, asked: str, caller: Principal, as_of: AsOf | None
) -> tuple[Held, Sequence[Recorded[Event]]]:
    """A ticket as it stands or stood, and its events up to then. Raises Problem: not_found for what is not there, was
    not there then, or belongs to a client whom the caller may not see."""
    stream = read_id(asked) or await stream_of(reader, asked)
    if stream is None:
        raise no_ticket(asked)
    # Rights come before any word about the lane: to say that as_of does not fit would say that the ticket is there.
    elsewhere = isinstance(as_of, Position) and as_of.lane != lane_of(stream)
    events = await read_stream(reader, stream, as_of=None if elsewhere else as_of)
    ticket = fold(events)
    if isinstance(ticket, Absent) or not caller.may_see(ticket.client):
        raise no_ticket(asked)
    if elsewhere:
        raise Problem("invalid_field", f"as_of names another lane than {lane_of(stream)}, this ticket's", field="as_of")
    return ticket, events


async def stream_of(reader: Reader, reference: str) -> UUID | None:
    """The ticket that a reference such as ACME-1042 names."""
    written = read_reference(reference)
    if written is None:
        return None
    client = await client_of_prefix(reader, written.prefix)
    return None if client is None else await ticket_by_number(reader, client, written.number)


def no_ticket(asked: str) -> Problem:
    return Problem("not_found", f"there is no ticket {asked[:80]}")


async def names(reader: Reader, lane: int, persons: Iterable[UUID], agents: Iterable[UUID]) -> Names:
    """Names of persons of one client (so of one lane) and of agents."""
    return Names(
        await _known(reader, "people", lane, set(persons)), await _known(reader, "agents", DESK_LANE, set(agents))
    )


async def _known(reader: Reader, table: str, lane: int, ids: set[UUID]) -> Mapping[UUID, Known]:
    if not ids:
        return {}
    rows = await reader.fetch(SQL[table], lane, list(ids))
    found = {row["id"]: Known(stored(row["name"]), stored(row["address"])) for row in rows}
    for missing in ids - found.keys():
        known = await _from_log(reader, missing)
        if known is not None:
            found[missing] = known
    return found


async def _from_log(reader: Reader, identifier: UUID) -> Known | None:
    known: Known | None = None
    for event in await read_stream(reader, identifier):
        match event.data:
            case PersonRegistered(name=name, address=address) | AgentRegistered(name=name, address=address):
                known = Known(stored(stored_text(name)), stored(stored_text(address)) if address else None)
            case AgentChanged(name=name, address=address):
                known = Known(stored(stored_text(name)), stored(stored_text(address)))
            case _:
                pass
    return known


async def client_name(reader: Reader, client: str) -> str | None:
    """What a client is called."""
    name: str | None = await reader.fetchval(SQL["client_name"], lane_of_client(client), client)
    if name is None:
        found = await find_client(reader, client)
        name = found.name if found else None
    return name


async def references(reader: Reader, prefix: str, client: str, tickets: Iterable[UUID]) -> Mapping[UUID, str]:
    """The references of other tickets of the same client, as its events name them by id."""
    wanted = list(set(tickets))
    if not wanted:
        return {}
    rows = await reader.fetch(SQL["births"], [lane_of(ticket) for ticket in wanted], wanted)
    return {row["stream"]: f"{prefix}-{row['number']}" for row in rows if row["client"] == client and row["number"]}
