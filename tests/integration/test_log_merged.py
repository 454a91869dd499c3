"""All lanes in one order: live as in replay, complete, and held up by no lane that is silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from contracts.envelope import Recorded
from contracts.model import Event
from contracts.subjects import LANES, lane_of_client
from services.embedded.place import Place
from services.kit.log.append import Append, Appender
from services.kit.log.merged import SQL, read_merged
from services.kit.postgres import Pool
from services.kit.settings import Settings
from tests.conftest import PoolOf
from tests.integration.bus_tools import (
    CLIENTS,
    Bus,
    append_tickets,
    eventually,
    note,
    own_bus,
    relay,
    running,
    submitted,
    ticket_of,
)


@pytest.fixture
async def own(database: Settings, place: Place, tmp_path: Path) -> AsyncIterator[Bus]:
    async with own_bus(database, place, tmp_path) as bus:
        yield bus


class Follower:
    """Reads the merged order as it settles."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._after: dict[int, int] = {}
        self.seen: list[Recorded[Event]] = []

    async def look(self, limit: int = 7) -> bool:
        """Takes a few more; whether it has all that the log has."""
        events = await read_merged(self._pool, self._after, limit)
        self.seen += events
        self._after |= {event.lane: event.position for event in events}
        total: int = await self._pool.fetchval("SELECT sum(position)::bigint FROM log.lanes")
        return len(self.seen) == total


async def test_live_and_replay_give_one_order_and_miss_nothing(own: Bus, pool_of: PoolOf) -> None:
    intake, pool = await pool_of("intake"), await pool_of("triage")
    live = Follower(pool)
    async with running(relay(own.settings, await pool_of("relay"))):
        writing = asyncio.gather(*(append_tickets(intake, 30) for _ in range(8)))
        while not writing.done():
            await live.look()
        await writing
        await eventually(live.look)
    replayed = Follower(pool)
    while not await replayed.look(10_000):
        pass
    places = [(event.recorded_at, event.lane, event.position) for event in live.seen]
    assert places == sorted(places)
    assert [event.id for event in live.seen] == [event.id for event in replayed.seen]


async def test_a_lane_that_is_silent_holds_nobody_up_for_long(own: Bus, pool_of: PoolOf) -> None:
    intake, pool = await pool_of("intake"), await pool_of("triage")
    busy = next(client for client in CLIENTS if lane_of_client(client) == lane_of_client(CLIENTS[0]))
    stream, follower = ticket_of(busy), Follower(pool)
    await Appender(intake).append(Append(busy, [submitted(stream), note(stream, 2)]))
    while await read_merged(pool, follower._after):
        await follower.look()
    assert follower.seen[-1:] == [] or follower.seen[-1].stream != stream, "fifteen lanes could still come before it"
    async with running(relay(own.settings, await pool_of("relay"))):
        await eventually(follower.look)
    assert follower.seen[-1].stream == stream


async def test_a_silent_desk_is_beaten_once_and_its_clock_may_go_backwards(own: Bus, pool_of: PoolOf) -> None:
    intake, beating = await pool_of("intake"), await pool_of("relay")
    await append_tickets(intake, 3)
    lanes = list(range(LANES))
    await (await pool_of("owner")).execute("UPDATE log.lanes SET recorded_at = recorded_at + interval '1 hour'")
    await append_tickets(intake, 3)  # recorded an hour ahead of the machine's clock
    assert await beating.fetchval(SQL["beat"], lanes) > 0
    assert await beating.fetchval(SQL["beat"], lanes) == 0
    follower = Follower(intake)
    while not await follower.look(10_000):
        pass


async def test_only_the_relay_beats(pool_of: PoolOf) -> None:
    for role in ("intake", "triage", "notification", "reporting"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await (await pool_of(role)).fetchval(SQL["beat"], [1])
