"""What an agent does to a ticket: a form enters, a command goes to the API, the ticket or one clear sentence leaves."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.desk.api import ApiProblem
from services.desk.commands import COMMANDS, NotSaid
from services.desk.guard import checked_form
from services.desk.pages.ticket import Said, load, parts
from services.desk.render import said as toast
from services.desk.visit import Desk, Visit, is_htmx

Fields = dict[str, str]

MOVED_ON = "The ticket changed while you were writing. Read what is new, then send again; your words are kept."
UNSEEN = {"reply", "resolve"}
"""What goes to the requester must not be sent over a message that the agent has not seen."""


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.post("/tickets/{reference}/say")
    async def say(request: Request, reference: str) -> Response:
        visit, fields = await _fields(desk, request)
        mode = fields.get("mode", "reply")
        return await _carry_out(
            desk, request, visit, reference, mode if mode in ("reply", "note", "resolve") else "reply", fields
        )

    @router.post("/tickets/{reference}/do/{command}")
    async def act(request: Request, reference: str, command: str) -> Response:
        visit, fields = await _fields(desk, request)
        if command not in COMMANDS:
            raise ApiProblem(404, "unknown", "The desk knows no such command.", {})
        return await _carry_out(desk, request, visit, reference, command, fields)

    return router


async def _fields(desk: Desk, request: Request) -> tuple[Visit, Fields]:
    visit = await desk.visit(request)
    form = await checked_form(request, visit.session.csrf)
    return visit, {name: value.replace("\r\n", "\n").strip() for name, value in form.items() if isinstance(value, str)}


async def _carry_out(
    desk: Desk, request: Request, visit: Visit, reference: str, command: str, fields: Fields
) -> Response:
    try:
        ask = COMMANDS[command](fields, visit.reader)
        seen = fields.get("version", "") if command in UNSEEN else ""
        await visit.api.post(
            f"/tickets/{quote(reference, safe='')}/{ask.path}",
            ask.body,
            key=fields.get("attempt") or None,
            version=int(seen) if seen.isdigit() else None,
        )
    except NotSaid as missing:
        return await _refused(desk, request, visit, reference, Said(command, missing.field, missing.sentence), fields)
    except ApiProblem as problem:
        if problem.status in (401, 403, 404):
            raise
        return await _refused(desk, request, visit, reference, _said(command, problem), fields)
    if not is_htmx(request):
        return RedirectResponse(f"/tickets/{quote(reference, safe='')}", 303)
    shown = await load(desk, visit, reference, None)
    swap = "innerHTML" if command in ("reply", "note", "resolve", "reopen", "close") else ""
    response = parts(desk, visit, shown, None, with_slider=True, composer=swap)
    response.headers.update(toast(ask.done, f"done-{'said' if 'mode' in fields else 'changed'}"))
    return response


async def _refused(desk: Desk, request: Request, visit: Visit, reference: str, said: Said, fields: Fields) -> Response:
    """The page as it now stands, with everything that was typed and the sentence beside its field."""
    shown = await load(desk, visit, reference, None, said=said, fields=fields)
    if is_htmx(request):
        response = parts(desk, visit, shown, None, with_slider=True, composer="innerMorph" if "mode" in fields else "")
        response.status_code = 422
        return response
    return desk.pages.page("ticket.html", visit.reader, status=422, mailbox=desk.mailbox, place="ticket", **shown)


def _said(command: str, problem: ApiProblem) -> Said:
    if problem.status == 412 or problem.code in ("stale_version", "version_conflict", "stale"):
        return Said(command, "version", MOVED_ON)
    field, sentence = next(iter(problem.fields.items()), ("body", problem.sentence))
    return Said(command, field, sentence)
