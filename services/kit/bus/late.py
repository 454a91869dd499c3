"""Settings enter, a connection that comes when the bus does leaves: nobody waits for it. I/O."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from services.kit.bus.away import AWAY
from services.kit.bus.connect import Poker, connect
from services.kit.telemetry import describe, log_message

if TYPE_CHECKING:
    from nats.aio.client import Client

    from services.kit.settings import Settings

    Connected = Callable[[Client], Awaitable[None]]

LOG = logging.getLogger("daybook.bus")
RETRY_SECONDS = 5.0  # after a server that refused us; for one that is not there the client itself waits


class LateBus:
    """The bus, once it is there. A poke that is not sent costs the relay one poll, never an event."""

    def __init__(self) -> None:
        self.client: Client | None = None
        self._poker: Poker | None = None

    def committed(self, lanes: Iterable[int]) -> None:
        """Pokes the relay, where there is a way to."""
        if self._poker is not None:
            self._poker.committed(lanes)

    async def hold(self, settings: Settings, name: str, connected: Connected | None = None) -> None:
        """Connects, sooner or later, and holds the connection until cancelled. `connected` is told, to subscribe."""
        try:
            while self.client is None:
                try:
                    self.client = await connect(settings, name)
                except AWAY as error:
                    log_message(LOG, "bus_away", logging.WARNING, error=describe(error))
                    await asyncio.sleep(RETRY_SECONDS)
            self._poker = Poker(self.client)
            if connected is not None:
                await connected(self.client)
            await asyncio.Event().wait()
        finally:
            if self.client is not None:
                await self.client.close()


@asynccontextmanager
async def late_bus(settings: Settings, name: str) -> AsyncIterator[LateBus]:
    """A connection in the background, closed with the context."""
    bus = LateBus()
    holding = asyncio.create_task(bus.hold(settings, name), name=name)
    try:
        yield bus
    finally:
        holding.cancel()
        with suppress(asyncio.CancelledError):
            await holding
