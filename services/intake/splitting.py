"""POST /tickets/{ticket}/split and /unsplit: one command, two tickets, one append after the versions read. I/O."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from contracts.envelope import Recorded
from contracts.model import Event
from contracts.subjects import lane_of, stamp_lane
from contracts.ticket import INITIAL, fold
from contracts.ticket_commands import SplitTicket, UnsplitTicket
from contracts.ticket_state import Held
from contracts.tickets import TicketSubmitted
from services.intake.call import Call
from services.intake.decide_split import split, unsplit
from services.intake.edge import Edge, instant, new_events, sealing, stamp
from services.intake.given import Given
from services.intake.knowing import stream_of
from services.intake.route import Answered
from services.intake.tickets import Decided, Known, change
from services.kit.clients import Client
from services.kit.log.read import read_stream


async def split_ticket(edge: Edge, call: Call, name: str, command: SplitTicket) -> Answered:
    """The new ticket, answered as a submission is."""

    async def decided(known: Known) -> Decided:
        ticket, client = known.ticket, known.client
        there = stamp_lane(edge.new_id(), lane_of(ticket.id))
        given = await _given(edge, call, client)
        both = split(command, ticket, known.events, there, given)
        by = stamp(edge, call, client, ticket)
        author = _requester(both.there[0])
        await edge.vault.load([author])
        seal = await sealing(edge, call, author, both.there)
        news = new_events(edge, by, there, 0, both.there, seal)
        here = new_events(edge, by, ticket.id, ticket.version, both.here, None)
        return Decided(201, INITIAL, news, [*here, *news], given.now)

    return await change(edge, call, name, decided)


async def unsplit_ticket(edge: Edge, call: Call, name: str, command: UnsplitTicket) -> Answered:
    """The ticket as it stands with its messages back."""

    async def decided(known: Known) -> Decided | None:
        ticket, client = known.ticket, known.client
        given = await _given(edge, call, client)
        beyond = await _other(edge, ticket, command.ticket)
        both, other = unsplit(command, ticket, beyond, given), fold(beyond)
        if not both.here or not isinstance(other, Held):
            return None
        by = stamp(edge, call, client, ticket)
        await edge.vault.load([ticket.requester])
        seal = await sealing(edge, call, ticket.requester, both.here)
        here = new_events(edge, by, ticket.id, ticket.version, both.here, seal)
        there = new_events(edge, stamp(edge, call, client, other), other.id, other.version, both.there, None)
        return Decided(200, ticket, here, [*there, *here], given.now)

    return await change(edge, call, name, decided)


async def _given(edge: Edge, call: Call, client: Client) -> Given:
    now = instant(edge, call)
    return Given(now=now, prefix=client.prefix, tier=client.tier, terms=await edge.terms.of(client, now))


async def _other(edge: Edge, ticket: Held, name: str) -> Sequence[Recorded[Event]]:
    """The history of the ticket that was split off; what is of another client is as unknown as what is not there."""
    stream = await stream_of(edge, name)
    found = () if stream is None else await read_stream(edge.pool, stream)
    return found if found and found[0].client == ticket.client else ()


def _requester(born: Event) -> UUID:
    if not isinstance(born, TicketSubmitted):
        raise TypeError(f"a ticket is born with {born.type}")
    return born.requester
