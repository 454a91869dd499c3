"""A request enters; who asks, in which zone, with which API in their name, leaves."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import httpx
from starlette.requests import Request
from starlette.responses import Response

from services.desk.api import Api
from services.desk.guard import FORM_COOKIE, SESSION_COOKIE, NotSignedIn, keep_cookie
from services.desk.reader import Reader, theme_of, zone_of
from services.desk.render import Pages
from services.desk.sessions import Session, Sessions


@dataclass(frozen=True)
class Visit:
    """One request of one reader."""

    reader: Reader
    api: Api
    new_form_cookie: str | None = None

    @property
    def session(self) -> Session:
        """Who is signed in. Raises NotSignedIn."""
        if self.reader.session is None:
            raise NotSignedIn
        return self.reader.session

    def at(self, as_of: datetime | None) -> Reader:
        """The same reader standing at another time, so that `in 20 min` is told from there."""
        return replace(self.reader, now=as_of, real_now=self.reader.now) if as_of else self.reader


@dataclass(frozen=True)
class Desk:
    """What every page needs. `chance(n)` gives n random bytes, `mailbox` says whether letters are kept here."""

    http: httpx.AsyncClient
    sessions: Sessions
    pages: Pages
    clock: Callable[[], datetime]
    chance: Callable[[int], bytes]
    secure: bool
    mailbox: bool

    async def visit(self, request: Request) -> Visit:
        """A signed-in person's request. Raises NotSignedIn."""
        cookie = request.cookies.get(SESSION_COOKIE, "")
        session = await self.sessions.find(cookie) if cookie else None
        if session is None:
            raise NotSignedIn
        return Visit(self._reader(request, session.csrf, session), Api(self.http, session.token))

    def stranger(self, request: Request) -> Visit:
        """A request without a person: the login, the portal. Its forms are bound to a cookie of their own."""
        known = request.cookies.get(FORM_COOKIE, "")
        csrf = known or self.nonce()
        return Visit(self._reader(request, csrf, None), Api(self.http), None if known else csrf)

    def keep(self, response: Response, visit: Visit) -> Response:
        """Hands a stranger the cookie that their forms are bound to."""
        if visit.new_form_cookie:
            keep_cookie(response, FORM_COOKIE, visit.new_form_cookie, secure=self.secure, strict=True)
        return response

    def nonce(self) -> str:
        return urlsafe_b64encode(self.chance(24)).decode()

    def _reader(self, request: Request, csrf: str, session: Session | None) -> Reader:
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return Reader(zone_of(request.cookies), self.clock(), theme_of(request.cookies), path, csrf, session)


def is_htmx(request: Request) -> bool:
    """Whether a part of a page is asked for. Going back in history asks for the whole page again."""
    return request.headers.get("hx-request") == "true" and request.headers.get("hx-history-restore-request") != "true"
