"""G16: what a log of 100 thousand events costs, and one of 3 million: append, as_of, queue page, lag, memory, rebuild.

`rows(sizes)` grows one log through the sizes. `python -m tests.bench.growth 100000 3000000` measures it alone.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles

import httpx
import uvloop
from nats.aio.msg import Msg
from rich.console import Console
from uuid_utils.compat import uuid7

from contracts.people import Role
from contracts.subjects import ALL, STREAM
from contracts.ticket import fold
from services.kit.access.tokens import NewToken, make_token
from services.kit.bus.connect import Poker, connect
from services.kit.bus.message import place_of
from services.kit.bus.provision import provision_bus
from services.kit.log.append import Append, Appender
from services.kit.log.read import Instant, read_stream
from services.kit.personal import Vault
from services.kit.postgres import Pool, connect_pool
from services.kit.settings import Settings
from services.reporting.app import open_app
from services.reporting.rebuild import rebuilding
from tests.bench import append
from tests.bench.past import CONSUMERS, at_head, fill
from tests.bench.recovery import until
from tests.bench.servers import servers
from tests.bench.services import proportional_mb, serving
from tests.bench.table import Row, show

SIZES = (100_000, 3_000_000)  # events; the third is ten million
GROWTH_MAX = 1.3  # times, from the first size to the last
APPENDED = 5_120
READS = 300
PAGES = 60
WARM = 12  # reads before those that count
LAGS = 200
LAG_PAUSE_SECONDS = 0.01
FILTERS = ("", "&status=open", "&priority=P2", "&q=print", "&sort=newest", "&client=bench-7")
SAMPLE = """
    SELECT DISTINCT ON (e.stream) e.stream, e.occurred_at FROM log.lanes l
    CROSS JOIN LATERAL (SELECT (random() * l.position)::bigint AS position FROM generate_series(1, 40)) r
    JOIN log.events e ON e.lane = l.lane AND e.position = r.position
    WHERE e.type LIKE 'ticket.%' LIMIT $1
"""
MEASURES = ("append_us", "as_of_ms", "queue_ms", "lag_ms", "relay_mb", "reporting_mb")
NAMES = ("append, us each", "as_of read, ms", "queue page p99, ms", "commit to bus, ms", "relay, MB", "reporting, MB")


@dataclass(frozen=True)
class Size:
    """What was measured with so many events in the log."""

    events: int
    append_us: float
    as_of_ms: float
    queue_ms: float
    lag_ms: float
    relay_mb: float
    reporting_mb: float
    rebuilt_per_second: float


async def rows(sizes: tuple[int, ...] = SIZES) -> list[Row]:
    """G16: a row for each measure, with its figure at every size."""
    async with servers() as settings:
        await provision_bus(settings)
        measured: list[Size] = []
        before = 0
        for size in sizes:
            await fill(settings, size - before)
            before = size
            measured.append(await _measured(settings))
    table = [_row(name, measure, measured) for name, measure in zip(NAMES, MEASURES, strict=True)]
    return [*table, _rebuild_row(measured)]


async def _measured(settings: Settings) -> Size:
    owner = await connect_pool(settings, "owner", size=3)
    async with rebuilding(settings, "queue", lambda step: None) as work:
        started = time.perf_counter()
        built = await work.run()
        rebuilt = built.events / (time.perf_counter() - started)
    await _skip_to_head(owner)
    await owner.execute("ANALYZE")
    events: int = int(await owner.fetchval("SELECT sum(position) FROM log.lanes"))
    as_of, queue = await _as_of(owner), await _queue(settings)
    appended = [await append.daybook(settings, APPENDED) for _ in range(3)]
    await _skip_to_head(owner)
    await _empty_bus(settings)
    async with serving(settings, "relay", "reporting") as children:
        await until(lambda: at_head(owner, ("reporting",)), "reporting is at the head", 1_800)
        lag = await _lag(settings)
        memory = {name: proportional_mb(child.pid) for name, child in children.items()}
    await owner.close()
    rate = median(run.per_second for run in appended)
    return Size(events, 1e6 / rate, as_of, queue, lag, memory["relay"], memory["reporting"], rebuilt)


async def _skip_to_head(owner: Pool) -> None:
    """Every consumer has digested everything, as on a desk that has grown for years."""
    await owner.execute(
        "INSERT INTO log.cursors (lane, consumer, position) "
        "SELECT l.lane, k.consumer, l.position FROM log.lanes l CROSS JOIN unnest($1::text[]) AS k (consumer) "
        "ON CONFLICT (lane, consumer) DO UPDATE SET position = excluded.position",
        list(CONSUMERS),
    )


async def _empty_bus(settings: Settings) -> None:
    """What the log grew by was written past the relay, which would publish all of it before the events that count."""
    client = await connect(settings, "intake-bench")
    await client.jetstream().delete_stream(STREAM)
    await client.close()
    await provision_bus(settings)


async def _as_of(owner: Pool) -> float:
    """Milliseconds of a ticket folded as it stood in the middle of its life: the median of many."""
    took: list[float] = []
    for row in await owner.fetch(SAMPLE, READS):
        started = time.perf_counter()
        fold(await read_stream(owner, row["stream"], as_of=Instant(row["occurred_at"])))
        took.append((time.perf_counter() - started) * 1000)
    return median(took[WARM:])


async def _queue(settings: Settings) -> float:
    """Milliseconds of a page of the queue, any filter, first pages and later ones: the p99 of many."""
    pool = await connect_pool(settings, "intake", size=1)
    token = await make_token(pool, NewToken(id=uuid7(), name="bench", role=Role.ADMINISTRATOR, clients=None))
    await pool.close()
    took = []
    async with open_app(settings) as app:
        transport = httpx.ASGITransport(app)
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://desk.example", headers=headers) as http:
            for number in range(-WARM, PAGES):
                path = f"/api/v1/queue?limit=50{FILTERS[number % len(FILTERS)]}"
                for _ in range(2):
                    started = time.perf_counter()
                    answer = await http.get(path)
                    if number >= 0:
                        took.append((time.perf_counter() - started) * 1000)
                    following = answer.raise_for_status().json()["next_cursor"]
                    if following is None:
                        break
                    path = f"{path.partition('&cursor')[0]}&cursor={following}"
    return quantiles(took, n=100)[98]


async def _lag(settings: Settings) -> float:
    """Milliseconds from a commit to a subscriber of the bus, at a hundred events a second: the median."""
    pool = await connect_pool(settings, "intake", size=2)
    vault = Vault(pool, settings.master_key_bytes, new_id=uuid7, random_bytes=os.urandom, monotonic=time.monotonic)
    client = await connect(settings, "intake-bench")
    seen: dict[tuple[int, int], float] = {}
    committed: dict[tuple[int, int], float] = {}

    async def take(message: Msg) -> None:
        seen[place_of(message.headers or {})] = time.perf_counter()

    async def all_in() -> bool:
        return committed.keys() <= seen.keys()

    try:
        await client.subscribe(ALL, cb=take)
        appender = Appender(pool, Poker(client).committed)
        for number in range(LAGS):
            slug, person, seal = await append.person_of(vault, number % 200)
            done = await appender.append(Append(slug, [append.event(slug, person, seal)]))
            committed[done.lane, done.position] = time.perf_counter()
            await asyncio.sleep(LAG_PAUSE_SECONDS)
        await until(all_in, "everything is on the bus")
        await appender.close()
    finally:
        await client.close()
        await pool.close()
    return median((seen[place] - at) * 1000 for place, at in committed.items())


def _row(name: str, measure: str, measured: Sequence[Size]) -> Row:
    figures = {size.events: float(getattr(size, measure)) for size in measured}
    first, last = figures[measured[0].events], figures[measured[-1].events]
    return Row(
        figure="G16",
        what=f"{name}, as the log grows",
        measured=", ".join(f"{events:,}: {figure:.2f}" for events, figure in figures.items())
        + f"; {last / first:.2f} x",
        goal=f"<= {GROWTH_MAX} x",
        reached=last <= first * GROWTH_MAX,
        values={f"{measure}_{events}": figure for events, figure in figures.items()},
    )


def _rebuild_row(measured: Sequence[Size]) -> Row:
    rates = {size.events: size.rebuilt_per_second for size in measured}
    slower = measured[0].rebuilt_per_second / measured[-1].rebuilt_per_second
    return Row(
        figure="G16",
        what="queue rebuilt, events a second, as the log grows",
        measured=", ".join(f"{events:,}: {rate:,.0f}/s" for events, rate in rates.items()),
        goal="linear",
        reached=slower <= GROWTH_MAX,
        values={f"rebuilt_{events}": rate for events, rate in rates.items()},
    )


async def main() -> None:
    show(await rows(tuple(map(int, sys.argv[1:])) or SIZES), Console())


if __name__ == "__main__":
    uvloop.run(main())
