"""Consumers on real servers: each event's effect once and in order, whatever happens to bus, database and process."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp

import asyncpg
import nats
import pytest

from contracts.subjects import STREAM
from services.cli.provision import provision_log
from services.embedded import postgres
from services.embedded.place import Place
from services.embedded.ports import claim
from services.embedded.process import Child
from services.kit.bus import worker
from services.kit.bus.message import Stored, headers_of
from services.kit.cursor import lags, read_cursors
from services.kit.postgres import connect_pool
from services.kit.settings import ROLES, Settings, load
from tests.conftest import PoolOf
from tests.integration.bus_tools import (
    SEEN,
    Bus,
    Ledger,
    append_tickets,
    assert_everything_once_in_order,
    caught_up,
    consume,
    eventually,
    own_bus,
    relay,
    running,
    seen_of,
)

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
async def own(database: Settings, place: Place, tmp_path: Path, pool_of: PoolOf) -> AsyncIterator[Bus]:
    await (await pool_of("owner")).execute(SEEN)
    async with own_bus(database, place, tmp_path) as bus:
        yield bus


@pytest.mark.parametrize("lanes_together", [False, True])
async def test_every_event_takes_effect_once_in_order(own: Bus, pool_of: PoolOf, lanes_together: bool) -> None:
    intake, pool = await pool_of("intake"), await pool_of("triage")
    ledger = Ledger(f"once-{lanes_together}")
    await append_tickets(intake, 100)
    async with (
        running(relay(own.settings, await pool_of("relay"))),
        running(consume(own.settings, ledger, pool, lanes_together=lanes_together)),
    ):
        for _ in range(4):
            await append_tickets(intake, 100)
            await asyncio.sleep(0.2)
        await eventually(lambda: caught_up(pool, ledger.name))
    await assert_everything_once_in_order(pool, ledger.name)


async def test_without_any_bus_the_log_is_read(own: Bus, pool_of: PoolOf) -> None:
    intake, pool = await pool_of("intake"), await pool_of("triage")
    await own.stop()
    ledger = Ledger("busless")
    async with running(consume(own.settings, ledger, pool)):
        await append_tickets(intake, 50)
        await eventually(lambda: caught_up(pool, ledger.name))
    await assert_everything_once_in_order(pool, ledger.name)


async def test_what_comes_over_the_bus_is_not_waited_for_by_a_look_at_the_log(
    own: Bus, pool_of: PoolOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake, pool = await pool_of("intake"), await pool_of("triage")
    ledger = Ledger("soon")
    subscribed = asyncio.Event()
    monkeypatch.setattr(worker, "LOOK_SECONDS", 3_600)
    async with (
        running(relay(own.settings, await pool_of("relay"))),
        running(consume(own.settings, ledger, pool, started=subscribed.set)),
    ):
        await subscribed.wait()
        await eventually(lambda: caught_up(pool, ledger.name))
        for _ in range(3):
            await append_tickets(intake, 1)
            await eventually(lambda: caught_up(pool, ledger.name))


async def test_doubles_late_comers_and_holes_change_nothing(own: Bus, pool_of: PoolOf) -> None:
    """No relay: the test itself publishes, every event twice, some never, in a random order."""
    intake, pool = await pool_of("intake"), await pool_of("triage")
    ledger = Ledger("disorder")
    client = await nats.connect(own.settings.bus_url)
    subscribed = asyncio.Event()
    async with running(consume(own.settings, ledger, pool, started=subscribed.set)):
        await subscribed.wait()
        await append_tickets(intake, 100)
        rows = await intake.fetch("SELECT * FROM log.events ORDER BY md5(id::text)")
        for row in [row for index, row in enumerate([*rows, *rows]) if index % 7]:
            stored = Stored(*(row[name] for name in Stored._fields))
            await client.publish(f"daybook.{stored.lane}.x.y.z.0", stored.payload, headers=headers_of(stored))
        await client.publish("daybook.1.x.y.z.0", b"no event at all")
        await client.publish("daybook.1.x.y.z.0", b"{}", headers={"Nats-Msg-Id": "1:999999"})
        await eventually(lambda: caught_up(pool, ledger.name))
    await client.close()
    await assert_everything_once_in_order(pool, ledger.name)


async def test_a_wiped_bus_loses_nothing(own: Bus, pool_of: PoolOf) -> None:
    intake, pool = await pool_of("intake"), await pool_of("triage")
    ledger = Ledger("wiped")
    async with (
        running(relay(own.settings, await pool_of("relay"))),
        running(consume(own.settings, ledger, pool)),
    ):
        appending = asyncio.create_task(append_slowly(intake, 10))
        await asyncio.sleep(0.5)
        await own.stop()
        own.wipe()
        await own.start()
        await appending
        await eventually(lambda: caught_up(pool, ledger.name))
        await append_tickets(intake, 20)
        await eventually(lambda: caught_up(pool, ledger.name))
    await assert_everything_once_in_order(pool, ledger.name)


async def test_a_store_that_vanishes_under_the_running_server_loses_nothing(own: Bus, pool_of: PoolOf) -> None:
    intake, pool = await pool_of("intake"), await pool_of("triage")
    ledger = Ledger("vanished")
    async with (
        running(relay(own.settings, await pool_of("relay"))),
        running(consume(own.settings, ledger, pool)),
    ):
        await append_tickets(intake, 100)
        own.wipe()
        await append_slowly(intake, 10)
        await eventually(lambda: caught_up(pool, ledger.name))
    await assert_everything_once_in_order(pool, ledger.name)


async def append_slowly(intake: asyncpg.Pool[asyncpg.Record], times: int) -> None:
    for _ in range(times):
        await append_tickets(intake, 10)
        await asyncio.sleep(0.15)


@pytest.mark.parametrize("what", ["durable", "stream"])
async def test_a_lost_durable_or_stream_is_noticed_and_subscribed_to_again(
    own: Bus, pool_of: PoolOf, what: str
) -> None:
    intake, pool = await pool_of("intake"), await pool_of("triage")
    ledger = Ledger(f"lost-{what}")
    client = await nats.connect(own.settings.bus_url)
    subscribed = asyncio.Event()
    async with (
        running(relay(own.settings, await pool_of("relay"))),
        running(consume(own.settings, ledger, pool, started=subscribed.set)),
    ):
        await subscribed.wait()
        if what == "durable":
            await client.jetstream().delete_consumer(STREAM, ledger.name)
        else:
            await client.jetstream().delete_stream(STREAM)
        await append_tickets(intake, 20)

        async def is_back() -> bool:
            try:
                info = await client.jetstream().consumer_info(STREAM, ledger.name)
            except nats.js.errors.NotFoundError:
                return False
            return bool(info.num_waiting or info.num_ack_pending)

        await eventually(is_back)
        await append_tickets(intake, 20)
        await eventually(lambda: caught_up(pool, ledger.name))
    await client.close()
    await assert_everything_once_in_order(pool, ledger.name)


async def test_kill_minus_nine_in_the_middle_of_a_transaction_loses_and_doubles_nothing(
    own: Bus, pool_of: PoolOf
) -> None:
    intake, pool = await pool_of("intake"), await pool_of("triage")
    environment = {
        **os.environ,
        "DAYBOOK_HOME": str(own.settings.home),
        "DAYBOOK_DATABASE_URL": own.settings.admin_dsn(),
        "DAYBOOK_NATS_URL": own.settings.bus_url,
        "PYTHONPATH": str(ROOT),
    }
    async with running(relay(own.settings, await pool_of("relay"))):
        for batches in (1, 3, 7):
            await append_tickets(intake, 60)
            victim = subprocess.Popen(
                (sys.executable, "-m", "tests.integration.bus_victim", "victim", str(batches)),
                cwd=ROOT,
                env=environment,
            )
            assert await asyncio.to_thread(victim.wait, 30) == -9
        before = sum((await read_cursors(pool, "victim")).values())
        assert before == sum(len(positions) for positions in (await seen_of(pool, "victim")).values())
        async with running(consume(own.settings, Ledger("victim"), pool)):
            await eventually(lambda: caught_up(pool, "victim"))
    await assert_everything_once_in_order(pool, "victim")


async def test_two_processes_of_one_consumer_share_the_work_and_double_nothing(own: Bus, pool_of: PoolOf) -> None:
    intake, pool = await pool_of("intake"), await pool_of("triage")
    async with (
        running(relay(own.settings, await pool_of("relay"))),
        running(consume(own.settings, Ledger("twins"), pool)),
        running(consume(own.settings, Ledger("twins"), await pool_of("reporting"))),
    ):
        for _ in range(5):
            await append_tickets(intake, 60)
            await asyncio.sleep(0.2)
        await eventually(lambda: caught_up(pool, "twins"))
    await assert_everything_once_in_order(pool, "twins")


async def test_postgresql_and_nats_away_mean_waiting(home: Path, place: Place, tmp_path: Path) -> None:
    port = claim(0, "no variable")
    data = Path(mkdtemp(prefix="own-postgres-", dir=place.data))
    if place.account:
        os.chown(data, place.account.user, place.account.group)
    server = Child(postgres.program(replace(place, data=data), port, "secret", durable=False), tmp_path)
    server.spawn()
    await server.wait_ready()
    settings = load(home=home, database_url=postgres.dsn(port, "secret", "away"))
    await provision_log(settings)
    pools = {role: await connect_pool(settings, role, size=6) for role in ROLES}
    await pools["owner"].execute(SEEN)
    ledger = Ledger("away")
    async with own_bus(settings, place, tmp_path) as bus:
        async with (
            running(relay(bus.settings, pools["relay"])) as relaying,
            running(consume(bus.settings, ledger, pools["triage"])) as consuming,
        ):
            await append_tickets(pools["intake"], 50)
            for one in (server, bus):
                await one.stop()
                await asyncio.sleep(3)
                assert not relaying.done()
                assert not consuming.done()
                if one is server:
                    server.spawn()
                    await server.wait_ready()
                else:
                    await bus.start()
                await append_tickets(pools["intake"], 50)
            await eventually(lambda: caught_up(pools["triage"], ledger.name))
        await assert_everything_once_in_order(pools["triage"], ledger.name)
    await asyncio.gather(*(pool.close() for pool in pools.values()))
    await server.stop()


async def test_lags_are_told_by_consumer_and_lane(own: Bus, pool_of: PoolOf) -> None:
    intake, pool = await pool_of("intake"), await pool_of("triage")
    await own.stop()
    async with running(consume(own.settings, Ledger("behind"), pool)):
        await eventually(lambda: caught_up(pool, "behind"))
    await append_tickets(intake, 10)
    lag = (await lags(pool))["behind"]
    assert sum(lag.values()) == 20
    assert set(lag) == set(range(16))
