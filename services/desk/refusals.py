"""What went wrong enters, a page or a header with one clear sentence leaves. What was typed is never thrown away."""

from __future__ import annotations

from typing import cast
from urllib.parse import quote

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.desk.api import ApiAway, ApiProblem
from services.desk.guard import HEADERS, SESSION_COOKIE, Forged, NotSignedIn
from services.desk.render import said
from services.desk.visit import Desk, is_htmx

HEADINGS = {403: "This is not for you", 404: "There is no such page"}
AWAY = "The desk cannot reach its data just now. Nothing is lost; try again in a moment."
FAULT = "The desk met a fault of its own and has written it down. Nothing that you sent before is lost."
FORGED = "This form was opened too long ago or somewhere else. Open the page again and send it from there."


def register(app: FastAPI, desk: Desk) -> None:
    """Gives the app its answers to every refusal."""

    async def not_signed_in(request: Request, error: Exception) -> Response:
        return _sign_in(request)

    async def forged(request: Request, error: Exception) -> Response:
        return _tell(desk, request, 403, "This form is too old", FORGED, "/inbox")

    async def refused(request: Request, error: Exception) -> Response:
        problem = cast(ApiProblem, error)
        if problem.status == 401:
            return await _signed_out(desk, request)
        heading = HEADINGS.get(problem.status, "The desk refused this")
        return _tell(desk, request, problem.status, heading, problem.sentence, "/inbox")

    async def away(request: Request, error: Exception) -> Response:
        return _tell(desk, request, 503, "The desk cannot reach its data", AWAY, request.url.path)

    async def http(request: Request, error: Exception) -> Response:
        status = cast(HTTPException, error).status_code
        heading = HEADINGS.get(status, "This does not work")
        return _tell(desk, request, status, heading, "The address may be old, or mistyped.", "/inbox")

    async def fault(request: Request, error: Exception) -> Response:
        response = _tell(desk, request, 500, "A fault of ours", FAULT, request.url.path)
        response.raw_headers += HEADERS  # this answer is made outside the middleware that gives the others theirs
        return response

    app.add_exception_handler(Exception, fault)
    app.add_exception_handler(NotSignedIn, not_signed_in)
    app.add_exception_handler(Forged, forged)
    app.add_exception_handler(ApiProblem, refused)
    app.add_exception_handler(ApiAway, away)
    app.add_exception_handler(HTTPException, http)


def _sign_in(request: Request) -> Response:
    """A page goes to the login; a part of a page stays as it is and says so, so that typed text stays too."""
    if is_htmx(request) or request.headers.get("accept", "").startswith("text/event-stream"):
        return Response(status_code=401, headers=said("", "signed-out"))
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/login?next={quote(request.url.path + query)}", 303)


async def _signed_out(desk: Desk, request: Request) -> Response:
    """The API no longer knows the token: the session that held it is worth nothing either."""
    await desk.sessions.end(request.cookies.get(SESSION_COOKIE, ""))
    response = _sign_in(request)
    response.delete_cookie(SESSION_COOKIE)
    return response


def _tell(desk: Desk, request: Request, status: int, heading: str, sentence: str, back: str) -> Response:
    if is_htmx(request):
        return Response(status_code=status, headers=said(sentence, "problem") | {"HX-Reswap": "none"})
    way = {"url": back, "name": "Try again" if status >= 500 else "Go to the inbox"}
    reader = desk.stranger(request).reader
    return desk.pages.page("message.html", reader, status=status, heading=heading, sentence=sentence, way=way)
