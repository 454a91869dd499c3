"""An ASGI request -> its body, whole, within limits of size and time; or a problem. I/O.

Bytes are counted as they come, whatever Content-Length says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.kit.web.problem import Problem

BODY_BYTES_MAX = 1_000_000
ATTACHMENTS_BODY_BYTES_MAX = 15_000_000  # a 10 MB file in base64, and the text around it
BODY_SECONDS = 20.0  # a body that takes longer is an attack, or a line too bad to answer on


async def read_body(
    headers: Iterable[tuple[bytes, bytes]], receive: Receive, *, bytes_max: int, seconds: float = BODY_SECONDS
) -> bytes:
    """The body of a request. Raises Problem: `body_too_large` as soon as that is known, `slow_body`."""
    announced = next((value for name, value in headers if name == b"content-length"), b"")
    if announced.isdigit() and int(announced) > bytes_max:
        raise too_large(bytes_max)
    message = await receive() if announced == b"0" else await _in_time(receive, seconds)
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False) and len(body) <= bytes_max:
        return body
    return await _rest(body, message, receive, bytes_max, seconds)


async def _rest(body: bytes, message: Message, receive: Receive, bytes_max: int, seconds: float) -> bytes:
    chunks, size = [body], len(body)
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        if size > bytes_max:
            raise too_large(bytes_max)
        if not message.get("more_body", False):
            return b"".join(chunks)
        message = await _in_time(receive, deadline - asyncio.get_running_loop().time())
        if message["type"] == "http.disconnect":
            raise Problem("slow_body", "the connection ended before the body did")
        chunk: bytes = message.get("body", b"")
        chunks.append(chunk)
        size += len(chunk)


async def _in_time(receive: Receive, seconds: float) -> Message:
    try:
        async with asyncio.timeout(seconds):
            return await receive()
    except TimeoutError:
        raise Problem("slow_body", f"the body did not arrive within {BODY_SECONDS:.0f} seconds") from None


def too_large(bytes_max: int) -> Problem:
    return Problem(
        "body_too_large",
        f"the body is larger than {bytes_max:,} bytes",
        headers={"connection": "close"},  # what is still on its way is not read
    )


class Limited:
    """ASGI around an app that reads bodies itself (pages with forms): the same limits, the same problems."""

    def __init__(self, app: ASGIApp, *, bytes_max: int = BODY_BYTES_MAX, seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._bytes_max = bytes_max
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD", "OPTIONS"}:
            await self._app(scope, receive, send)
            return
        try:
            body = await read_body(scope["headers"], receive, bytes_max=self._bytes_max, seconds=self._seconds)
        except Problem as problem:
            await problem.response()(scope, receive, send)
            return
        await self._app(scope, replayed(body, receive), send)


def replayed(body: bytes, receive: Receive) -> Receive:
    """A receive that gives a body which was read already, then what follows it (the disconnect)."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return first.pop() if first else await receive()

    return again
