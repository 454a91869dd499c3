"""A host's name -> its addresses, in bounded time for everybody else. I/O.

A resolver that is silent holds its thread for half a minute, and no time-out of ours ends it. In the pool of the loop a
few of them would stop every look-up of the process, so here each name has a thread of its own: one at a time, whose
answer goes to all who ask meanwhile. Nothing is remembered: where a name leads is judged at every connection.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from typing import Any, Final

LOOK_UPS_MAX: Final = 256  # names under way at once; more than a desk has webhooks


class Busy(OSError):
    """Too many names are being looked up."""


class Names:
    """The look-ups of one process that are under way."""

    def __init__(self, at_once: int = LOOK_UPS_MAX) -> None:
        self._at_once = at_once
        self._asked: dict[tuple[str, int], asyncio.Future[list[str]]] = {}

    async def addresses(self, host: str, port: int) -> list[str]:
        """The addresses as numbers, each once. Raises OSError, UnicodeError."""
        asked = self._asked.get((host, port)) or self._ask(host, port)
        return await asyncio.shield(asked)

    def _ask(self, host: str, port: int) -> asyncio.Future[list[str]]:
        if len(self._asked) >= self._at_once:
            raise Busy(f"{self._at_once} names are being looked up")
        loop = asyncio.get_running_loop()
        asked: asyncio.Future[list[str]] = loop.create_future()
        asked.add_done_callback(lambda _: self._asked.pop((host, port), None))
        asked.add_done_callback(lambda done: done.exception())  # nobody may be left who asks
        self._asked[host, port] = asked

        def look_up() -> None:
            found, error = _looked_up(host, port)
            with suppress(RuntimeError):  # the loop has ended meanwhile, and with it whoever asked
                loop.call_soon_threadsafe(_tell, asked, found, error)

        # A daemon: a process that ends does not wait for a name.
        threading.Thread(target=look_up, name="webhook-name", daemon=True).start()
        return asked


def _looked_up(host: str, port: int) -> tuple[list[str], Exception | None]:
    try:
        found: list[Any] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return [], error
    return list(dict.fromkeys(str(item[4][0]).partition("%")[0] for item in found)), None


def _tell(asked: asyncio.Future[list[str]], found: list[str], error: Exception | None) -> None:
    if error is not None:
        asked.set_exception(error)
    else:
        asked.set_result(found)
