"""GET /tickets/{…}, its events, and the guest's page: the log, folded, opened. I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from contracts.envelope import Recorded
from contracts.model import Event
from contracts.subjects import lane_of
from contracts.ticket import Held, fold
from services.kit.access import Caller
from services.kit.guests import guest_key_fits
from services.kit.log.read import read_stream
from services.reporting.asked import BIGINT_MAX, LIMIT, AsOfText, Limit
from services.reporting.find import (
    Reader,
    as_of_given,
    client_name,
    find_ticket,
    names,
    no_ticket,
    references,
    stream_of,
)
from services.reporting.incidents_routes import badges
from services.reporting.opened import answer, may_read
from services.reporting.positions import told
from services.reporting.shapes import GuestTicketShape, TicketShape, TimelineShape
from services.reporting.ticket_shape import (
    agents_in,
    guest_shape,
    others_in,
    persons_in,
    ticket_shape,
    timeline_item,
)
from services.reporting.who import Names

if TYPE_CHECKING:
    from services.reporting.edge import Edge

Asked = Annotated[str, Field(max_length=80)]


class TimelineParameters(BaseModel):
    model_config = ConfigDict(extra="forbid")

    as_of: AsOfText | None = None
    after: int | None = Field(None, ge=0, le=BIGINT_MAX, description="a version of the ticket: events after it")
    cursor: int | None = Field(None, ge=0, le=BIGINT_MAX, description="next_cursor of the page before")
    limit: Limit = LIMIT


def add_ticket_routes(app: FastAPI, edge: Edge) -> None:
    @app.get("/tickets/{ticket}", responses={200: {"model": TicketShape}})
    async def ticket(caller: Caller, ticket: Asked, as_of: AsOfText | None = None) -> Response:
        """A ticket by id or reference, as it stands, or as it stood at an instant or a position of its lane."""
        at = as_of_given(as_of, caller)
        reader = edge.reading(caller)
        held, events = await find_ticket(reader, ticket, caller, at)
        shown = await _shown(reader, held, events, badge=at is None)
        shown |= {"as_of": as_of, "position": told(caller.clients, events[-1])}
        return await answer(shown, edge.vault, opened=may_read(caller))

    @app.get("/tickets/{ticket}/events", responses={200: {"model": TimelineShape}})
    async def ticket_events(caller: Caller, ticket: Asked, given: Annotated[TimelineParameters, Query()]) -> Response:
        """Everything that happened to a ticket, in order."""
        reader = edge.reading(caller)
        held, found = await find_ticket(reader, ticket, caller, as_of_given(given.as_of, caller))
        after = given.cursor if given.cursor is not None else given.after or 0
        behind = [event for event in found if event.version > after]
        page = behind[: given.limit]
        known = await _names(reader, held, page)
        others = await references(reader, held.prefix, held.client, others_in(page))
        following = str(page[-1].version) if len(behind) > len(page) else None
        shown = {"items": [timeline_item(event, known, others) for event in page], "next_cursor": following}
        return await answer(shown, edge.vault, opened=may_read(caller))

    @app.get("/guest/tickets/{ticket}", responses={200: {"model": GuestTicketShape}})
    async def guest(
        _: Caller, ticket: Asked, key: Annotated[str, Query(max_length=80)], client: str | None = None
    ) -> Response:
        """A ticket for its requester, opened by the key of its link: without notes and anything of the inside."""
        stream = await stream_of(edge.pool, ticket)
        if stream is None or not guest_key_fits(edge.secret, stream, key):
            raise no_ticket(ticket)
        events = await read_stream(edge.pool, stream)
        held = fold(events)
        if not isinstance(held, Held) or client not in (None, held.client):
            raise no_ticket(ticket)
        known = await _names(edge.pool, held, events)
        shown = guest_shape(held, events, known, await client_name(edge.pool, held.client))
        return await answer(shown, edge.vault)


async def _shown(reader: Reader, held: Held, events: Sequence[Recorded[Event]], *, badge: bool) -> dict[str, Any]:
    known = await _names(reader, held, events)
    incident = (await badges(reader, [held.id])).get(held.id) if badge else None
    return ticket_shape(held, known, await client_name(reader, held.client)) | {"incident": incident}


async def _names(reader: Reader, held: Held, events: Sequence[Recorded[Event]]) -> Names:
    persons = persons_in(events) | {held.requester, *held.collaborators}
    agents = agents_in(events) | ({held.agent} if held.agent else set())
    return await names(reader, lane_of(held.id), persons, agents)
