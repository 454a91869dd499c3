"""G2: the time from an event's commit to a FastStream consumer that handles it, relay and bus between.

Writer, relay and consumer are three processes. `python -m tests.bench.follow FILE` is the consumer's: it writes down
when it saw which event.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import Final

import asyncpg
import uvloop
from uuid_utils.compat import uuid7

from contracts.envelope import Recorded
from contracts.model import Event
from services.kit.bus import Poker, connect, provision_bus, run_consumer
from services.kit.clock import SystemClock
from services.kit.log.append import Append, Appender
from services.kit.personal import Vault
from services.kit.postgres import ROOT, Connection, connect_pool
from services.kit.settings import Settings, load
from tests.bench.append import CLIENTS, event, person_of
from tests.bench.past import passed_over
from tests.bench.servers import servers

CONSUMER: Final = "triage"  # a durable that provisioning makes, and its role
WARM_SECONDS = 3.0  # before what counts: connections, leases, plans
WAIT_SECONDS = 60.0

Place = tuple[int, int]
"""Lane and position of an event."""


@dataclass(frozen=True)
class Delay:
    """Milliseconds from the commit, and how many events were not seen."""

    p50_ms: float
    p99_ms: float
    missed: int


async def follow(per_second: int, seconds: float, behind: int = 0) -> Delay:
    """Appends at a steady rate, to a log of `behind` events, while an idle transaction is open in another database of
    the same server."""
    async with servers() as settings:
        await passed_over(settings, behind)
        await provision_bus(settings)
        seen = settings.home / "seen.json"
        async with (
            _process(settings, "services", "serve", "relay"),
            _idle_transaction(settings),
            _process(settings, "tests.bench.follow", str(seen)) as consumer,
        ):
            await _until(seen.exists, consumer)
            committed = await _append(settings, per_second, seconds)
            await asyncio.sleep(1)
            consumer.terminate()
            await consumer.wait()
        return _delay(committed, {(lane, position): at for lane, position, at in json.loads(seen.read_text())})


def _delay(committed: dict[Place, float], seen: dict[Place, float]) -> Delay:
    delays = [1000 * max(0.0, seen[place] - at) for place, at in committed.items() if place in seen]
    cuts = quantiles(delays, n=100)
    return Delay(cuts[49], cuts[98], len(committed) - len(delays))


async def _append(settings: Settings, per_second: int, seconds: float) -> dict[Place, float]:
    """When which event's commit was known to its writer."""
    pool = await connect_pool(settings, "intake", size=4)
    vault = Vault(pool, settings.master_key_bytes, new_id=uuid7, random_bytes=os.urandom, monotonic=time.monotonic)
    poking = await connect(settings, "bench-poke")
    appender = Appender(pool, committed=Poker(poking).committed)
    people = [await person_of(vault, index) for index in range(CLIENTS)]
    committed: dict[Place, float] = {}

    async def one(index: int, counts: bool) -> None:
        client, person, seal = people[index % CLIENTS]
        appended = await appender.append(Append(client, [event(client, person, seal)]))
        if counts:
            committed[(appended.lane, appended.position)] = time.time()

    started = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for index in range(int(per_second * (WARM_SECONDS + seconds))):
            await asyncio.sleep(max(0.0, started + index / per_second - time.perf_counter()))
            tasks.create_task(one(index, index >= per_second * WARM_SECONDS))
    await appender.close()
    await poking.close()
    await pool.close()
    return committed


@asynccontextmanager
async def _idle_transaction(settings: Settings) -> AsyncIterator[None]:
    """A transaction with an id of its own that nobody ends, in the database `postgres`."""
    connection = await asyncpg.connect(settings.admin_dsn(), database="postgres")
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("SELECT pg_current_xact_id()")
    try:
        yield
    finally:
        await transaction.rollback()
        await connection.close()


@asynccontextmanager
async def _process(settings: Settings, *argv: str) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = {
        **os.environ,
        "DAYBOOK_HOME": str(settings.home),
        "DAYBOOK_DATABASE_URL": settings.admin_dsn(),
        "DAYBOOK_NATS_URL": settings.bus_url,
        "DAYBOOK_LOG_LEVEL": "warning",
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", *argv, cwd=ROOT, env=environment)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _until(holds: Callable[[], bool], process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not holds():
            if process.returncode is not None:
                raise RuntimeError(f"the consumer ended with {process.returncode}")
            await asyncio.sleep(0.05)


@dataclass
class Watching:
    """A consumer that only looks at the clock; its cursor moves as everybody's."""

    name: str = CONSUMER
    seen: list[tuple[int, int, float]] = field(default_factory=list)

    async def handle(self, lane: int, events: Sequence[Recorded[Event]], connection: Connection) -> None:
        now = time.time()
        self.seen += [(lane, event.position, now) for event in events]


async def consume(file: Path) -> None:
    """Runs the consumer until the process is told to stop, and writes down what it saw."""
    settings = load()
    pool = await connect_pool(settings, CONSUMER, size=5)
    watching = Watching()
    try:
        started = partial(_tell, file, watching)
        await run_consumer(settings, watching, pool, SystemClock(), started=started, lanes_together=True)
    finally:
        _tell(file, watching)
        await pool.close()


def _tell(file: Path, watching: Watching) -> None:
    file.write_text(json.dumps(watching.seen))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has what it starts with & ignore it
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    with suppress(KeyboardInterrupt):
        uvloop.run(consume(Path(sys.argv[1])))
