"""What is asked again and again: a client and a window enter, a page of questions, counted, with examples leaves."""

from __future__ import annotations

from datetime import UTC, date
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.desk import questions
from services.desk.api import ApiProblem
from services.desk.questions import Questions
from services.desk.shapes import ClientsPage
from services.desk.visit import Desk, Visit

FIELDS = ("client", "from", "to", "limit")


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/manage/questions")
    async def show(request: Request) -> Response:
        visit = await desk.visit(request)
        fields = {name: request.query_params.get(name, "").strip() for name in FIELDS}
        known = await visit.api.get("/clients", ClientsPage, {"limit": 200})
        found, problems = await _found(visit, fields, known)
        shown: dict[str, Any] = {
            "clients": known.items,
            "fields": fields,
            "problems": problems,
            "found": found,
            "limit": questions.LIMIT,
            "limit_max": questions.LIMIT_MAX,
        }
        if found is not None:
            until = date.fromisoformat(fields["to"]) if fields["to"] else visit.reader.now.astimezone(UTC).date()
            weeks = questions.weeks_of(found.items, until)
            shown |= {"lines": questions.lines(found, until), "weeks": [questions.day(week) for week in weeks]}
        status = 422 if problems else 200
        return desk.pages.page(
            "questions.html", visit.reader, status=status, mailbox=desk.mailbox, place="questions", **shown
        )

    return router


async def _found(visit: Visit, fields: dict[str, str], known: ClientsPage) -> tuple[Questions | None, dict[str, str]]:
    """The API's answer, or a sentence for each field that it cannot be asked with."""
    whole = known.next_cursor is None
    asked, problems = questions.wanted(fields, [one.id for one in known.items] if whole else None)
    if problems:
        return None, problems
    try:
        return await visit.api.get("/questions", Questions, asked), {}
    except ApiProblem as problem:
        if problem.status != 422:
            raise
        return None, {name: told for name, told in problem.fields.items() if name in FIELDS} or {
            "client": problem.sentence
        }
