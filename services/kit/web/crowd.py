"""ASGI around the apps of a process: so many requests are worked at once, the next is told to come again.

A request counts until its answer begins: an open stream works nobody. How many connections there may be, streams among
them, is the server's own limit.
"""

from __future__ import annotations

import resource
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.kit.web.problem import Problem

REQUESTS_MAX = 1_000  # under way; each waits for a connection to the database and holds its body until then
CONNECTIONS_MAX = 8_000  # of the server, idle ones and streams too: about 20 kB each
FILES_BESIDE = 200  # open files of a process besides its callers' connections


class Crowd:
    """Answers 503 `busy` beyond so many requests at once."""

    def __init__(self, app: ASGIApp, *, requests_max: int = REQUESTS_MAX) -> None:
        self._app = app
        self._max = requests_max
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._under_way >= self._max:
            problem = Problem("busy", f"{self._max:,} requests are under way already", headers={"retry-after": "2"})
            await problem.response()(scope, receive, send)
            return
        self._under_way += 1
        counted = True

        async def send_and_count(message: Message) -> None:
            nonlocal counted
            if counted and message["type"] == "http.response.start":
                counted = False
                self._under_way -= 1
            await send(message)

        try:
            await self._app(scope, receive, send_and_count)
        finally:
            if counted:
                self._under_way -= 1


def connections_max(wanted: int = CONNECTIONS_MAX) -> int:
    """How many connections this process may hold, once its limit of open files is as high as it may be set."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + FILES_BESIDE
    if soft != resource.RLIM_INFINITY and soft < needed:
        most = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with suppress(ValueError, OSError):  # a system may allow less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return wanted if soft == resource.RLIM_INFINITY else min(wanted, max(FILES_BESIDE, soft - FILES_BESIDE))
