"""GET /queue and GET /dashboard: the caller's question -> JSON, opened. I/O."""

from __future__ import annotations

from asyncio import gather
from typing import TYPE_CHECKING, Annotated

from fastapi import FastAPI, Query, Response

from services.kit.access import Caller
from services.kit.web.query import QueryRoute
from services.reporting.asked import DashboardParameters, QueueParameters, asked_of, clients_seen, instant
from services.reporting.dashboard import dashboard, fresh_at
from services.reporting.incidents_routes import badged
from services.reporting.opened import answer
from services.reporting.positions import told_of
from services.reporting.queue_pages import page_of
from services.reporting.shapes import DashboardShape, QueueShape

if TYPE_CHECKING:
    from services.reporting.edge import Edge


def add_queue_routes(app: FastAPI, edge: Edge) -> None:
    async def queue(caller: Caller, given: Annotated[QueueParameters, Query()]) -> Response:
        """Tickets by next deadline, or as asked; a page continues where its cursor says, whatever was added before."""
        now = edge.clock.now()
        asked = asked_of(given, caller, now)
        reader = edge.reading(caller)
        # How far the view is, asked beside the page: the page holds at least what the view held then.
        page, fresh = await gather(page_of(reader, asked), fresh_at(edge.pool, now))
        items = await told_of(reader, caller.clients, page.items)
        shown = {
            "items": await badged(reader, items, now=asked.at is None),
            "next_cursor": page.next_cursor,
            "total": page.total,
            "total_is_least": page.total_is_least,
            "counts": page.counts,
            "as_of": asked.at,
            "fresh_at": fresh,
        }
        return await answer(shown, edge.vault)

    app.router.add_api_route(
        "/queue", queue, methods=["GET"], responses={200: {"model": QueueShape}}, route_class_override=QueryRoute
    )

    @app.get("/dashboard", responses={200: {"model": DashboardShape}})
    async def figures(caller: Caller, given: Annotated[DashboardParameters, Query()]) -> Response:
        """The desk in figures, now or at any instant before."""
        clients = clients_seen(None, caller)
        reader, at = edge.reading(caller), instant(given.as_of)
        return await answer(await dashboard(reader, clients, at, edge.clock.now()), edge.vault)
