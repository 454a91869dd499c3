"""Tickets about the same, beside one ticket: a reference enters, a list with yes and no leaves; each answer is kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.desk import words
from services.desk.guard import checked_form
from services.desk.shapes import Shape, Text
from services.desk.visit import Desk, Visit, is_htmx

WHY = {
    "confirmed": "said to be the same",
    "names": "both name {}",
    "words": "both say {}",
    "category": "both about {}",
    "same_day": "on the same day",
}


class Reason(Shape):
    code: str
    words: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        said = (words.plain(word).lower() if self.code == "category" else word for word in self.words)
        return WHY.get(self.code, words.plain(self.code)).format(", ".join(said))


class Alike(Shape):
    reference: str
    client: str
    client_name: str | None = None
    subject: Text = None
    status: str
    opened_at: datetime
    confirmed: bool = False
    reasons: tuple[Reason, ...] = ()

    @property
    def why(self) -> str:
        return "; ".join(reason.sentence for reason in self.reasons)


class AlikePage(Shape):
    items: tuple[Alike, ...] = ()


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/tickets/{reference}/similar")
    async def similar(request: Request, reference: str) -> Response:
        return await _shown(desk, await desk.visit(request), reference)

    @router.post("/tickets/{reference}/similar")
    async def judge(request: Request, reference: str) -> Response:
        """Keeps what was said of a pair, and shows what is left to say."""
        visit = await desk.visit(request)
        form = await checked_form(request, visit.session.csrf)
        said: dict[str, Any] = {"other": str(form.get("other", "")), "similar": form.get("similar") == "yes"}
        await visit.api.post(f"/tickets/{quote(reference, safe='')}/similar", said)
        if not is_htmx(request):
            return RedirectResponse(f"/tickets/{quote(reference, safe='')}", 303)
        return await _shown(desk, visit, reference)

    return router


async def _shown(desk: Desk, visit: Visit, reference: str) -> Response:
    page = await visit.api.get(f"/tickets/{quote(reference, safe='')}/similar", AlikePage)
    undecided = next((one.reference for one in page.items if not one.confirmed), None)
    return desk.pages.page(
        "parts/similar.html", visit.reader, reference=reference, items=page.items, undecided=undecided
    )
