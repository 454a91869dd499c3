"""The relay on real servers: order, fencing, sharing, takeover, a bus that is wiped, full or of another history."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest
from nats.aio.msg import Msg
from nats.js import api
from uuid_utils.compat import uuid7

from contracts.envelope import CloudEvent
from contracts.subjects import ALL, LANES, STREAM, lane_subjects
from services.embedded.place import Place
from services.kit.bus.connect import Poker, connect
from services.kit.bus.message import Stored, stored_of
from services.kit.bus.provision import provision, stream_config
from services.kit.bus.publish import Publisher, Tail
from services.kit.log.append import Append, Appender
from services.kit.log.lease import Leases
from services.kit.log.tails import read_tails
from services.kit.postgres import Pool
from services.kit.settings import Settings
from tests.conftest import PoolOf
from tests.integration.bus_tools import (
    CLIENTS,
    Bus,
    append_tickets,
    eventually,
    own_bus,
    relay,
    running,
    submitted,
    ticket_of,
)

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
async def own(database: Settings, place: Place, tmp_path: Path) -> AsyncIterator[Bus]:
    async with own_bus(database, place, tmp_path) as bus:
        yield bus


async def stream_of(settings: Settings) -> dict[int, list[Stored]]:
    """Everything in the stream, by lane, in the order in which the stream has it."""
    client = await nats.connect(settings.bus_url)
    jetstream = client.jetstream()
    count = (await jetstream.stream_info(STREAM)).state.messages
    found: dict[int, list[Stored]] = defaultdict(list)
    subscription = await jetstream.subscribe(ALL, ordered_consumer=True)
    for _ in range(count):
        message = await subscription.next_msg(5)
        stored = stored_of(message.headers or {}, message.data)
        found[stored.lane].append(stored)
    await client.close()
    return found


async def published(settings: Settings, pool: Pool) -> bool:
    """Whether the stream's last message of each lane is the log's head."""
    client = await nats.connect(settings.bus_url)
    try:
        _, tails = await read_tails(client.jetstream(), pool, range(LANES))
    except nats.js.errors.NotFoundError:
        return False
    finally:
        await client.close()
    heads = await pool.fetch("SELECT lane, position FROM log.lanes")
    return all(tails[row["lane"]].position == row["position"] for row in heads)


async def assert_each_lane_once_in_order(settings: Settings, pool: Pool) -> None:
    found = await stream_of(settings)
    for row in await pool.fetch("SELECT lane, position FROM log.lanes"):
        positions = [stored.position for stored in found[row["lane"]]]
        assert positions == list(range(1, row["position"] + 1)), f"lane {row['lane']}"


async def start_process(settings: Settings) -> subprocess.Popen[bytes]:
    """A relay as a process of its own, ready."""
    reading, writing = os.pipe()
    environment = {
        **os.environ,
        "DAYBOOK_HOME": str(settings.home),
        "DAYBOOK_DATABASE_URL": settings.admin_dsn(),
        "DAYBOOK_NATS_URL": settings.bus_url,
        "DAYBOOK_READY_FD": str(writing),
    }
    process = subprocess.Popen(
        (sys.executable, "-m", "services", "serve", "relay"), cwd=ROOT, env=environment, pass_fds=(writing,)
    )
    os.close(writing)
    assert await asyncio.to_thread(os.read, reading, 10) == b"ready\n"
    os.close(reading)
    return process


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


def test_every_client_has_a_lane_here() -> None:
    assert len(CLIENTS) > LANES
