"""A client's SLA drawn: a client, a range and what to list enter; attainment, pauses and the tickets behind leave."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.desk import attainment
from services.desk.attainment import Wanted
from services.desk.measures import JudgedPage, PausedPage, Sla, StoryPage
from services.desk.pages.inbox import instant
from services.desk.visit import Desk, Visit

LISTED = 25  # rows of a list on the page
FILTERS = ("metric", "outcome", "breach", "agent", "team", "category", "priority")


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/manage/sla/{client}")
    async def show(request: Request, client: str) -> Response:
        visit = await desk.visit(request)
        wanted = wanted_of(client, request)
        shown = await load(visit, wanted)
        as_of = instant(wanted.as_of, visit.reader)
        return desk.pages.page("sla.html", visit.at(as_of), mailbox=desk.mailbox, place="manage", as_of=as_of, **shown)

    return router


def wanted_of(client: str, request: Request) -> Wanted:
    names = [name for name in Wanted.__dataclass_fields__ if name not in ("client", "since")]
    given = {name: value for name in names if (value := request.query_params.get(name, "").strip())}
    given["since"] = request.query_params.get("from", "").strip()
    if given.get("group") not in attainment.GROUPS:
        given["group"] = "agent"
    if given.get("show") not in ("cycles", "pauses", "stories"):
        given["show"] = "cycles"
    return Wanted(client=client, **given)


async def load(visit: Visit, wanted: Wanted) -> dict[str, Any]:
    """Figures, days and the list that was asked for."""
    path = f"/clients/{quote(wanted.client, safe='')}/sla"
    sla, days, listed = await asyncio.gather(
        visit.api.get(path, Sla, wanted.range | {"group": wanted.group}),
        visit.api.get(path, Sla, wanted.range | {"group": "day"}),
        _list(visit, wanted),
    )
    first, last = sla.since.date(), (sla.until - timedelta(days=1)).date()
    return {
        "sla": sla,
        "wanted": wanted,
        "first": first.isoformat(),
        "last": last.isoformat(),
        "shares": attainment.shares(line for line in sla.metrics if line.metric != "promise"),
        "promise": next((line for line in sla.metrics if line.metric == "promise"), None),
        "days": attainment.day_bars(days.groups, first, last),
        "groups": [(row, attainment.shares(row.metrics)) for row in sla.groups],
        "listed": listed,
        "pauses": attainment.pause_bars(listed.items) if isinstance(listed, PausedPage) else [],
        "outcomes": attainment.OUTCOMES,
        "breaches": attainment.BREACHES,
        "group_names": attainment.GROUPS,
    }


async def _list(visit: Visit, wanted: Wanted) -> JudgedPage | PausedPage | StoryPage:
    asked = wanted.range | {"client": wanted.client, "limit": LISTED, "cursor": wanted.cursor}
    if wanted.show == "pauses":
        return await visit.api.get("/sla/pauses", PausedPage, asked)
    if wanted.show == "stories":
        return await visit.api.get("/sla/stories", StoryPage, asked)
    chosen: dict[str, str | int | list[str] | None] = {name: getattr(wanted, name) for name in FILTERS}
    return await visit.api.get("/sla/cycles", JudgedPage, asked | chosen)
