"""Every request passes here: forged forms are refused, answers carry their security headers, cookies are made safe."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from hmac import compare_digest
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

SESSION_COOKIE = "daybook_session"
FORM_COOKIE = "daybook_form"
FORM_BYTES_MAX = 1_000_000  # the longest reply is 200,000 characters; nothing else comes near

# No inline script, no inline style, nothing from elsewhere: what a ticket's text smuggles in cannot run or call home.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", CONTENT_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class Forged(Exception):
    """A form that this desk did not hand out to this browser."""


class NotSignedIn(Exception):
    """A page for signed-in people was asked for by somebody else."""


class SafeHeaders:
    """ASGI middleware: the headers above on every answer; caches keep only what says that it may be kept."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.setdefault("headers", [])
                given = {name.lower() for name, _ in headers}
                headers += [(name, value) for name, value in HEADERS if name not in given]
                headers += [] if b"cache-control" in given else [(b"cache-control", b"no-store")]
            await send(message)

        await self._app(scope, receive, send_safely if scope["type"] == "http" else send)


async def checked_form(request: Request, csrf: str) -> FormData:
    """The form of a request that comes from our own page and carries its token. Raises Forged."""
    if not _same_origin(request):
        raise Forged
    form = await request.form(max_files=0, max_part_size=FORM_BYTES_MAX)
    given = form.get("csrf")
    if not csrf or not isinstance(given, str) or not compare_digest(given.encode(), csrf.encode()):
        raise Forged
    return form


def _same_origin(request: Request) -> bool:
    """Browsers say where a form came from; who says nothing (no browser) has no cookie to abuse either."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    same_host = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    return site in ("same-origin", "none") and same_host


def keep_cookie(
    response: Response, name: str, value: str, *, secure: bool, strict: bool = False, seconds: int | None = None
) -> None:
    """A cookie that scripts cannot read and other sites' forms do not send."""
    response.set_cookie(
        name, value, max_age=seconds, httponly=True, secure=secure, samesite="strict" if strict else "lax"
    )


def form_text(form: FormData, name: str) -> str:
    """A field as text with plain line ends; absent and file fields are empty."""
    value = form.get(name)
    return value.replace("\r\n", "\n").strip() if isinstance(value, str) else ""


def local_path(path: str) -> str:
    """Where to go after signing in: a path of this desk, never another site."""
    safe = path.startswith("/") and not path.startswith(("//", "/\\")) and "\n" not in path
    return path if safe else "/inbox"
