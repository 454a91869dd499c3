"""GET /clients/{…}/sla and /sla/…: how clocks and promises were kept, and the lists behind every figure. I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import FastAPI, Query, Response

from contracts.model import DESK
from contracts.subjects import lane_of_client
from services.kit.access import Caller, Principal
from services.kit.clients import find_client
from services.kit.web.problem import Problem
from services.reporting.asked import LAST
from services.reporting.dashboard import fresh_at
from services.reporting.list_places import END_OF_TIME, placed_id, placed_instant, read_place, write_place
from services.reporting.opened import answer, may_read, stored
from services.reporting.sla.asked import (
    CycleParameters,
    DeskSlaParameters,
    PageOfRange,
    PauseParameters,
    SlaParameters,
    Span,
    span_of,
)
from services.reporting.sla.figures import SQL, figures
from services.reporting.sla.shapes import CyclesShape, PausesShape, SlaShape, StoriesShape

if TYPE_CHECKING:
    from services.reporting.edge import Edge

DESK_LANE = lane_of_client(DESK)
LONGEST = (1 << 31) - 1  # seconds that an integer holds


def add_sla_routes(app: FastAPI, edge: Edge) -> None:
    _add_figures(app, edge)
    _add_cycles(app, edge)
    _add_pauses(app, edge)
    _add_stories(app, edge)


def _add_figures(app: FastAPI, edge: Edge) -> None:
    @app.get("/clients/{client}/sla", responses={200: {"model": SlaShape}})
    async def client_sla(caller: Caller, client: str, given: Annotated[SlaParameters, Query()]) -> Response:
        """How a client's clocks and promises were kept in a range: attainment, breaches and why, pauses, silences."""
        found = await find_client(edge.reading(caller), client) if caller.may_see(client) else None
        if found is None:
            raise Problem("not_found", f"there is no client {client[:80]}")
        return await told(caller, span_of(given, client, caller, edge.clock.now()), given.group, client, found.name)

    @app.get("/sla", responses={200: {"model": SlaShape}})
    async def desk_sla(caller: Caller, given: Annotated[DeskSlaParameters, Query()]) -> Response:
        """The same over all clients that the caller may see, or for each client, agent, team …"""
        span = span_of(given, given.client, caller, edge.clock.now())
        return await told(caller, span, given.group, given.client, None)

    async def told(caller: Principal, span: Span, group: str | None, client: str | None, name: str | None) -> Response:
        shown = await figures(edge.reading(caller), span, group)
        shown |= {"client": client, "name": name, "fresh_at": await fresh_at(edge.pool, edge.clock.now())}
        return await answer(shown, edge.vault, opened=may_read(caller))


def _add_cycles(app: FastAPI, edge: Edge) -> None:
    @app.get("/sla/cycles", responses={200: {"model": CyclesShape}})
    async def cycles(caller: Caller, given: Annotated[CycleParameters, Query()]) -> Response:
        """The judged clocks behind a figure, the newest first."""
        span = span_of(given, given.client, caller, edge.clock.now())
        judged, ticket, cycle = read_place(given.cursor, (END_OF_TIME.isoformat(), str(LAST), "~"))
        rows = await edge.reading(caller).fetch(
            SQL["cycles"], *span.arguments, given.metric, given.outcome, given.breach, _agent(given.agent), given.team,
            given.category, given.priority, placed_instant(judged), placed_id(ticket), cycle, DESK_LANE,
            given.limit + 1,
        )  # fmt: skip
        shown = paged(rows, given.limit, ("judged_at", "ticket", "cycle"))
        return await answer(shown, edge.vault, opened=may_read(caller))


def _add_pauses(app: FastAPI, edge: Edge) -> None:
    @app.get("/sla/pauses", responses={200: {"model": PausesShape}})
    async def pauses(caller: Caller, given: Annotated[PauseParameters, Query()]) -> Response:
        """Paused times and what the customer did meanwhile, the newest first."""
        span = span_of(given, given.client, caller, edge.clock.now())
        started, ticket = read_place(given.cursor, (END_OF_TIME.isoformat(), str(LAST)))
        rows = await edge.reading(caller).fetch(
            SQL["pauses"], *span.arguments, placed_instant(started), placed_id(ticket), DESK_LANE, given.limit + 1,
            given.questioned,
        )  # fmt: skip
        return await answer(paged(rows, given.limit, ("started_at", "ticket")), edge.vault, opened=may_read(caller))


def _add_stories(app: FastAPI, edge: Edge) -> None:
    @app.get("/sla/stories", responses={200: {"model": StoriesShape}})
    async def stories(caller: Caller, given: Annotated[PageOfRange, Query()]) -> Response:
        """Tickets that ended, the longest time without news first, beside the time to their solution."""
        span = span_of(given, given.client, caller, edge.clock.now())
        silence, ticket = read_place(given.cursor, (str(LONGEST), str(LAST)))
        seconds = int(silence) if silence.isdigit() and int(silence) <= LONGEST else 0
        rows = await edge.reading(caller).fetch(
            SQL["stories"], *span.arguments, seconds, placed_id(ticket), DESK_LANE, given.limit + 1
        )
        return await answer(
            paged(rows, given.limit, ("silence_seconds", "ticket")), edge.vault, opened=may_read(caller)
        )


def paged(rows: Sequence[asyncpg.Record], limit: int, place: Sequence[str]) -> Mapping[str, Any]:
    """A page with its tickets' references, and where the next one begins."""
    shown = rows[:limit]
    following = write_place(*(_text(shown[-1][name]) for name in place)) if len(rows) > limit else None
    return {"items": [_item(row) for row in shown], "next_cursor": following}


def _item(row: asyncpg.Record) -> dict[str, Any]:
    found = {name: value for name, value in row.items() if name not in ("lane", "prefix", "number")}
    found["reference"] = None if row["prefix"] is None else f"{row['prefix']}-{row['number']}"
    return found | {"subject": stored(row["subject"]), "agent_name": stored(row["agent_name"])}


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _agent(text: str | None) -> UUID | None:
    return None if text is None else _uuid("agent", text)


def _uuid(field: str, text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Problem("invalid_field", f"{field}: {text[:40]!r} is none that we gave out", field=field) from None
