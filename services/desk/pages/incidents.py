"""Incidents: the API's suspicions and incidents enter, a board and a page for each leave, which decide about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.desk.api import ApiProblem
from services.desk.commands import Fields
from services.desk.growth_chart import growth_chart, spark
from services.desk.guard import checked_form, form_text
from services.desk.incident_shapes import Incident, Incidents
from services.desk.reader import Reader
from services.desk.render import said
from services.desk.visit import Desk, Visit, is_htmx

OPEN = ("confirmed", "suspected")
TABS = {
    "": ("Open", OPEN),
    "ended": ("Ended", ("resolved", "subsided")),
    "rejected": ("Rejected", ("rejected", "merged")),
    "all": ("All", ()),
}
LATELY = 5  # that are over are shown where none is open
MINUTES = {"30": 30, "60": 60, "120": 120, "240": 240}
WORDS = ("title", "service", "text", "public", "reason", "summary", "next")
FIELDS = (*WORDS, "into", "tickets", "add", "remove", "attempt")
STARTED = "incident-new"


@dataclass(frozen=True)
class Asked:
    """One command for the API. `done` is what the page says when it is carried out."""

    path: str
    body: dict[str, Any]
    done: str


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/incidents")
    async def board(request: Request) -> Response:
        visit = await desk.visit(request)
        tab = request.query_params.get("tab", "")
        template = "parts/incidents.html" if is_htmx(request) else "incidents.html"
        return _page(desk, visit, template, await _board(desk, visit, tab))

    @router.post("/incidents")
    async def declare(request: Request) -> Response:
        visit = await desk.visit(request)
        fields = _fields(await checked_form(request, visit.session.csrf))
        tickets = _names(fields["tickets"])
        body = {"title": fields["title"], "tickets": tickets}
        answer = await visit.api.post("/incidents", body, key=fields["attempt"] or None)
        return RedirectResponse(f"/incidents/{answer['id']}", 303)

    @router.get("/incidents/{incident}")
    async def one(request: Request, incident: UUID) -> Response:
        visit = await desk.visit(request)
        template = "parts/incident.html" if is_htmx(request) else "incident.html"
        return _page(desk, visit, template, await _one(desk, visit, incident))

    @router.post("/incidents/{incident}/{action}")
    async def act(request: Request, incident: UUID, action: str) -> Response:
        visit = await desk.visit(request)
        fields = _fields(await checked_form(request, visit.session.csrf))
        if action not in COMMANDS:
            raise ApiProblem(404, "unknown", "The desk knows no such command.", {})
        asked = COMMANDS[action](fields, visit.reader)
        return await _carried_out(desk, visit, request, incident, asked, fields["attempt"] or None)

    return router


async def _carried_out(
    desk: Desk, visit: Visit, request: Request, incident: UUID, asked: Asked, key: str | None
) -> Response:
    """Sends the command; the incident as it is then, or the refusal in words."""
    try:
        await visit.api.post(f"/incidents/{incident}/{asked.path}", asked.body, key=key)
    except ApiProblem as problem:
        if not is_htmx(request) or problem.status in (401, 403, 404):
            raise
        return Response(status_code=422, headers=said(problem.sentence, "problem") | {"HX-Reswap": "none"})
    if not is_htmx(request):
        return RedirectResponse(f"/incidents/{incident}", 303)
    response = desk.pages.page("parts/incident.html", visit.reader, **await _one(desk, visit, incident))
    response.headers.update(said(asked.done, "done-changed"))
    return response


def _page(desk: Desk, visit: Visit, template: str, shown: Mapping[str, Any]) -> Response:
    return desk.pages.page(template, visit.reader, mailbox=desk.mailbox, place="incidents", **shown)


async def _board(desk: Desk, visit: Visit, tab: str) -> dict[str, Any]:
    name = tab if tab in TABS else ""
    statuses = list(TABS[name][1])
    found = await visit.api.get("/incidents", Incidents, {"status": statuses})
    lately = () if found.items or name else (await visit.api.get("/incidents", Incidents, {"limit": LATELY})).items
    order = {status: place for place, status in enumerate(OPEN)}
    items = sorted(found.items, key=lambda item: order.get(item.status, len(order)))
    return {
        "items": items,
        "lately": lately,
        "counts": found.counts,
        "tab": name,
        "tabs": [
            (key, title, sum(found.counts.get(status, 0) for status in (wanted or found.counts)))
            for key, (title, wanted) in TABS.items()
        ],
        "sparks": {item.id: spark(item.growth) for item in (*items, *lately)},
        "may_change": _may_change(visit),
        "attempt": desk.nonce(),
    }


async def _one(desk: Desk, visit: Visit, incident: UUID) -> dict[str, Any]:
    found = await visit.api.get(f"/incidents/{incident}", Incident)
    others = (
        await visit.api.get("/incidents", Incidents, {"status": list(OPEN)}) if found.status in OPEN else Incidents()
    )
    return {
        "incident": found,
        "chart": growth_chart(found.growth, found.ended_at if found.status == "resolved" else None),
        "others": [item for item in others.items if item.id != found.id],
        "may_change": _may_change(visit),
        "attempt": desk.nonce(),
    }


def _may_change(visit: Visit) -> bool:
    return visit.session.role in ("administrator", "manager", "lead")


def _fields(form: Any) -> dict[str, str]:
    fields = {name: form_text(form, name) for name in FIELDS}
    fields["tickets"] = " ".join([fields["tickets"], *(str(one) for one in form.getlist("ticket"))])
    return fields


def _names(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _next(fields: Fields, reader: Reader) -> str | None:
    minutes = MINUTES.get(fields["next"])
    return (reader.now + timedelta(minutes=minutes)).isoformat() if minutes else None


def _confirm(fields: Fields, reader: Reader) -> Asked:
    body: dict[str, Any] = {"title": fields["title"]}
    if fields["text"]:
        body |= {"text": fields["text"], "next_update_at": _next(fields, reader)}
    return Asked("confirm", body, "Confirmed: later tickets come in at once")


def _update(fields: Fields, reader: Reader) -> Asked:
    body = {"text": fields["text"], "next_update_at": _next(fields, reader), "public": bool(fields["public"])}
    return Asked("updates", body, "Everyone affected is written to")


def _resolve(fields: Fields, reader: Reader) -> Asked:
    body = {"summary": fields["summary"], "text": fields["text"] or None, "public": bool(fields["public"])}
    return Asked("resolve", body, "Resolved")


def _publish(fields: Fields, reader: Reader) -> Asked:
    body = {"title": fields["title"], "service": fields["service"] or None}
    return Asked("publish", body, "On the status page; updates go there where you say so")


def _tickets(fields: Fields, reader: Reader) -> Asked:
    body = {"add": _names(fields["add"]), "remove": _names(fields["remove"])}
    return Asked("tickets", body, "Tickets changed")


COMMANDS: Mapping[str, Callable[[Fields, Reader], Asked]] = {
    "confirm": _confirm,
    "reject": lambda fields, _: Asked("reject", {"reason": fields["reason"]}, "Rejected: it has to speak louder now"),
    "update": _update,
    "resolve": _resolve,
    "reopen": lambda fields, _: Asked("reopen", {"reason": fields["reason"]}, "Taken back"),
    "merge": lambda fields, _: Asked("merge", {"into": fields["into"]}, "Merged; reopen takes it back"),
    "split": lambda fields, _: Asked(
        "split", {"title": fields["title"], "tickets": _names(fields["tickets"])}, "Split off; merge takes it back"
    ),
    "tickets": _tickets,
    "publish": _publish,
    "withdraw": lambda fields, _: Asked("withdraw", {}, "Off the status page"),
}
