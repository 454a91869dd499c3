"""What clocks go by: a client's calendar and policy enter, a form leaves, with what would be due as one types.

The desk reads them through reporting's API and sets them through intake's, so that a program can do all of it, too.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.desk import terms
from services.desk.api import ApiProblem
from services.desk.guard import checked_form
from services.desk.shapes import ClientsPage
from services.desk.visit import Desk, Visit

DESK = "_desk"


class Version(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    version: int
    holds_from: datetime
    apply_to_open: bool
    corrected: bool = False
    calendar: dict[str, Any] = {}
    policy: dict[str, Any] = {}


class ClientTerms(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    client: str
    own: bool
    calendars: tuple[Version, ...]
    policies: tuple[Version, ...]


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/policies")
    async def choose(request: Request) -> Response:
        visit = await desk.visit(request)
        client = request.query_params.get("client") or await _first(visit)
        return RedirectResponse(f"/policies/{quote(client, safe='')}", 303)

    @router.get("/policies/{client}")
    async def policies(request: Request, client: str) -> Response:
        visit = await desk.visit(request)
        return await _page(desk, visit, client, saved=request.query_params.get("saved", ""))

    @router.post("/policies/{client}/preview")
    async def preview(request: Request, client: str) -> Response:
        visit, fields = await _fields(desk, request)
        return desk.pages.page("parts/policy_preview.html", visit.reader, **await _previewed(visit, client, fields))

    @router.post("/policies/{client}")
    async def save(request: Request, client: str) -> Response:
        visit, fields = await _fields(desk, request)
        asked = terms.asked(fields, fields.get("policy-name") or "default")
        what = "policy" if fields.get("save") == "policy" else "calendar"
        body = asked.policy if what == "policy" else asked.calendar
        if asked.unread:
            return await _page(desk, visit, client, fields=fields, problems=asked.unread)
        try:
            await visit.api.put(f"/clients/{quote(client, safe='')}/{what}", body)
        except ApiProblem as problem:
            if problem.status in (401, 403, 404):
                raise
            return await _page(desk, visit, client, fields=fields, problems=_placed(problem, asked.rows))
        return RedirectResponse(f"/policies/{quote(client, safe='')}?saved={what}", 303)

    return router


async def _first(visit: Visit) -> str:
    page = await visit.api.get("/clients", ClientsPage, {"limit": 1})
    return page.items[0].id if page.items else DESK


async def _fields(desk: Desk, request: Request) -> tuple[Visit, dict[str, str]]:
    visit = await desk.visit(request)
    form = await checked_form(request, visit.session.csrf)
    return visit, {name: value.strip() for name, value in form.items() if isinstance(value, str)}


async def _page(
    desk: Desk,
    visit: Visit,
    client: str,
    *,
    fields: dict[str, str] | None = None,
    problems: dict[str, str] | None = None,
    saved: str = "",
) -> Response:
    """The form, as it is in force, or as it was sent with what is wrong beside its fields."""
    found = await visit.api.get(f"/clients/{quote(client, safe='')}/terms", ClientTerms)
    known = await visit.api.get("/clients", ClientsPage, {"limit": 200})
    policy = found.policies[0] if found.policies else None
    named = str(policy.policy.get("calendar", "default")) if policy else "default"
    calendar = next((each for each in found.calendars if each.name == named), None)
    if fields is None:
        fields = terms.fields_of(
            calendar.calendar if calendar else terms.NEW_CALENDAR, policy.policy if policy else {}, named
        )
    shown: dict[str, Any] = {
        "client": client,
        "clients": known.items,
        "found": found,
        "fields": fields,
        "problems": problems or {},
        "saved": saved,
        "policy_name": policy.name if policy else "default",
        "terms": terms,
    }
    shown |= await _previewed(visit, client, fields) if not problems else {"lines": (), "told": list(problems.items())}
    status = 422 if problems else 200
    return desk.pages.page(
        "policies.html", visit.reader, status=status, mailbox=desk.mailbox, place="policies", **shown
    )


class Line(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    row: int
    tickets: str
    metric: str
    asked_at: datetime
    due_at: datetime | None
    zone: str
    sentence: str


class Preview(BaseModel):
    preview: tuple[Line, ...] = ()


async def _previewed(visit: Visit, client: str, fields: dict[str, str]) -> dict[str, Any]:
    """When tickets would be due by what stands in the form, or what is wrong with it."""
    asked = terms.asked(fields, fields.get("policy-name") or "default")
    if asked.unread:
        return {"lines": (), "told": list(asked.unread.items())}
    body = {"calendar": asked.calendar} | ({"policy": asked.policy} if asked.policy["rows"] else {})
    try:
        found = await visit.api.post_for(f"/clients/{quote(client, safe='')}/preview", Preview, body)
    except ApiProblem as problem:
        if problem.status in (401, 404):
            raise
        return {"lines": (), "told": list(_placed(problem, asked.rows).items())}
    return {"lines": found.preview, "told": []}


def _placed(problem: ApiProblem, rows: tuple[int, ...]) -> dict[str, str]:
    """What is wrong, by the form's fields."""
    return {terms.place_of(path, rows): sentence for path, sentence in problem.paths.items()} or {"": problem.sentence}
