"""A service of tomorrow's version runs beside one of today's while events of a new version are written: the older one
waits where it cannot read on, the newer one moves on for both; nothing is put aside, refused or lost."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import httpx
import pytest

from contracts.people import Role
from contracts.subjects import lane_of_client
from contracts.tickets import NoteAdded
from services.kit.bus import provision_bus
from services.kit.cursor import lags, read_cursors
from services.kit.log.read import heads
from services.kit.postgres import ROOT, Pool
from services.kit.settings import Settings
from tests.conftest import PoolOf
from tests.integration.bus_tools import eventually, relay, running
from tests.integration.intake_desk import IntakeDesk, open_desk
from tests.integration.small_desk import SmallDesk, vault_on
from tests.tomorrow import NoteAddedTo, tomorrow

SECONDS = 60.0
Until = Callable[..., Awaitable[None]]
OTHER = "bolt"  # a client of another lane than acme's


@asynccontextmanager
async def service(settings: Settings, module: str) -> AsyncIterator[subprocess.Popen[bytes]]:
    """The consumer `reporting` as a process of its own, of today (`services`) or of tomorrow (`tests.tomorrow`)."""
    reading, writing = os.pipe()
    environment = {
        **os.environ,
        "DAYBOOK_HOME": str(settings.home),
        "DAYBOOK_DATABASE_URL": settings.admin_dsn(),
        "DAYBOOK_NATS_URL": settings.bus_url,
        "DAYBOOK_READY_FD": str(writing),
    }
    argv = (sys.executable, "-m", module, "serve", "reporting")
    process = subprocess.Popen(argv, cwd=ROOT, env=environment, pass_fds=(writing,))
    os.close(writing)
    try:
        assert await asyncio.to_thread(os.read, reading, 10) == b"ready\n"
        yield process
    finally:
        os.close(reading)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, SECONDS) == 0


@pytest.fixture(scope="module")
async def desk(bus: Settings, pool_of: PoolOf) -> AsyncIterator[SmallDesk]:
    """Writes as intake does; a relay of this process publishes."""
    await provision_bus(bus)
    pool = await pool_of("intake")
    small = SmallDesk(pool, vault_on(pool, bus))
    for slug in ("acme", OTHER):
        await small.client(slug)
    assert lane_of_client("acme") != lane_of_client(OTHER)
    async with running(relay(bus, await pool_of("relay"))):
        yield small


async def reached(pool: Pool, slug: str, behind: int = 0) -> bool:
    """Whether reporting stands so many events before the head of a client's lane."""
    lane = lane_of_client(slug)
    return (await read_cursors(pool, "reporting")).get(lane) == (await heads(pool))[lane] - behind


async def dead(pool: Pool) -> int:
    count: int = await pool.fetchval("SELECT count(*) FROM log.dead_letters")
    return count


async def test_the_older_service_waits_and_the_newer_one_moves_on(
    bus: Settings, desk: SmallDesk, pool_of: PoolOf
) -> None:
    pool, owner = await pool_of("reporting"), await pool_of("owner")
    ticket = await desk.submit("acme", await desk.person("acme", "ann@acme.example"))
    person = await desk.person(OTHER, "bea@bolt.example")

    async def until(slug: str, behind: int = 0) -> None:
        await eventually(lambda: reached(pool, slug, behind), SECONDS)

    with tomorrow():  # the writer is of tomorrow, the services beside it are what is tested
        await _written_beside(bus, desk, ticket, person, until)
    assert await dead(owner) == 0
    assert sum((await lags(owner))["reporting"].values()) == 0
    version = await owner.fetchval("SELECT version FROM reporting_queue.tickets WHERE ticket = $1", ticket)
    assert version == await owner.fetchval("SELECT max(version) FROM log.events WHERE stream = $1", ticket)


async def _written_beside(bus: Settings, desk: SmallDesk, ticket: UUID, person: UUID, until: Until) -> None:
    async with service(bus, "services"):
        await until("acme")
        await desk.tell("acme", ticket, NoteAdded(body="of today"))
        await desk.tell("acme", ticket, NoteAddedTo(body="of tomorrow", audience="lead"))
        await desk.tell("acme", ticket, NoteAdded(body="of today again"))
        await desk.submit(OTHER, person)
        await until(OTHER)
        await until("acme", 2)
        async with service(bus, "tests.tomorrow"):
            await until("acme")
            for number in range(5):
                await desk.tell("acme", ticket, NoteAddedTo(body=f"{number}", audience="desk"))
                await desk.tell("acme", ticket, NoteAdded(body=f"{number}"))
                await desk.submit(OTHER, person)
            await until("acme")
            await until(OTHER)


async def test_an_older_door_says_come_again_where_it_cannot_read_and_a_newer_one_takes_it(
    database: Settings, desk: SmallDesk
) -> None:
    person = await desk.person("acme", "cyn@acme.example")
    ticket = await desk.submit("acme", person)
    with tomorrow():
        await desk.tell("acme", ticket, NoteAddedTo(body="of tomorrow", audience="lead"))
    async with open_desk(database) as older:
        refused = await note(older, ticket)
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        assert int(refused.headers["retry-after"]) > 0
        with tomorrow():
            taken = await note(older, ticket)
        assert taken.status_code == 200, taken.text


async def note(desk: IntakeDesk, ticket: UUID) -> httpx.Response:
    token = await desk.token(Role.ADMINISTRATOR)
    return await desk.post(f"/tickets/{ticket}/tags", {"add": ["seen"]}, token=token, idempotency_key="rolling")
