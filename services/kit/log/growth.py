"""How far the lanes are, asked once a second and soon after a poke for a whole process -> whoever waits for more. I/O.

A thousand readers that wait cost one query a second, not a thousand; while lanes grow, one query each GAP_SECONDS. A
process in which nobody waits asks nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Final

import asyncpg

from contracts.subjects import LANES, POKES
from services.kit.bus.connect import end_if_cancelled
from services.kit.log.read import heads
from services.kit.telemetry import describe, log_message

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

    from services.kit.postgres import Pool

LOG = logging.getLogger("daybook.growth")

LOOK_SECONDS: Final = 1.0
GAP_SECONDS: Final = 0.03  # between two looks, however fast the lanes grow
AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


class Growth:
    """Knows the lanes' heads, at most a second late. One per process."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._poked = asyncio.Event()
        self._grown = asyncio.Event()
        self._awaited = asyncio.Event()
        self._waiting = 0
        self.heads: Mapping[int, int] = dict.fromkeys(range(LANES), 0)

    async def run(self) -> None:
        """Looks until cancelled. While the database is away nobody is told anything, and nothing is lost."""
        while True:
            await self._awaited.wait()
            self._poked.clear()
            try:
                await self.look()
            except AWAY as error:
                log_message(LOG, "growth_unknown", logging.WARNING, error=describe(error))
                await asyncio.sleep(LOOK_SECONDS)
            await asyncio.sleep(GAP_SECONDS)
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._poked.wait()
            except TimeoutError:
                continue

    async def look(self) -> None:
        """Asks now, and wakes whoever waits where something has grown."""
        now = await heads(self._pool)
        if now != self.heads:
            self.heads = now
            grown, self._grown = self._grown, asyncio.Event()
            grown.set()

    async def listen(self, client: Client) -> None:
        """Looks at once whenever a writer says that a lane has grown."""
        await client.subscribe(POKES, cb=self._hear)
        end_if_cancelled()  # subscribing may have swallowed it, and whoever listens waits for nothing else

    async def _hear(self, _: Msg) -> None:
        self._poked.set()

    async def beyond(self, known: Mapping[int, int], lanes: Collection[int], seconds: float) -> bool:
        """Waits until one of these lanes is beyond what was known; False when the time is over."""
        self._waiting += 1
        self._awaited.set()
        try:
            async with asyncio.timeout(seconds):
                while not any(self.heads[lane] > known[lane] for lane in lanes):
                    await self._grown.wait()
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._awaited.clear()
        return True
