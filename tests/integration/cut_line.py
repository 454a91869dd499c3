"""A line to PostgreSQL that a test can cut: a TCP proxy on a port of its own. I/O."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

from services.kit.settings import Settings


class CutLine:
    """Forwards bytes both ways while it is whole. `deaf`: what PostgreSQL answers is lost, and then the line is cut."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.deaf = False

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Every connection ends, new ones are refused."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0.05)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(*self._to)
        self._writers |= {writer, there_writer}
        for source, target, answers in ((reader, there_writer, False), (there_reader, writer, True)):
            task = asyncio.create_task(self._pump(source, target, answers=answers))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, answers: bool) -> None:
        try:
            while data := await source.read(65536):
                if answers and self.deaf:
                    self.deaf = False
                    for writer in list(self._writers):
                        writer.transport.abort()
                    return
                target.write(data)
                await target.drain()
        except ConnectionError:
            pass  # the test cut it
        finally:
            target.close()


@asynccontextmanager
async def cut_line(settings: Settings) -> AsyncIterator[tuple[Settings, CutLine]]:
    """Settings that lead to the same database by a line that can be cut."""
    parts = urlsplit(settings.admin_dsn())
    line = CutLine(parts.hostname or "127.0.0.1", parts.port or 5432)
    await line.mend()
    login = parts.netloc.rpartition("@")[0]
    url = urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{line.port}"))
    yield Settings.model_validate({**settings.model_dump(), "database_url": url}), line
    await line.cut()
