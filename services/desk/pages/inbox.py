"""The queue: filters and a cursor enter, a page of tickets leaves, whole or as the part that changed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.desk import people, queue, words
from services.desk.queue import Filters
from services.desk.reader import Reader, instant_of_input, local_input
from services.desk.shapes import Agent, ClientFigures, Dashboard, QueuePage
from services.desk.visit import Desk, Visit, is_htmx

PAGE_ROWS = 50
FOUND_ROWS = 6  # what the palette shows while somebody types


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/inbox")
    async def inbox(request: Request) -> Response:
        visit = await desk.visit(request)
        filters = Filters.of(request.query_params)
        as_of = instant(filters.as_of, visit.reader)
        filters = replace(filters, as_of=as_of.isoformat() if as_of else "")
        shown = await _shown(visit, filters, as_of)
        template = "parts/inbox.html" if is_htmx(request) else "inbox.html"
        headers = {"Vary": "HX-Request"}
        if request.headers.get("hx-source") == "form#filters":
            headers["HX-Push-Url"] = filters.url()  # without the fields that were left empty
        return desk.pages.page(template, visit.at(as_of), mailbox=desk.mailbox, headers=headers, **shown)

    @router.get("/counts")
    async def counts(request: Request) -> Response:
        """The numbers in the rail."""
        visit = await desk.visit(request)
        mine = Filters(assignee="me")
        board, page = await asyncio.gather(
            visit.api.get("/dashboard", Dashboard), visit.api.get("/queue", QueuePage, mine.asked(1))
        )
        return desk.pages.page("counts.html", visit.reader, board=board, mine=page.total)

    @router.get("/palette")
    async def palette(request: Request) -> Response:
        """Tickets for what is typed into the palette."""
        visit = await desk.visit(request)
        typed = request.query_params.get("q", "").strip()
        found = Filters(status="all", q=typed)
        page = await visit.api.get("/queue", QueuePage, found.asked(FOUND_ROWS)) if typed else QueuePage(items=())
        return desk.pages.page("parts/palette.html", visit.reader, tickets=page.items)

    return router


async def _shown(visit: Visit, filters: Filters, as_of: datetime | None) -> dict[str, Any]:
    page, board, agents = await asyncio.gather(
        visit.api.get("/queue", QueuePage, filters.asked(PAGE_ROWS)),
        visit.api.get("/dashboard", Dashboard),
        people.agents(visit.api),
    )
    reader = visit.at(as_of)
    return {
        "page": page,
        "filters": filters,
        "as_of": as_of,
        "as_of_input": local_input(reader.now, reader.zone),
        "tabs": queue.tabs(filters, page.counts.get("status", {})),
        "groups": queue.groups(page.items, filters, reader),
        "clients": board.by_client,
        "agents": agents,
        "chosen": _chosen(filters, board.by_client, agents),
        "place": {"me": "mine", "none": "unassigned"}.get(filters.assignee, "inbox"),
        "title": {"me": "Mine", "none": "Unassigned"}.get(filters.assignee, "Inbox"),
    }


def _chosen(filters: Filters, clients: tuple[ClientFigures, ...], agents: tuple[Agent, ...]) -> list[tuple[str, str]]:
    """The filters that are on, as (name, words)."""
    client_names = {client.client: client.name or client.client for client in clients}
    agent_names = {str(agent.id): agent.name for agent in agents} | {"me": "Mine", "none": "Unassigned"}
    found = [
        ("q", f"“{filters.q}”" if filters.q else ""),
        ("priority", words.PRIORITIES.get(filters.priority, filters.priority)),
        ("client", client_names.get(filters.client, filters.client)),
        ("assignee", agent_names.get(filters.assignee, filters.assignee)),
        ("category", words.plain(filters.category)),
        ("overdue", "Overdue" if filters.overdue else ""),
        ("opened_on", f"Opened on {filters.opened_on} (UTC)" if filters.opened_on else ""),
    ]
    return [(name, shown) for name, shown in found if shown]


def instant(text: str, reader: Reader) -> datetime | None:
    """An `as_of` out of an address: an instant, or a local time as a date field writes it. None for now or nonsense."""
    try:
        at = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo else instant_of_input(text, reader.zone)
