"""The desk in figures: the dashboard's counts enter, a page whose every figure leads to its tickets leaves."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.desk import attainment, charts, words
from services.desk.measures import Board
from services.desk.pages.inbox import instant
from services.desk.reader import local_input
from services.desk.shapes import Dashboard, DayFigures
from services.desk.visit import Desk, is_htmx


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/manage")
    async def manage(request: Request) -> Response:
        visit = await desk.visit(request)
        as_of = instant(request.query_params.get("as_of", ""), visit.reader)
        board = await visit.api.get("/dashboard", Board, {"as_of": as_of.isoformat() if as_of else None})
        reader = visit.at(as_of)
        template = "parts/manage.html" if is_htmx(request) else "manage.html"
        shown = figures(board) | {"as_of": as_of, "as_of_input": local_input(reader.now, reader.zone)}
        shown["shares"] = attainment.shares(board.attainment)
        return desk.pages.page(template, reader, mailbox=desk.mailbox, place="manage", **shown)

    return router


def figures(board: Dashboard) -> dict[str, Any]:
    """What both the dashboard and the wallboard show."""
    return {
        "board": board,
        "today": day(board, 0),
        "yesterday": day(board, 1),
        "chart": charts.day_chart(board.per_day),
        "by_status": charts.bars(board.by_status, words.STATUSES),
        "by_priority": charts.bars(board.by_priority, words.PRIORITIES | {"none": "Not judged yet"}),
        "longest_client": max([row.open for row in board.by_client] + [1]),
        "worst": max((row for row in board.by_client if row.overdue), key=lambda row: row.overdue, default=None),
        "day_end": day_end,
    }


def day(board: Dashboard, ago: int) -> DayFigures:
    """The figures of so many days ago. The API's days are those of UTC; the last one is today's."""
    return board.per_day[-1 - ago] if len(board.per_day) > ago else DayFigures(day="")


def day_end(day: str) -> str:
    """The last second of a day: the queue as it stood then."""
    after = datetime.combine(date.fromisoformat(day) + timedelta(days=1), time(), UTC)
    return (after - timedelta(seconds=1)).isoformat()
