"""The relay on real servers: order, fencing, sharing, takeover, a bus that is wiped, full or of another history."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest
from nats.aio.msg import Msg
from nats.js import api
from uuid_utils.compat import uuid7

from contracts.envelope import CloudEvent
from contracts.subjects import ALL, STREAM, lane_subjects
from services.embedded.place import Place
from services.kit.bus.connect import Poker, connect
from services.kit.bus.message import stored_of
from services.kit.bus.provision import provision, stream_config
from services.kit.log.append import Append, Appender
from services.kit.settings import Settings
from tests.conftest import PoolOf
from tests.integration.bus_tools import (
    Bus,
    append_tickets,
    eventually,
    own_bus,
    relay,
    running,
    submitted,
    ticket_of,
)
from tests.integration.relay_tools import assert_each_lane_once_in_order, published, stream_of


@pytest.fixture
async def own(database: Settings, place: Place, tmp_path: Path) -> AsyncIterator[Bus]:
    async with own_bus(database, place, tmp_path) as bus:
        yield bus


async def test_every_lane_is_published_in_order_as_cloud_events(own: Bus, pool_of: PoolOf) -> None:
    pool = await pool_of("intake")
    await append_tickets(pool, 200)
    async with running(relay(own.settings, await pool_of("relay"))):
        await append_tickets(pool, 200)
        await eventually(lambda: published(own.settings, pool))
    await assert_each_lane_once_in_order(own.settings, pool)

    client = await nats.connect(own.settings.bus_url)
    message = await client.jetstream().get_last_msg(STREAM, "daybook.*.*.ticket.submitted.*")
    await client.close()
    headers = message.headers or {}
    attributes = {name.removeprefix("ce-"): value for name, value in headers.items() if name.startswith("ce-")}
    assert message.data is not None
    event = CloudEvent.model_validate({**attributes, "data": json.loads(message.data)})
    stored = stored_of(headers, message.data)
    row = await pool.fetchrow(
        "SELECT * FROM log.events WHERE lane = $1 AND position = $2", stored.lane, stored.position
    )
    assert row is not None
    assert event.id == row["id"] == stored.id
    assert message.data == row["payload"]
    assert (stored.occurred_at, stored.recorded_at) == (row["occurred_at"], row["recorded_at"])
    assert headers["Nats-Msg-Id"] == f"{stored.lane}:{stored.position}"
    assert message.subject == f"daybook.{stored.lane}.{stored.client}.ticket.submitted.{stored.stream.hex}"


async def test_a_committed_event_is_on_the_bus_within_a_moment_of_the_poke(own: Bus, pool_of: PoolOf) -> None:
    pool = await pool_of("intake")
    client = await connect(own.settings, "test")
    arrived: asyncio.Queue[float] = asyncio.Queue()

    async def arrive(_: Msg) -> None:
        await arrived.put(time.monotonic())

    await client.subscribe(ALL, cb=arrive)
    appender = Appender(pool, Poker(client).committed)
    async with running(relay(own.settings, await pool_of("relay"))):
        await eventually(lambda: published(own.settings, pool))
        delays = []
        for _ in range(20):
            while not arrived.empty():
                arrived.get_nowait()
            await appender.append(Append("bus-1", [submitted(ticket_of("bus-1"))]))
            committed = time.monotonic()
            delays.append(await arrived.get() - committed)
    await client.close()
    assert sorted(delays)[10] < 0.1  # a lost poke costs 250 ms and more


async def test_a_wiped_stream_is_filled_again_from_the_lowest_cursor(own: Bus, pool_of: PoolOf) -> None:
    pool, relay_pool = await pool_of("intake"), await pool_of("relay")
    await append_tickets(pool, 50)
    owner = await pool_of("owner")
    await owner.execute(
        "INSERT INTO log.cursors (lane, consumer, position)"
        " SELECT lane, 'lagging', greatest(0, position - 3) FROM log.lanes"
    )
    async with running(relay(own.settings, relay_pool)):
        await eventually(lambda: published(own.settings, pool))
        await own.stop()
        own.wipe()
        await own.start()
        await append_tickets(pool, 50)
        await eventually(lambda: published(own.settings, pool))
    found = await stream_of(own.settings)
    cursors = await pool.fetch("SELECT lane, position FROM log.cursors WHERE consumer = 'lagging'")
    for row in cursors:
        positions = [stored.position for stored in found[row["lane"]]]
        assert positions == list(range(row["position"] + 1, positions[-1] + 1 if positions else row["position"] + 1))
    await owner.execute("DELETE FROM log.cursors WHERE consumer = 'lagging'")


async def test_a_deleted_stream_is_made_again_and_filled(own: Bus, pool_of: PoolOf) -> None:
    pool = await pool_of("intake")
    client = await nats.connect(own.settings.bus_url)
    async with running(relay(own.settings, await pool_of("relay"))):
        await eventually(lambda: published(own.settings, pool))
        await client.jetstream().delete_stream(STREAM)
        await eventually(lambda: published(own.settings, pool))
        await append_tickets(pool, 20)
        await eventually(lambda: published(own.settings, pool))
    await client.close()
    await assert_each_lane_once_in_order(own.settings, pool)


async def test_a_full_bus_makes_the_relay_wait_and_loses_nothing(own: Bus, pool_of: PoolOf) -> None:
    pool = await pool_of("intake")
    client = await nats.connect(own.settings.bus_url)
    jetstream = client.jetstream()
    await jetstream.purge_stream(STREAM)
    config = stream_config(bytes_max=100_000, replicas=1)
    config.discard = api.DiscardPolicy.NEW
    await jetstream.update_stream(config)
    async with running(relay(own.settings, await pool_of("relay"))) as task:
        await append_tickets(pool, 300)
        await asyncio.sleep(2)
        assert not task.done()
        assert not await published(own.settings, pool)
        await provision(jetstream)  # somebody makes room
        await eventually(lambda: published(own.settings, pool))
    await client.close()
    await assert_each_lane_once_in_order(own.settings, pool)


async def test_a_store_without_room_makes_the_relay_wait_and_loses_nothing(
    database: Settings, place: Place, tmp_path: Path, pool_of: PoolOf
) -> None:
    pool = await pool_of("intake")
    bus = Bus(database, place, tmp_path)
    await bus.start(store_bytes=300_000)
    client = await nats.connect(bus.settings.bus_url)
    config = stream_config(bytes_max=-1, replicas=1)
    await client.jetstream().add_stream(config)
    async with running(relay(bus.settings, await pool_of("relay"))) as task:
        await append_tickets(pool, 300)
        await asyncio.sleep(2)
        assert not task.done()
        assert not await published(bus.settings, pool)
        await bus.stop()
        await bus.start()
        await append_tickets(pool, 20)
        await eventually(lambda: published(bus.settings, pool))
    await client.close()
    await assert_each_lane_once_in_order(bus.settings, pool)
    await bus.stop()


async def test_a_bus_that_tells_another_history_is_filled_from_the_log(own: Bus, pool_of: PoolOf) -> None:
    pool = await pool_of("intake")
    lane = 5
    client = await nats.connect(own.settings.bus_url)
    headers = {"Nats-Msg-Id": f"{lane}:999999", "ce-id": str(uuid7())}
    await client.jetstream().publish(f"daybook.{lane}.x.ticket.submitted.0", b"{}", headers=headers)
    async with running(relay(own.settings, await pool_of("relay"))):
        await append_tickets(pool, 40)
        await eventually(lambda: published(own.settings, pool))
    message = await client.jetstream().get_last_msg(STREAM, lane_subjects(lane))
    await client.close()
    assert stored_of(message.headers or {}, message.data or b"").position > 1
    await assert_each_lane_once_in_order(own.settings, pool)


async def test_nats_away_means_waiting(own: Bus, pool_of: PoolOf) -> None:
    pool = await pool_of("intake")
    async with running(relay(own.settings, await pool_of("relay"))) as task:
        await eventually(lambda: published(own.settings, pool))
        await own.stop()
        await append_tickets(pool, 100)
        await asyncio.sleep(3)
        assert not task.done()
        await own.start()
        await eventually(lambda: published(own.settings, pool))
    await assert_each_lane_once_in_order(own.settings, pool)
