"""Mail address and password enter, a session leaves. The password is passed on to the API and kept nowhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.desk.api import ApiAway, ApiProblem
from services.desk.guard import FORM_COOKIE, SESSION_COOKIE, checked_form, form_text, keep_cookie, local_path
from services.desk.refusals import AWAY
from services.desk.sessions import SESSION_SECONDS
from services.desk.shapes import SignedIn
from services.desk.visit import Desk


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/login")
    async def show(request: Request) -> Response:
        return _sheet(desk, request, "", "", 200, local_path(request.query_params.get("next", "/inbox")))

    @router.post("/login")
    async def sign_in(request: Request) -> Response:
        visit = desk.stranger(request)
        form = await checked_form(request, request.cookies.get(FORM_COOKIE, ""))
        email, after = form_text(form, "email"), local_path(form_text(form, "next") or "/inbox")
        password = form.get("password")
        try:
            signed_in = await visit.api.post_for(
                "/sessions", SignedIn, {"email": email, "password": str(password or "")}
            )
        except ApiProblem as problem:
            return _sheet(desk, request, email, _refusal(problem), 422, after)
        except ApiAway:
            return _sheet(desk, request, email, AWAY, 503, after)
        response = RedirectResponse(after, 303)
        keep_cookie(
            response, SESSION_COOKIE, await desk.sessions.open(signed_in), secure=desk.secure, seconds=SESSION_SECONDS
        )
        return response

    router.add_api_route("/logout", _sign_out(desk), methods=["POST"])
    return router


def _sign_out(desk: Desk) -> Callable[[Request], Awaitable[Response]]:
    async def sign_out(request: Request) -> Response:
        visit = await desk.visit(request)
        await checked_form(request, visit.session.csrf)
        await desk.sessions.end(request.cookies[SESSION_COOKIE])
        try:
            await visit.api.delete("/sessions")
        except (ApiProblem, ApiAway):
            pass  # the token ends by itself; whoever signs out is signed out here in any case
        response = RedirectResponse("/login", 303)
        response.delete_cookie(SESSION_COOKIE)
        return response

    return sign_out


def _refusal(problem: ApiProblem) -> str:
    """One sentence for a wrong address and a wrong password alike: who has a login is nobody's business."""
    if problem.status in (401, 403, 404, 422):
        return "This mail address and password do not belong together."
    return problem.sentence


def _sheet(desk: Desk, request: Request, email: str, sentence: str, status: int, after: str) -> Response:
    visit = desk.stranger(request)
    page = desk.pages.page("login.html", visit.reader, status=status, email=email, sentence=sentence, next=after)
    return desk.keep(page, visit)
