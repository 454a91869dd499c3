"""The letters that were kept because no mail server is set. HTML is shown only after nh3 has cleaned it."""

from __future__ import annotations

import nh3
from fastapi import APIRouter
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from services.desk.api import ApiProblem
from services.desk.shapes import LettersPage
from services.desk.visit import Desk, Visit

LETTERS_PAGE = 100
TAGS = {
    "p",
    "br",
    "b",
    "strong",
    "i",
    "em",
    "a",
    "ul",
    "ol",
    "li",
    "blockquote",
    "h1",
    "h2",
    "h3",
    "hr",
    "code",
    "pre",
    "div",
    "span",
}


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/mailbox")
    async def letters(request: Request) -> Response:
        return await _show(desk, await desk.visit(request), None, request.query_params.get("cursor"))

    @router.get("/mailbox/{letter}")
    async def one(request: Request, letter: str) -> Response:
        return await _show(desk, await desk.visit(request), letter, request.query_params.get("cursor"))

    return router


async def _show(desk: Desk, visit: Visit, letter: str | None, cursor: str | None) -> Response:
    page = await visit.api.get("/mailbox", LettersPage, {"limit": LETTERS_PAGE, "cursor": cursor})
    chosen = next((one for one in page.items if letter in (None, str(one.id))), None)
    if letter and chosen is None:
        raise ApiProblem(404, "not_found", "There is no such letter.", {})
    return desk.pages.page(
        "mailbox.html",
        visit.reader,
        mailbox=True,
        place="mailbox",
        letters=page.items,
        chosen=chosen,
        opened=letter is not None,
        next_cursor=page.next_cursor,
        cursor=cursor,
        body_text=(chosen.text if chosen else None) or "",
        body_html=clean(chosen.html if chosen else None),
    )


def clean(html: str | None) -> Markup | None:
    """A letter's HTML with nothing in it that could run, load or look like the desk itself."""
    if not html:
        return None
    cleaned = nh3.clean(
        html,
        tags=TAGS,
        clean_content_tags={"script", "style", "title"},
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto"},
    )
    return Markup(cleaned)  # noqa: S704  this is where it becomes safe
