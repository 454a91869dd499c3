"""What the tests of the bus share: a NATS that can be stopped, wiped and frozen, a consumer that keeps a ledger."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from contracts.envelope import Recorded
from contracts.model import Event
from contracts.subjects import LANES, lane_of_client, stamp_lane
from contracts.terms import Channel
from contracts.tickets import NoteAdded, TicketSubmitted
from services.embedded import nats
from services.embedded.place import Place
from services.embedded.ports import claim
from services.embedded.process import Child
from services.kit.bus import Poker, connect, provision_bus, run_consumer
from services.kit.clock import SystemClock
from services.kit.cursor import lags
from services.kit.log.append import Append, Appender, NewEvent
from services.kit.log.lease import Leases
from services.kit.log.relay import Relay
from services.kit.metrics import Metrics
from services.kit.postgres import Connection, Pool
from services.kit.settings import Settings
from tests.sealing import sealed

PERSON = UUID("01980000-0000-7000-8000-000000000001")
CLIENTS = [f"bus-{index}" for index in range(40)]
SEEN = """
    CREATE SCHEMA IF NOT EXISTS ledger;
    GRANT USAGE ON SCHEMA ledger TO daybook_triage, daybook_reporting, daybook_notification;
    CREATE TABLE IF NOT EXISTS ledger.seen (
        nth bigint GENERATED ALWAYS AS IDENTITY, consumer text, lane smallint, position bigint, stream uuid, type text
    );
    GRANT SELECT, INSERT ON ledger.seen TO daybook_triage, daybook_reporting, daybook_notification;
"""


class Bus:
    """A NATS server of a test's own, and settings that lead to it."""

    def __init__(self, database: Settings, place: Place, logs: Path) -> None:
        self._port = claim(0, "no variable")
        self._place = replace(place, data=Path(mkdtemp(prefix="own-bus-", dir=place.data)))
        if place.account:
            os.chown(self._place.data, place.account.user, place.account.group)
        self._logs = logs
        self._child: Child | None = None
        self.store = self._place.data / "nats" / "jetstream"
        self.settings = Settings.model_validate({**database.model_dump(), "nats_url": f"nats://127.0.0.1:{self._port}"})

    async def start(self, store_bytes: int = nats.STORE_BYTES_MAX) -> None:
        self._child = Child(nats.program(self._place, self._port, store_bytes=store_bytes), self._logs)
        self._child.spawn()
        await self._child.wait_ready()

    async def stop(self) -> None:
        if self._child is not None:
            await self._child.stop()

    def wipe(self) -> None:
        nats.wipe(self._place)


@asynccontextmanager
async def own_bus(database: Settings, place: Place, logs: Path) -> AsyncIterator[Bus]:
    """A provisioned bus that the test may stop, wipe and start again."""
    bus = Bus(database, place, logs)
    await bus.start()
    try:
        await provision_bus(bus.settings)
        yield bus
    finally:
        await bus.stop()


@asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    """Runs something in the background; what it raises fails the test."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        failed = task.done()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert not failed, "it ended by itself"


async def eventually(check: Callable[[], Awaitable[bool]], seconds: float = 60, what: str = "") -> None:
    """Waits until something holds."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not await check():
        assert loop.time() < end, f"not within {seconds} s: {what or check}"
        await asyncio.sleep(0.02)


async def relay(settings: Settings, pool: Pool, holder: UUID | None = None) -> None:
    """A relay of this test process."""
    client = await connect(settings, "relay-under-test")
    try:
        await Relay(pool, client, Leases(pool, "relay", holder or uuid7()), Metrics("relay")).run()
    finally:
        await client.close()


class Ledger:
    """A consumer whose only effect is a row of ledger.seen an event."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.refuse: set[UUID] = set()
        self.calls: list[tuple[int, int]] = []

    async def handle(self, lane: int, events: Sequence[Recorded[Event]], connection: Connection) -> None:
        self.calls.append((lane, len(events)))
        if any(event.stream in self.refuse for event in events):
            raise ValueError("this stream cannot be digested")
        await connection.executemany(
            "INSERT INTO ledger.seen (consumer, lane, position, stream, type) VALUES ($1, $2, $3, $4, $5)",
            [(self.name, lane, event.position, event.stream, event.type) for event in events],
        )


async def consume(settings: Settings, ledger: Ledger, pool: Pool, **more: Any) -> None:
    await run_consumer(settings, ledger, pool, SystemClock(), **more)


async def seen_of(pool: Pool, consumer: str) -> dict[int, list[int]]:
    """{lane: positions in the order in which they were digested}."""
    rows = await pool.fetch("SELECT lane, position FROM ledger.seen WHERE consumer = $1 ORDER BY nth", consumer)
    found: dict[int, list[int]] = defaultdict(list)
    for row in rows:
        found[row["lane"]].append(row["position"])
    return found


async def caught_up(pool: Pool, consumer: str) -> bool:
    """Whether a consumer's cursors are at the heads."""
    return sum((await lags(pool)).get(consumer, {0: 1}).values()) == 0


async def assert_everything_once_in_order(pool: Pool, consumer: str) -> None:
    """The ledger holds every position of every lane once, in order."""
    heads = {row["lane"]: row["position"] for row in await pool.fetch("SELECT lane, position FROM log.lanes")}
    seen = await seen_of(pool, consumer)
    for lane in range(LANES):
        assert seen.get(lane, []) == list(range(1, heads[lane] + 1)), f"lane {lane}"


def ticket_of(client: str) -> UUID:
    return stamp_lane(uuid7(), lane_of_client(client))


def submitted(stream: UUID, **more: Any) -> NewEvent:
    data = TicketSubmitted(
        prefix="ACME", requester=PERSON, subject="Printer", body="It is on fire", channel=Channel.API
    )
    return NewEvent(uuid7(), stream, 1, data, "token:test", **{"seal": sealed, **more})


def note(stream: UUID, version: int, **more: Any) -> NewEvent:
    return NewEvent(uuid7(), stream, version, NoteAdded(body="looked at it"), "agent:test", **{"seal": sealed, **more})


async def append_tickets(pool: Pool, count: int, poker: Poker | None = None) -> None:
    """Tickets of two events each, over all clients."""
    appender = Appender(pool, *([poker.committed] if poker else []))
    await asyncio.gather(
        *(
            appender.append(Append(client, [submitted(stream), note(stream, 2)]))
            for client in (CLIENTS[index % len(CLIENTS)] for index in range(count))
            for stream in [ticket_of(client)]
        )
    )
    await appender.close()
