"""A URL, headers and a body -> what the receiver said, in bounded time, without following anybody anywhere. I/O.

The name is resolved here, and the connection goes to an address that was judged: a name that leads elsewhere the next
moment (DNS rebinding) leads nowhere. No proxy of the environment is used and no redirect is followed.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from time import perf_counter
from typing import Any, Final

import httpcore

from services.notification.hooks.address import Network, may_reach
from services.notification.hooks.names import Names

POST_SECONDS: Final = 15.0  # for all of one request; a receiver does its work after it has answered
ANSWER_BYTES_MAX: Final = 16_000  # read so that the connection can be kept; of more it is closed
CONNECTIONS_MAX: Final = 8  # to one receiver
IDLE_SECONDS: Final = 30.0
WAIT_SECONDS_MAX: Final = 3_600  # of a receiver's Retry-After that are heeded
GONE: Final = 410
USER_AGENT: Final = "Daybook-Webhooks/1"


class Private(Exception):
    """Every address of a name lies where webhooks may not lead."""


@dataclass(frozen=True, slots=True)
class Said:
    """What became of one request. `code`: the status, or timeout, unreachable, private_address, broken_answer."""

    code: str
    taken: bool = False
    gone: bool = False
    wait_seconds: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Ways:
    """What all connections of a process share. The authorities' certificates are read once: it takes the loop 20 ms."""

    names: Names = field(default_factory=Names)
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)


class Guarded(httpcore.AsyncNetworkBackend):
    """Connects to judged addresses only; with `public` False to none but those of the allowed networks."""

    def __init__(self, allowed: Sequence[Network], names: Names, *, public: bool) -> None:
        self._allowed = allowed
        self._names = names
        self._public = public
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolves once, and connects to the first address that may be reached and answers. Raises Private."""
        addresses = await self.addresses(host, port)
        for nth, address in enumerate(addresses, start=1):
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if nth == len(addresses):
                    raise
        raise Private(host)

    async def addresses(self, host: str, port: int) -> list[str]:
        """The addresses of a host that may be reached. Raises Private where it has only others, or ConnectError."""
        try:
            numbers = await self._names.addresses(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(str(error)) from error
        judged = [number for number in numbers if may_reach(ip_address(number), self._allowed, public=self._public)]
        if not judged:
            raise Private(host)
        return judged


class Line:
    """The connections to one receiver. Close it."""

    def __init__(self, url: str, allowed: Sequence[Network], ways: Ways, *, seconds: float = POST_SECONDS) -> None:
        self._url = url
        self._seconds = seconds
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ways.tls,
            max_connections=CONNECTIONS_MAX,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=Guarded(allowed, ways.names, public=url.startswith("https:")),
        )

    async def post(self, headers: Mapping[str, str], body: bytes) -> Said:
        """Sends one message. It raises nothing that the receiver could cause."""
        began = perf_counter()
        try:
            async with asyncio.timeout(self._seconds):
                status, wait = await self._ask(headers, body)
        except (TimeoutError, httpcore.TimeoutException):
            return Said("timeout", seconds=perf_counter() - began)
        except Private:
            return Said("private_address", seconds=perf_counter() - began)
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol, UnicodeError):
            return Said("broken_answer", seconds=perf_counter() - began)
        except (httpcore.NetworkError, OSError):  # ssl.SSLError is an OSError
            return Said("unreachable", seconds=perf_counter() - began)
        return Said(str(status), 200 <= status < 300, status == GONE, wait, perf_counter() - began)

    async def _ask(self, headers: Mapping[str, str], body: bytes) -> tuple[int, float]:
        given = [("user-agent", USER_AGENT), *headers.items()]
        encoded = [(name.encode("ascii"), value.encode("ascii")) for name, value in given]
        async with self._pool.stream("POST", self._url, headers=encoded, content=body) as response:
            size = 0
            async for piece in response.aiter_stream():
                size += len(piece)
                if size > ANSWER_BYTES_MAX:
                    break
            return response.status, _wait(response.headers)

    async def close(self) -> None:
        await self._pool.aclose()


def _wait(headers: Iterable[tuple[bytes, bytes]]) -> float:
    """Seconds of Retry-After; a date there is not heeded."""
    text = next((value for name, value in headers if name.lower() == b"retry-after"), b"")
    return float(min(int(text), WAIT_SECONDS_MAX)) if text.isdigit() and len(text) < 9 else 0.0
