"""Somebody else's server: it takes webhooks as it is told to, checks signatures, and remembers what it was sent."""

from __future__ import annotations

import asyncio
import hmac
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass(frozen=True)
class Message:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = orjson.loads(self.body)
        return event

    def is_signed_by(self, secret: str) -> bool:
        """As Standard Webhooks says, written down here once more."""
        signed = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        expected = b64encode(hmac.digest(b64decode(secret.removeprefix("whsec_")), signed, "sha256")).decode()
        return f"v1,{expected}" in self.headers["webhook-signature"].split(" ")


@dataclass
class Receiver:
    """`answer` is asked for a status before each answer; None: the connection stays silent."""

    port: int = 0
    answer: Callable[[Message], int | None] = lambda message: 204
    got: list[Message] = field(default_factory=list)
    taken: list[Message] = field(default_factory=list)
    more_headers: bytes = b""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def events(self, *, taken: bool = True) -> list[str]:
        return [message.id for message in (self.taken if taken else self.got)]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._answer(head, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def _answer(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = head.decode().strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        message = Message(first.split(" ")[1], headers, body)
        self.got.append(message)
        status = self.answer(message)
        if status is None:
            await asyncio.Event().wait()
            return
        if 200 <= status < 300:
            self.taken.append(message)
        writer.write(b"HTTP/1.1 %d Said\r\n%bcontent-length: 0\r\n\r\n" % (status, self.more_headers))
        await writer.drain()


@asynccontextmanager
async def receiver(answer: Callable[[Message], int | None] = lambda message: 204) -> AsyncIterator[Receiver]:
    """A receiver on a free port of this machine."""
    made = Receiver(answer=answer)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
