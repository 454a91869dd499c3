"""A person's data is erased at a manager's word: the ticket's form enters, the same ticket without it leaves."""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.desk.guard import checked_form, form_text
from services.desk.shapes import Ticket
from services.desk.visit import Desk, Visit

LOOK_SECONDS: Final = 0.25
LOOKS_MAX: Final = 20
"""Screens lose what was erased within a second or two; who erased it is not shown it once more."""


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.post("/tickets/{reference}/erase")
    async def erase(request: Request, reference: str) -> Response:
        visit = await desk.visit(request)
        form = await checked_form(request, visit.session.csrf)
        if form_text(form, "sure") == "yes":
            await visit.api.delete(f"/people/{quote(form_text(form, 'person'), safe='')}/data")
            await _gone(visit, reference)
        return RedirectResponse(f"/tickets/{quote(reference, safe='')}", 303)

    return router


async def _gone(visit: Visit, reference: str) -> None:
    """Waits until the ticket's page shows neither the requester nor their words any more, for a few seconds: the one
    goes from a view, the other with a key that this process may hold for a moment longer."""
    for _ in range(LOOKS_MAX):
        ticket = await visit.api.get(f"/tickets/{quote(reference, safe='')}", Ticket)
        if ticket.requester.name is None and ticket.subject is None:
            return
        await asyncio.sleep(LOOK_SECONDS)
