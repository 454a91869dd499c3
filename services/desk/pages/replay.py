"""Policy replay: what is to be different and a range enter, a replay's progress and result leave. It writes nothing.

The replay is a job of the API (POST /whatif); the page asks for it every second while it is under way.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.desk import replays
from services.desk.api import ApiProblem
from services.desk.guard import checked_form
from services.desk.pages.policies import ClientTerms
from services.desk.replays import NewReplay, Replay, Replays, Unasked
from services.desk.shapes import ClientsPage
from services.desk.visit import Desk, Visit, is_htmx

LISTED = 10
ASKERS = ("administrator", "manager")
"""Who may have a replay reckoned, and end one; the API says so too. Auditors read what others asked."""


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/manage/replay")
    async def ask(request: Request) -> Response:
        visit = await desk.visit(request)
        client = request.query_params.get("client", "")
        fields = {"last": "quarter", "client": client, "set": request.query_params.get("set", "")}
        if client and request.query_params.get("terms"):
            fields["terms"] = await _in_force(visit, client)
        return await _form(desk, visit, fields)

    @router.post("/manage/replay")
    async def start(request: Request) -> Response:
        visit = await desk.visit(request)
        form = await checked_form(request, visit.session.csrf)
        fields = {name: value.strip() for name, value in form.items() if isinstance(value, str)}
        try:
            body = replays.question(fields, visit.reader.now)
            made = await visit.api.post_for("/whatif", NewReplay, body)
        except Unasked as unasked:
            return await _form(desk, visit, fields, unasked.problems)
        except ApiProblem as problem:
            if problem.status in (401, 403, 404):
                raise
            told = {replays.place_of(path): sentence for path, sentence in problem.paths.items()}
            return await _form(desk, visit, fields, told or {"set": problem.sentence})
        return RedirectResponse(f"/manage/replay/{quote(made.id)}", 303)

    _add_one(router, desk)
    return router


def _add_one(router: APIRouter, desk: Desk) -> None:
    @router.get("/manage/replay/{replay}")
    async def show(request: Request, replay: str) -> Response:
        visit = await desk.visit(request)
        found = await visit.api.get(f"/whatif/{quote(replay, safe='')}", Replay)
        shown: dict[str, Any] = {"replay": found, "states": replays.STATES, "may_ask": visit.session.role in ASKERS}
        if found.result is not None:
            shown |= {"lines": replays.lines(found.result), "moves": replays.moves(found.result)}
        template = "parts/replay_state.html" if is_htmx(request) else "replay.html"
        return desk.pages.page(template, visit.reader, mailbox=desk.mailbox, place="replay", **shown)

    @router.post("/manage/replay/{replay}/end")
    async def end(request: Request, replay: str) -> Response:
        visit = await desk.visit(request)
        await checked_form(request, visit.session.csrf)
        await visit.api.delete(f"/whatif/{quote(replay, safe='')}")
        return RedirectResponse("/manage/replay", 303)


async def _in_force(visit: Visit, client: str) -> str:
    """A client's policy and calendar as text to change."""
    found = await visit.api.get(f"/clients/{quote(client, safe='')}/terms", ClientTerms)
    policy = found.policies[0] if found.policies else None
    named = str(policy.policy.get("calendar", "default")) if policy else "default"
    calendar = next((each for each in found.calendars if each.name == named), None)
    return replays.terms_text(
        {"name": policy.name, **policy.policy} if policy else None,
        {"name": calendar.name, **calendar.calendar} if calendar else None,
    )


async def _form(desk: Desk, visit: Visit, fields: dict[str, str], problems: dict[str, str] | None = None) -> Response:
    known = await visit.api.get("/clients", ClientsPage, {"limit": 200})
    before = await visit.api.get("/whatif", Replays, {"limit": LISTED})
    shown: dict[str, Any] = {
        "clients": known.items,
        "before": before.items,
        "fields": fields,
        "problems": problems or {},
        "lasts": replays.LASTS,
        "states": replays.STATES,
        "may_ask": visit.session.role in ASKERS,
    }
    status = 422 if problems else 200
    return desk.pages.page(
        "replay_new.html", visit.reader, status=status, mailbox=desk.mailbox, place="replay", **shown
    )
