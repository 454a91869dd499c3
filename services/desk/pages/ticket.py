"""One ticket as it stands or stood: a reference and an instant enter, its page or the parts that changed leave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from services.desk import asking, calm, grounds, people, slider, timeline
from services.desk.first_line import first_line
from services.desk.pages.inbox import instant
from services.desk.shapes import EventsPage, Ticket, TicketEvent
from services.desk.visit import Desk, Visit, is_htmx

EVENTS_PAGE = 200
EVENTS_MAX = 3000  # a page with more would take seconds to draw; the oldest are left off, and the page says so


@dataclass(frozen=True)
class Said:
    """What was wrong with what somebody wrote: beside which field, in one sentence, in answer to which command."""

    command: str
    field: str
    sentence: str


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/tickets/{reference}")
    async def show(request: Request, reference: str) -> Response:
        visit = await desk.visit(request)
        as_of = instant(request.query_params.get("as_of", ""), visit.reader)
        shown = await load(desk, visit, reference, as_of)
        if not is_htmx(request):
            return desk.pages.page("ticket.html", visit.at(as_of), mailbox=desk.mailbox, place="ticket", **shown)
        live = request.query_params.get("live") == "1"
        return parts(desk, visit, shown, as_of, with_slider=live)

    return router


def parts(
    desk: Desk, visit: Visit, shown: Mapping[str, Any], as_of: datetime | None, *, with_slider: bool, composer: str = ""
) -> HTMLResponse:
    """The parts of the page that time or a command changes. `composer` says how its form is swapped, if at all."""
    return desk.pages.page(
        "parts/ticket_parts.html", visit.at(as_of), with_slider=with_slider, with_composer=bool(composer),
        composer_swap=composer, **shown,
    )  # fmt: skip


async def load(
    desk: Desk,
    visit: Visit,
    reference: str,
    as_of: datetime | None,
    *,
    said: Said | None = None,
    fields: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """What the ticket's templates show. `said` and `fields` give back what was typed, with what was wrong."""
    asked = {"as_of": as_of.isoformat() if as_of else None}
    ticket, (events, left_off), agents = await asyncio.gather(
        visit.api.get(f"/tickets/{quote(reference, safe='')}", Ticket, asked),
        all_events(visit, reference),
        people.agents(visit.api),
    )
    reader = visit.at(as_of)
    stops = slider.slider(events, as_of, visit.reader)
    then = [event for event in events if as_of is None or event.time <= as_of]
    in_composer = said is not None and said.command in ("reply", "note", "resolve")
    return {
        "ticket": ticket,
        "as_of": as_of,
        "days": timeline.days(then, reader, ticket.requester.name),
        **helped(ticket, then),
        "events_count": len(then),
        "events_left_off": left_off,
        "newest_word": timeline.newest_word(then),
        "splitting": timeline.splitting(then),
        "shown_version": max((event.version for event in then), default=ticket.version),
        "slider": stops,
        "stops_json": json.dumps([[stop.as_of, stop.words] for stop in stops.stops]),
        "agents": agents,
        "attempt": desk.nonce(),
        "mode": said.command if said and in_composer else "reply",
        "said": said if in_composer else None,
        "told": said if said and not in_composer else None,
        "fields": (fields or {}) if in_composer else {},
        "typed": (fields or {}) if said and not in_composer else {},
    }


def helped(ticket: Ticket, events: Sequence[TicketEvent]) -> dict[str, Any]:
    """What helps whoever answers: why this priority, what was tried and found, the tone, what is still to be asked."""
    missing = asking.questions(events, ticket.category)
    return {
        "grounds": grounds.grounds(ticket.priority.reasons, ticket.priority.inputs) if ticket.priority else [],
        "first": first_line(events, ticket.category, ticket.level),
        "heard": calm.heard(events, ticket.requester.name),
        "questions": missing,
        "all_questions": asking.letter(missing),
    }


async def all_events(visit: Visit, reference: str) -> tuple[list[TicketEvent], bool]:
    """The ticket's events, oldest first, and whether the oldest were left off."""
    path = f"/tickets/{quote(reference, safe='')}/events"
    found: list[TicketEvent] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await visit.api.get(path, EventsPage, {"limit": EVENTS_PAGE, "cursor": cursor})
        found += page.items
        cursor = page.next_cursor
    return found[-EVENTS_MAX:], len(found) > EVENTS_MAX
