"""Requests enter, answers of one HTTP/1.1 server leave, over connections that stay open. I/O.

A general client takes 1.5 ms of CPU for a request, ten times what this takes; the demo sends ten thousand on a machine
whose two cores run the whole desk. It speaks to our own server only, which gives every answer its Content-Length.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple, Self

REQUEST_SECONDS = 30.0
HEAD_END = b"\r\n\r\n"


class Answer(NamedTuple):
    status: int
    body: bytes


class Connections:
    """At most `most` requests under way. Use it as a context, which closes what was opened."""

    def __init__(self, host: str, port: int, most: int) -> None:
        self._host, self._port = host, port
        self._room = asyncio.Semaphore(most)
        self._idle: list[_Connection] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        while self._idle:
            self._idle.pop().close()

    async def request(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """The answer. Raises OSError or TimeoutError where none came; the server may have acted all the same."""
        lines = [f"{method} {path} HTTP/1.1", f"host: {self._host}", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        request = "\r\n".join(lines).encode() + HEAD_END + body
        async with self._room, asyncio.timeout(REQUEST_SECONDS):
            connection = self._idle.pop() if self._idle else await _Connection.open(self._host, self._port)
            try:
                answer = await connection.ask(request)
            except BaseException:
                connection.close()  # half an answer may be left in it
                raise
            self._idle.append(connection)
            return answer


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, host: str, port: int) -> Self:
        return cls(*await asyncio.open_connection(host, port))

    async def ask(self, request: bytes) -> Answer:
        self._writer.write(request)
        try:
            head = await self._reader.readuntil(HEAD_END)
            status, _, fields = head.partition(b"\r\n")
            length = next(
                int(value)
                for name, _, value in (field.partition(b":") for field in fields.split(b"\r\n"))
                if name.lower() == b"content-length"
            )
            return Answer(int(status.split(b" ", 2)[1]), await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, StopIteration) as error:
            raise ConnectionError("the server closed the connection before it had answered") from error

    def close(self) -> None:
        self._writer.close()
