"""The clocks of a ticket, drawn: a reference and an instant enter, what the popover shows leaves."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.desk import clocks
from services.desk.measures import Clocks
from services.desk.pages.inbox import instant
from services.desk.pages.ticket import all_events
from services.desk.visit import Desk


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/tickets/{reference}/clocks")
    async def show(request: Request, reference: str) -> Response:
        visit = await desk.visit(request)
        as_of = instant(request.query_params.get("as_of", ""), visit.reader)
        asked = {"as_of": as_of.isoformat() if as_of else None}
        path = f"/tickets/{quote(reference, safe='')}/clocks"
        found, (events, _) = await asyncio.gather(visit.api.get(path, Clocks, asked), all_events(visit, reference))
        bars = clocks.drawn(found, events)
        return desk.pages.page("parts/clocks.html", visit.at(as_of), drawn=bars, as_of=as_of)

    return router
