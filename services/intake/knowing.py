"""A command and its ticket -> what the decision needs to know besides. I/O: reads, and keeps the files that came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from contracts import sla
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.sla import Metric
from contracts.terms import Attachment
from contracts.ticket import INITIAL, fold
from contracts.ticket_commands import (
    Assign,
    MergeTicket,
    NotifyAgent,
    PinDeadline,
    ReceiveMessage,
    UnmergeTicket,
    UnpinDeadline,
    Upload,
    WaiveBreach,
)
from contracts.ticket_state import Held, Ticket
from services.intake.agents import find_agent
from services.intake.attachments import keep_files
from services.intake.call import Call
from services.intake.decide import TicketCommand
from services.intake.edge import Edge, instant, sealer
from services.intake.given import Given
from services.intake.requesters import Person
from services.kit.clients import Client
from services.kit.log.read import read_stream, ticket_by_number
from services.kit.references import read_id, read_reference
from services.kit.refused import Refused
from services.kit.rules.clocks import Clocks, clocks

History = Sequence[Recorded[Event]]


async def given_for(
    edge: Edge, call: Call, client: Client, ticket: Held, history: History, command: TicketCommand
) -> tuple[Given, Person | None]:
    """What the decision needs to know, and who writes where that is not the ticket's requester."""
    await edge.vault.load([ticket.requester])
    now = instant(edge, call)
    author: Person | None = None
    files: tuple[Attachment, ...] = ()
    other: Ticket = INITIAL
    state: Clocks | None = None
    match command:
        case ReceiveMessage():
            if command.author is not None:
                author = await edge.requesters.find(client.id, command.author)
            writer = author.id if author else ticket.requester
            files = await keep_uploads(edge, ticket.id, writer, command.attachments)
        case Assign(agent=UUID() as agent) | NotifyAgent(agent=agent):
            if await find_agent(edge, agent) is None:
                raise Refused("unknown_agent", f"there is no agent {agent}", "agent")
        case MergeTicket(into=into):
            other = await _other(edge, call, into)
        case UnmergeTicket() if ticket.merged_into is not None and ticket.merged_into == ticket.split_from:
            other = await _other(edge, call, str(ticket.merged_into))
        case WaiveBreach():
            books = await edge.terms.books(client.id)
            state = clocks(history, books.policies, books.calendars, max(now, ticket.updated_at))
        case _:
            pass
    return Given(
        now=now,
        prefix=client.prefix,
        tier=client.tier,
        person=author and author.id,
        attachments=files,
        terms=await edge.terms.of(client, now),
        clocks=state,
        pins=pins(history) if isinstance(command, PinDeadline | UnpinDeadline) else {},
        other=other,
    ), author


def pins(history: History) -> Mapping[Metric, datetime]:
    """The deadlines that a person has set, and nobody has unset. Pure."""
    found: dict[Metric, datetime] = {}
    for event in history:
        match event.data:
            case sla.DeadlinePinned() as told:
                found[told.metric] = told.due_at
            case sla.DeadlineUnpinned() as told:
                found.pop(told.metric, None)
            case _:
                pass
    return found


async def keep_uploads(edge: Edge, ticket: UUID, person: UUID, uploads: Sequence[Upload]) -> tuple[Attachment, ...]:
    if not uploads:
        return ()
    sealer(edge, person)
    return await keep_files(edge.pool, edge.vault, ticket=ticket, person=person, uploads=uploads)


async def stream_of(edge: Edge, name: str) -> UUID | None:
    """The stream of a ticket by its id or its reference; None for a reference that nobody bears."""
    written = read_reference(name)
    if written is None:
        return read_id(name)
    slug = await edge.clients.of_prefix(written.prefix)
    return None if slug is None else await ticket_by_number(edge.pool, slug, written.number)


async def _other(edge: Edge, call: Call, name: str) -> Ticket:
    """Another ticket that the caller may see; whether there is one that they may not, they do not learn."""
    stream = await stream_of(edge, name)
    found = INITIAL if stream is None else fold(await read_stream(edge.pool, stream))
    return found if isinstance(found, Held) and call.caller.may_see(found.client) else INITIAL
