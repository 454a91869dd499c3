"""A server's port enters, a port that leads to it leaves: its connections can be cut, held up and refused. I/O."""

from __future__ import annotations

import asyncio
from random import Random


class Leg(asyncio.Protocol):
    """One direction of one connection."""

    def __init__(self, line: Line, other: Leg | None = None) -> None:
        self._line = line
        self.other = other
        self.transport: asyncio.Transport | None = None
        self._waiting: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._line.legs.add(self)
        if self.other is None:
            self._line.connect(self)
        elif self.other.transport is None:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        self._waiting.append(data)
        self.flush()

    def flush(self) -> None:
        """Hands over what has come, unless the line is held up."""
        if self._line.held or self.other is None or self.other.transport is None or not self._waiting:
            return
        self.other.transport.write(b"".join(self._waiting))
        self._waiting = []

    def connection_lost(self, error: Exception | None) -> None:
        self._line.legs.discard(self)
        if self.other is not None and self.other.transport is not None:
            self.other.transport.abort() if error else self.other.transport.close()
        self.transport = None


class Line:
    """A TCP proxy on a port of its own."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._server: asyncio.Server | None = None
        self._connecting: set[asyncio.Task[None]] = set()
        self.legs: set[Leg] = set()
        self.held = False
        self.port = 0

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Leg(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def connect(self, near: Leg) -> None:
        task = asyncio.get_running_loop().create_task(self._connect(near))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, near: Leg) -> None:
        far = Leg(self, near)
        try:
            await asyncio.get_running_loop().create_connection(lambda: far, "127.0.0.1", self._to)
        except OSError:
            if near.transport is not None:
                near.transport.abort()
            return
        near.other = far
        near.flush()

    def cut(self, chance: Random, share: float) -> int:
        """Resets some connections in the middle of whatever they carry; how many."""
        chosen = [leg for leg in list(self.legs) if leg.other is not None and chance.random() < share]
        for leg in chosen:
            if leg.transport is not None:
                leg.transport.abort()
        return len(chosen)

    def hold(self) -> None:
        """Nothing passes, and nobody is told."""
        self.held = True

    def release(self) -> None:
        self.held = False
        for leg in list(self.legs):
            leg.flush()

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for leg in list(self.legs):
            if leg.transport is not None:
                leg.transport.abort()
