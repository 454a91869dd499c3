"""Relays that are doubled, overtaken, killed and frozen: each event still follows the one before it, once."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from uuid_utils.compat import uuid7

from contracts.subjects import LANES
from services.embedded.place import Place
from services.kit.bus.connect import connect
from services.kit.bus.message import Stored
from services.kit.bus.publish import Publisher, Tail
from services.kit.log.lease import Leases
from services.kit.postgres import Pool
from services.kit.settings import Settings
from tests.conftest import PoolOf
from tests.integration.bus_tools import (
    Bus,
    append_tickets,
    eventually,
    own_bus,
    relay,
    running,
)
from tests.integration.relay_tools import assert_each_lane_once_in_order, published, start_process, stream_of


@pytest.fixture
async def own(database: Settings, place: Place, tmp_path: Path) -> AsyncIterator[Bus]:
    async with own_bus(database, place, tmp_path) as bus:
        yield bus


async def events_of_a_lane(pool: Pool) -> list[Stored]:
    """The first four events of the busiest lane."""
    lane = await pool.fetchval("SELECT lane FROM log.lanes ORDER BY position DESC LIMIT 1")
    rows = await pool.fetch("SELECT * FROM log.events WHERE lane = $1 ORDER BY position LIMIT 4", lane)
    return [Stored(*(row[name] for name in Stored._fields)) for row in rows]


async def test_a_publisher_that_was_overtaken_is_refused(own: Bus, pool_of: PoolOf) -> None:
    await append_tickets(await pool_of("intake"), 40)
    events = await events_of_a_lane(await pool_of("relay"))
    lane = events[0].lane
    client = await connect(own.settings, "test")
    zombie, successor = Publisher(client), Publisher(client)
    await zombie.open()
    await successor.open()
    empty = {lane: Tail(0, 0)}
    assert len((await successor.publish(events, empty, stream_end=0)).taken) == 4

    for overtaken in (
        await zombie.publish(events, empty, stream_end=0),
        await zombie.publish(events, empty, stream_end=None),
        await zombie.publish(events[2:], {lane: Tail(2, 2)}, stream_end=2),
        await zombie.publish(events[2:], {lane: Tail(2, 2)}, stream_end=None),
    ):
        assert (overtaken.taken, overtaken.out_of_step) == ([], True)
    assert [stored.position for stored in (await stream_of(own.settings))[lane]] == [1, 2, 3, 4]
    await client.close()


async def test_a_publisher_that_was_overtaken_in_part_can_only_add_what_follows(own: Bus, pool_of: PoolOf) -> None:
    await append_tickets(await pool_of("intake"), 40)
    events = await events_of_a_lane(await pool_of("relay"))
    lane = events[0].lane
    client = await connect(own.settings, "test")
    zombie, successor = Publisher(client), Publisher(client)
    await zombie.open()
    await successor.open()
    empty = {lane: Tail(0, 0)}
    await successor.publish(events[:2], empty, stream_end=0)
    late = await zombie.publish(events, empty, stream_end=0)
    assert [stored.position for stored, _ in late.taken] == [3, 4]
    assert [stored.position for stored in (await stream_of(own.settings))[lane]] == [1, 2, 3, 4]
    await client.close()


async def test_two_relays_share_the_lanes_and_one_alone_holds_them_all(pool_of: PoolOf) -> None:
    pool = await pool_of("relay")
    first, second = (Leases(pool, "sharing", uuid7(), seconds=0.5) for _ in range(2))
    assert len(await first.renew()) == LANES
    assert len(await second.renew()) == 0  # seen, but nothing is free yet
    assert len(await first.renew()) == LANES // 2
    held = await second.renew()
    assert len(held) == LANES // 2
    assert not held.keys() & first.held().keys()
    assert set(held.values()) == {2}  # another epoch: these lanes have changed hands

    await second.release()
    assert len(await first.renew()) == LANES
    await asyncio.sleep(0.6)
    assert first.held() == {}  # who has not renewed in time does not believe in what it held
    assert len(await second.renew()) == LANES


async def test_two_relays_publish_everything_once_in_order(own: Bus, pool_of: PoolOf) -> None:
    pool, relay_pool = await pool_of("intake"), await pool_of("relay")
    async with running(relay(own.settings, relay_pool)), running(relay(own.settings, relay_pool)):
        for _ in range(5):
            await append_tickets(pool, 200)
            await asyncio.sleep(0.3)
        await eventually(lambda: published(own.settings, pool))
    await assert_each_lane_once_in_order(own.settings, pool)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_killed_or_frozen_relay_is_replaced_within_two_seconds(
    own: Bus, pool_of: PoolOf, how: signal.Signals
) -> None:
    pool = await pool_of("intake")
    process = await start_process(own.settings)
    try:
        await append_tickets(pool, 50)
        await eventually(lambda: published(own.settings, pool))
        async with running(relay(own.settings, await pool_of("relay"))):
            await asyncio.sleep(1)  # the second one has its share
            process.send_signal(how)
            lost = time.monotonic()
            await append_tickets(pool, 50)
            await eventually(lambda: published(own.settings, pool))
            assert time.monotonic() - lost < 2.5  # 2 s, and what this crowded machine may take
            process.send_signal(signal.SIGCONT)  # the zombie wakes with a window in its hands
            await append_tickets(pool, 50)
            await eventually(lambda: published(own.settings, pool))
    finally:
        process.kill()
        process.wait()
    await assert_each_lane_once_in_order(own.settings, pool)
