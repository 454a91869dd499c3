"""A manager's form enters: a webhook is made, ended, or its secret renewed. A page leaves, with the secret or with what
is wrong with which field. Pausing, replaying and testing stand beside each one (subscribers.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.desk.api import ApiProblem
from services.desk.guard import checked_form, form_text
from services.desk.shapes import ClientsPage
from services.desk.visit import Desk, Visit

FIELDS: Final = ("name", "url", "client", "types", "categories", "after", "personal")
CLIENTS_MAX: Final = 200  # suggested while one types; any other may be typed, too
EMPTY: Final[Mapping[str, str]] = dict.fromkeys(FIELDS, "") | {"after": "now"}
NAMELESS: Final = "Give it a name: it stands in the list and in the metrics."
NOWHERE: Final = "Say where to: an address that begins with https://."


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/subscribers/new")
    async def new(request: Request) -> Response:
        return await _form(desk, await desk.visit(request), EMPTY)

    @router.post("/subscribers/new")
    async def make(request: Request) -> Response:
        return await _made(desk, request)

    @router.post("/subscribers/webhook/{webhook}/secret")
    async def renew(request: Request, webhook: str) -> Response:
        visit = await desk.visit(request)
        form = await checked_form(request, visit.session.csrf)
        path = f"/webhooks/{quote(webhook, safe='')}/secret"
        made = await visit.api.post(path, {}, key=form_text(form, "attempt") or None)
        return _secret(desk, visit, made, form_text(form, "title"), new=False)

    @router.post("/subscribers/webhook/{webhook}/delete")
    async def delete(request: Request, webhook: str) -> Response:
        visit = await desk.visit(request)
        form = await checked_form(request, visit.session.csrf)
        if form_text(form, "sure") == "yes":
            await visit.api.delete(f"/webhooks/{quote(webhook, safe='')}")
        return RedirectResponse("/subscribers", 303)

    return router


async def _made(desk: Desk, request: Request) -> Response:
    visit = await desk.visit(request)
    form = await checked_form(request, visit.session.csrf)
    typed = {name: form_text(form, name) for name in FIELDS}
    missing = {"name": NAMELESS, "url": NOWHERE}
    problems = {name: sentence for name, sentence in missing.items() if not typed[name]}
    attempt = form_text(form, "attempt")
    if problems:
        return await _form(desk, visit, typed, problems, attempt=attempt)
    try:
        made = await visit.api.post("/webhooks", _command(typed), key=attempt)
    except ApiProblem as problem:
        if problem.status in (401, 403):
            raise
        # What was corrected is another command, so it gets another key.
        return await _form(desk, visit, typed, problem.fields, problem.sentence)
    return _secret(desk, visit, made, typed["name"], new=True)


def _command(typed: Mapping[str, str]) -> dict[str, Any]:
    """POST /webhooks' body; a field that was left empty is left out."""
    lists = {
        name: [part.strip() for part in typed[name].split(",") if part.strip()] for name in ("types", "categories")
    }
    return {
        "name": typed["name"],
        "url": typed["url"],
        "personal": typed["personal"] == "yes",
        "after": typed["after"] or "now",
        **({"client": typed["client"]} if typed["client"] else {}),
        **lists,
    }


async def _form(
    desk: Desk,
    visit: Visit,
    typed: Mapping[str, str],
    problems: Mapping[str, str] | None = None,
    sentence: str = "",
    *,
    attempt: str = "",
) -> Response:
    """The form with what was typed, and each problem at its field; one that belongs to none stands above them."""
    found = await visit.api.get("/clients", ClientsPage, {"limit": CLIENTS_MAX})
    known = {name: told for name, told in (problems or {}).items() if name in FIELDS}
    shown: dict[str, Any] = {
        "clients": [client for client in found.items if not client.id.startswith("_")],
        "typed": typed,
        "problems": known,
        "first": next((name for name in FIELDS if name in known), "name"),
        "sentence": "" if known else sentence,
        "attempt": attempt or desk.nonce(),
    }
    status = 422 if known or sentence else 200
    return desk.pages.page(
        "webhook_new.html", visit.reader, status=status, mailbox=desk.mailbox, place="subscribers", **shown
    )


def _secret(desk: Desk, visit: Visit, made: Mapping[str, Any], title: str, *, new: bool) -> Response:
    shown: dict[str, Any] = {"secret": made.get("secret"), "title": title or "the webhook", "new": new}
    return desk.pages.page("webhook_secret.html", visit.reader, mailbox=desk.mailbox, place="subscribers", **shown)
