"""Positions enter, the events after them leave, in order, for as long as somebody asks. I/O: the log, and pokes.

The log is read by position; a poke over NATS only says when to look, and without one it is looked at every second.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from heapq import merge
from typing import TYPE_CHECKING

from contracts.envelope import Recorded
from contracts.model import Event
from contracts.subjects import LANES, POKES, lane_of_client
from services.kit.log.read import read_client, read_lane
from services.kit.postgres import queries

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

    from services.kit.postgres import Pool

SQL = queries("services/kit/log/sql/follow.sql")

POLL_SECONDS = 1.0
LANE_BATCH = 200


class Pokes:
    """Hears that lanes have grown."""

    def __init__(self) -> None:
        self._heard = asyncio.Event()

    async def listen(self, client: Client) -> None:
        """Subscribes to the pokes of all lanes."""
        await client.subscribe(POKES, cb=self._hear)

    async def _hear(self, _: Msg) -> None:
        self._heard.set()

    async def wait(self, seconds: float = POLL_SECONDS) -> bool:
        """Returns at the next poke, or at one since the last call; False after so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._heard.wait()
        except TimeoutError:
            return False
        finally:
            self._heard.clear()
        return True


async def last_sequence(pool: Pool, client: str) -> int:
    """The number of a client's last event; 0 where it has none."""
    return await pool.fetchval(SQL["last_sequence"], lane_of_client(client), client) or 0


async def follow_lanes(pool: Pool, pokes: Pokes, after: Mapping[int, int]) -> AsyncIterator[Recorded[Event]]:
    """Every event after the given positions of the lanes; what is read at once comes in order of recording."""
    positions = {lane: after.get(lane, 0) for lane in range(LANES)}
    while True:
        found = [await read_lane(pool, lane, position, LANE_BATCH) for lane, position in positions.items()]
        for event in merge(*found, key=lambda event: (event.recorded_at, event.lane, event.position)):
            positions[event.lane] = event.position
            yield event
        if not any(found):
            await pokes.wait()


async def follow_client(pool: Pool, pokes: Pokes, client: str, after: int) -> AsyncIterator[Recorded[Event]]:
    """Every event of one client after a sequence, without gaps."""
    while True:
        events = await read_client(pool, client, after, LANE_BATCH)
        for event in events:
            after = event.sequence
            yield event
        if not events:
            await pokes.wait()
