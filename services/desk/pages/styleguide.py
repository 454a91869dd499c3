"""Every part in every state, drawn from the same templates as the screens. It shows made-up words and asks nobody."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.desk import charts, timeline, words
from services.desk.reader import Reader
from services.desk.shapes import DayFigures, QueueItem, TicketEvent
from services.desk.visit import Desk

SAMPLE = Path(__file__).parent.parent / "sample.yaml"
GROUNDS = ("bg", "surface", "sunken", "raised", "line", "edge", "accent-bg", "note-bg")
INKS = ("ink", "ink-2", "ink-3", "accent", "red", "amber", "blue", "green")


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()
    made_up = yaml.safe_load(SAMPLE.read_text())

    @router.get("/styleguide")
    async def styleguide(request: Request) -> Response:
        visit = desk.stranger(request)
        return desk.keep(desk.pages.page("styleguide.html", visit.reader, **sample(made_up, visit.reader)), visit)

    return router


def sample(made_up: dict[str, list[list[Any]]], reader: Reader) -> dict[str, Any]:
    """The made-up tickets, letters and days that the parts are shown with."""
    events = [_event(place, told, reader) for place, told in enumerate(made_up["story"])]
    days = [DayFigures(day=f"2026-11-{day:02}", created=day * 7 % 40, resolved=day * 5 % 37) for day in range(1, 15)]
    return {
        "grounds": GROUNDS,
        "inks": INKS,
        "items": [_item(place, told, reader) for place, told in enumerate(made_up["lines"])],
        "days": timeline.days(events, reader, "Ana Ruiz"),
        "events_count": len(events),
        "events_left_off": False,
        "newest_word": 0,
        "shown_version": len(events),
        "chart": charts.day_chart(days),
        "day_end": lambda day: day,
        "bars": charts.bars({"P1": 3, "P2": 14, "P3": 41, "P4": 9}, words.PRIORITIES),
        "dues": [reader.now + timedelta(minutes=minutes) for minutes in (-190, 25, 200, 1500, 6000)],
    }


def _item(place: int, told: list[Any], reader: Reader) -> QueueItem:
    status, priority, subject, assignee, exchanges, minutes = told
    return QueueItem(
        id=UUID(int=place + 1),
        reference=f"ACME-{1042 + place}",
        client="acme",
        client_name="Acme Works",
        subject=subject,
        requester_name="Ana Ruiz",
        status=status,
        priority=priority,
        assignee_name=assignee,
        exchanges=exchanges,
        opened_at=reader.now,
        updated_at=reader.now,
        next_update_by=reader.now + timedelta(minutes=minutes) if minutes else None,
    )


def _event(place: int, told: list[Any], reader: Reader) -> TicketEvent:
    kind, name, data = told
    return TicketEvent(
        id=UUID(int=place + 100),
        type=kind,
        time=reader.now - timedelta(days=4) + timedelta(hours=place * 5),
        version=place + 1,
        actor="agent:1" if name else "system:triage",
        actor_name=name,
        data=data,
    )
