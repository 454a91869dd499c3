"""Who follows the log: the API's subscribers enter, a page leaves with their places, which pauses and replays them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.desk.api import ApiProblem
from services.desk.guard import checked_form, form_text
from services.desk.render import said
from services.desk.shapes import DeadLetters, Subscriber, Subscribers
from services.desk.visit import Desk, Visit, is_htmx

KINDS = ("consumer", "webhook", "nats", "http")
DONE: Mapping[str, str] = {
    "pause": "Paused: nothing is sent, and nothing is lost",
    "resume": "Resumed where it was",
    "replay": "It goes on from there",
    "dead-letters": "Dead letters are tried again",
    "test": "The receiver took the test message",
}


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/subscribers")
    async def subscribers(request: Request) -> Response:
        visit = await desk.visit(request)
        template = "parts/subscribers.html" if is_htmx(request) else "subscribers.html"
        return desk.pages.page(
            template, visit.reader, mailbox=desk.mailbox, place="subscribers", **await _shown(desk, visit)
        )

    @router.get("/subscribers/{kind}/{name}/dead-letters")
    async def dead_letters(request: Request, kind: str, name: str) -> Response:
        visit = await desk.visit(request)
        letters = await visit.api.get(f"{_path(kind, name)}/dead-letters", DeadLetters)
        title = request.query_params.get("title", name)
        shown: dict[str, Any] = {"letters": letters.items, "kind": kind, "name": name, "title": title}
        return desk.pages.page("dead_letters.html", visit.reader, mailbox=desk.mailbox, place="subscribers", **shown)

    @router.post("/subscribers/{kind}/{name}/{action}")
    async def act(request: Request, kind: str, name: str, action: str) -> Response:
        visit = await desk.visit(request)
        form = await checked_form(request, visit.session.csrf)
        asked = {field: form_text(form, field) for field in ("from", "after", "position")}
        if action not in DONE or kind not in KINDS:
            raise ApiProblem(404, "unknown", "The desk knows no such command.", {})
        try:
            told = await _ask(visit, kind, name, action, asked)
        except ApiProblem as problem:
            if not is_htmx(request) or problem.status in (401, 403, 404):
                raise
            return Response(status_code=422, headers=said(problem.sentence, "problem") | {"HX-Reswap": "none"})
        if not is_htmx(request):
            return RedirectResponse("/subscribers", 303)
        response = desk.pages.page("parts/subscribers.html", visit.reader, **await _shown(desk, visit))
        response.headers.update(said(told, "done-changed"))
        return response

    return router


async def _shown(desk: Desk, visit: Visit) -> dict[str, Any]:
    found = await visit.api.get("/subscribers", Subscribers)
    items = [item for item in found.items if item.kind in KINDS]
    groups = [
        (kind, sorted((item for item in items if item.kind == kind), key=lambda item: item.name)) for kind in KINDS
    ]
    return {
        "items": items,
        "groups": [(kind, rows) for kind, rows in groups if rows],
        "may_change": found.may_change,
        "furthest": max(items, key=lambda item: item.behind, default=None),
        "retries": sum(item.retries for item in items),
        "dead": sum(item.dead_letters for item in items),
        "unwell": sum(item.state in ("resting", "paused") for item in items),
        "key_of": key_of,
        "attempt": desk.nonce(),
    }


def key_of(item: Subscriber) -> str:
    """What names a subscriber in an address."""
    return quote(item.id or item.name, safe="")


def _path(kind: str, name: str) -> str:
    place = "webhooks" if kind == "webhook" else "subscribers"
    return f"/{place}/{quote(name, safe='')}"


async def _ask(visit: Visit, kind: str, name: str, action: str, asked: Mapping[str, str]) -> str:
    """Sends the command; what the page says when it is done. Raises ApiProblem."""
    path = _path(kind, name)
    match action:
        case "replay":
            after = asked["after"] if asked["from"] == "place" else asked["from"]
            await visit.api.post(f"{path}/replay", {"after": after})
        case "dead-letters":
            await visit.api.post(f"{path}/dead-letters/replay", {"position": asked["position"] or None})
        case "test":
            answer = await visit.api.post(f"{path}/test", {})
            if not answer.get("taken"):
                return f"The receiver did not take the test message: {answer.get('code')}"
        case _:
            await visit.api.post(f"{path}/{action}", {})
    return DONE[action]
