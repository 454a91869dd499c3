"""`python -m tests.bench`: the goals, each with its raw limit or peer in the same run."""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from statistics import median

import uvloop
from rich.console import Console
from uuid_utils.compat import uuid7

from services.cli.processes import collect_rarely
from services.kit.personal import Vault
from services.kit.postgres import connect_pool
from tests.bench import append, clocks, door, follow, growth, peer, rebuild, recovery, sealing, timers, triage, views
from tests.bench.desk import desk
from tests.bench.past import digested, passed_over
from tests.bench.servers import servers
from tests.bench.table import Row, show, write

RUNS = 3  # of everything that takes seconds; medians are quoted
SAVES = 2_000  # of the peer
FOLLOWED_PER_SECOND = 1_000


async def appends(events: int, behind: int) -> Row:
    """G1, onto a log of `behind` events."""
    async with servers() as settings:
        await passed_over(settings, behind)
        runs, raws = [], []
        for _ in range(RUNS):
            runs.append(await append.daybook(settings, events))
            raws.append(await append.raw(settings, events))
        other = await asyncio.to_thread(peer.eventsourcing, settings, SAVES)
    rate, p99 = median(run.per_second for run in runs), median(run.p99_ms for run in runs)
    ratio = median(run.per_second / raw for run, raw in zip(runs, raws, strict=True))
    return Row(
        figure="G1",
        what="durable, checked one-event appends, one process, 256 callers",
        measured=f"{rate:,.0f}/s, p99 {p99:.0f} ms; {ratio:.2f} x raw ({median(raws):,.0f}/s); "
        f"{rate / other.appended:.0f} x eventsourcing ({other.appended:,.0f}/s)",
        goal=">= 12,000/s, p99 <= 50 ms, >= 0.4 x raw, >= 20 x eventsourcing",
        reached=rate >= 12_000 and p99 <= 50 and ratio >= 0.4 and rate >= 20 * other.appended,
        values={"per_second": rate, "p99_ms": p99, "raw": median(raws), "ratio": ratio, "peer": other.appended},
    )


async def follows(seconds: float, behind: int) -> Row:
    """G2, with an idle transaction open in another database all the time."""
    runs = [await follow.follow(FOLLOWED_PER_SECOND, seconds, behind) for _ in range(RUNS)]
    p50, p99 = median(run.p50_ms for run in runs), median(run.p99_ms for run in runs)
    missed = sum(run.missed for run in runs)
    return Row(
        figure="G2",
        what=f"commit to seen by a FastStream consumer, {FOLLOWED_PER_SECOND:,} events/s, an idle transaction open",
        measured=f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, {missed} not seen",
        goal="p50 <= 10 ms, p99 <= 50 ms",
        reached=p50 <= 10 and p99 <= 50 and missed == 0,
        values={"p50_ms": p50, "p99_ms": p99, "missed": float(missed)},
    )


async def rebuilds(events: int) -> Row:
    """G5, the fold; the queue view from zero is measured by the reporting service's own rebuild."""
    async with servers() as settings:
        pool = await connect_pool(settings, "intake", size=4)
        vault = Vault(pool, settings.master_key_bytes, new_id=uuid7, random_bytes=os.urandom, monotonic=time.monotonic)
        await rebuild.fill(pool, vault, events)
        pairs = [(await rebuild.folded(pool), await rebuild.raw(settings)) for _ in range(RUNS)]
        other = await asyncio.to_thread(peer.eventsourcing, settings, 80)
        await pool.close()
    rate, raw = median(folded for folded, _ in pairs), median(raw for _, raw in pairs)
    ratio = median(folded / raw for folded, raw in pairs)
    return Row(
        figure="G5",
        what=f"{events:,} events read, decoded, validated and folded by one process",
        measured=f"{rate:,.0f}/s; {ratio:.2f} x raw cursor ({raw:,.0f}/s); "
        f"{rate / other.replayed:.1f} x eventsourcing ({other.replayed:,.0f}/s)",
        goal=">= 60,000/s, >= 0.25 x raw cursor, >= 1.2 x eventsourcing",
        reached=rate >= 60_000 and ratio >= 0.25 and rate >= 1.2 * other.replayed,
        values={"per_second": rate, "raw": raw, "ratio": ratio, "peer": other.replayed},
    )


async def doors(tickets: int, behind: int) -> list[Row]:
    """G3 and G4, against a whole desk that has digested `behind` events before."""
    async with desk() as running:
        await digested(running.settings(), behind)
        await door.prepare(running)
        await door.accept(running, 500)
        taken = [await door.accept(running, tickets) for _ in range(RUNS)]
        seen = await door.see(running, 100, 10.0)
        memory = running.memory()
    rate, p99 = median(run.per_second for run in taken), median(run.p99_ms for run in taken)
    cpu, drained = median(run.cpu_ms for run in taken), median(run.drained_seconds for run in taken)
    return [
        Row(
            figure="G3",
            what="201 to prioritised and visible in GET /queue, 100 tickets/s",
            measured=f"p50 {seen.p50_ms:.0f} ms, p99 {seen.p99_ms:.0f} ms, {seen.missed} not seen",
            goal="p50 <= 50 ms, p99 <= 200 ms",
            reached=seen.p50_ms <= 50 and seen.p99_ms <= 200 and seen.missed == 0,
            values={"p50_ms": seen.p50_ms, "p99_ms": seen.p99_ms, "missed": float(seen.missed)},
        ),
        Row(
            figure="G4",
            what="POST /tickets accepted durably, 32 connections, every service running",
            measured=f"{rate:,.0f}/s, p99 {p99:.0f} ms, {cpu:.1f} ms CPU a ticket, drained in {drained:.0f} s",
            goal=">= 600/s, p99 <= 100 ms, <= 3 ms CPU, drained <= 60 s",
            reached=rate >= 600 and p99 <= 100 and cpu <= 3 and drained <= 60,
            values={"per_second": rate, "p99_ms": p99, "cpu_ms": cpu, "drained_seconds": drained},
        ),
        Row(
            figure="G10",
            what="memory of each service after that, proportional",
            measured=", ".join(f"{name} {size:.0f}" for name, size in memory.items()) + " MB",
            goal="<= 150 MB each (triage 250)",
            reached=all(
                size <= (250 if name == "triage" else 150) for name, size in memory.items() if name != "postgres"
            ),
            values=memory,
        ),
    ]


def stages(full: bool) -> dict[str, Callable[[], Awaitable[Sequence[Row]]]]:
    """What is measured, by the figure it is known by, in order. The full form takes a million events, and hours."""
    events = 1_000_000 if full else 100_000
    behind = events if full else 0
    small: dict[str, Callable[[], Awaitable[Sequence[Row]]]] = {
        "G1": lambda: _one(appends(256_000 if full else 25_600, behind)),
        "N10": lambda: _one(sealing.row(12_800)),
        "G2": lambda: _one(follows(60.0 if full else 10.0, behind)),
        "G3-G4": lambda: doors(20_000 if full else 3_000, behind),
        "G5": lambda: _one(rebuilds(events)),
        "G6": lambda: recovery.rows(1_000_000 if full else 20_000),
        "G7": lambda: _one(views.row(events)),
        "G11": lambda: _clocks(full=full),
        "G12": _triage,
    }
    return {**small, "G16": growth.rows} if full else small


async def _one(row: Awaitable[Row]) -> Sequence[Row]:
    return [await row]


async def _triage() -> Sequence[Row]:
    return [triage.row()]


async def _clocks(*, full: bool) -> Sequence[Row]:
    return [clocks.row(), *await timers.sized(full=full)]


async def main() -> None:
    arguments = argparse.ArgumentParser(prog="make bench")
    arguments.add_argument("--full", action="store_true", help="upon a million events, and growth to three million")
    arguments.add_argument("--only", default="", help="some of G1, N10, G2, G3-G4, G5, G6, G7, G11, G12, G16")
    arguments.add_argument("--json", type=Path, default=Path(".daybook/bench.json"))
    given = arguments.parse_args()
    collect_rarely()
    measured = stages(given.full)
    wanted = [name.strip() for name in given.only.split(",") if name.strip()] or list(measured)
    if unknown := set(wanted) - set(measured):
        arguments.error(f"there is no {', '.join(sorted(unknown))} here: choose from {', '.join(measured)}")
    console = Console()
    rows: list[Row] = []
    for nth, name in enumerate(wanted, start=1):
        with console.status(f"{name}, {nth} of {len(wanted)}"):
            found = await measured[name]()
        for row in found:
            console.print(f"{row.figure}  {row.measured}", highlight=False)
        rows += found
    show(rows, console)
    write(rows, given.json)
    console.print(f"The same as JSON: {given.json}")


if __name__ == "__main__":
    uvloop.run(main())
