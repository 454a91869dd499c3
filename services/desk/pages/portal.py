"""The requester's own page of one ticket: the link's key enters, where the request stands leaves, in plain words.

The key is the whole secret of a guest (services/kit/guests.py): the page is never cached, its address never told to
another site.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.desk import public
from services.desk.api import ApiProblem
from services.desk.guard import FORM_COOKIE, checked_form, form_text
from services.desk.published import Published, hours_of, waits_of, week_of
from services.desk.shapes import GuestTicket
from services.desk.visit import Desk, Visit

PATH = "/portal/{client}/tickets/{reference}"
EMPTY = "Write a few words first."


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/portal/{client}")
    async def hours(request: Request, client: str) -> Response:
        """When the desk is there, and how long a request waits."""
        visit = desk.stranger(request)
        found = await visit.api.get(f"/guest/clients/{quote(client, safe='')}/terms", Published)
        shown: dict[str, Any] = {"published": found, "hours": hours_of(found), "waits": waits_of(found)}
        return desk.pages.page("portal.html", visit.reader, **shown)

    @router.get(PATH)
    async def ticket(request: Request, client: str, reference: str) -> Response:
        key = request.query_params.get("key", "")
        return await _show(desk, desk.stranger(request), client, reference, key, sent="sent" in request.query_params)

    @router.post(PATH)
    async def answer(request: Request, client: str, reference: str) -> Response:
        visit = desk.stranger(request)
        form = await checked_form(request, request.cookies.get(FORM_COOKIE, ""))
        key, body = form_text(form, "key"), form_text(form, "body")
        if not body:
            return await _show(desk, visit, client, reference, key, sentence=EMPTY)
        try:
            await visit.api.post(
                f"/guest/tickets/{quote(reference, safe='')}/messages",
                {"key": key, "body": body},
                key=form_text(form, "attempt"),
            )
        except ApiProblem as problem:
            return await _show(desk, visit, client, reference, key, sentence=problem.sentence, typed=body)
        return RedirectResponse(f"{request.url.path}?key={quote(key)}&sent=1", 303)

    return router


async def _show(
    desk: Desk,
    visit: Visit,
    client: str,
    reference: str,
    key: str,
    *,
    sentence: str = "",
    typed: str = "",
    sent: bool = False,
) -> Response:
    ticket, found = await asyncio.gather(
        visit.api.get(f"/guest/tickets/{quote(reference, safe='')}", GuestTicket, {"key": key, "client": client}),
        visit.api.get(f"/guest/clients/{quote(client, safe='')}/terms", Published),
    )
    late = ticket.next_update_by is not None and ticket.next_update_by < visit.reader.now
    shown: dict[str, Any] = {
        "ticket": ticket,
        "state": public.state(ticket),
        "history": public.history(ticket),
        "late": late,
        "hours": week_of(found),
        "sent": sent,
        "sentence": sentence,
        "typed": typed,
        "key": key,
        "action": f"/portal/{quote(client, safe='')}/tickets/{quote(reference, safe='')}",
        "attempt": desk.nonce(),
    }
    return desk.keep(
        desk.pages.page("portal_ticket.html", visit.reader, status=422 if sentence else 200, **shown), visit
    )
