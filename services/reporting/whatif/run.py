"""A question -> its result: the lanes replayed side by side in processes of their own, on one snapshot. I/O.

Nothing is written: every connection is read-only; a replay of some clients reads as the role that sees no other's rows.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, NamedTuple

from contracts.model import DESK
from contracts.subjects import lane_of_client
from services.kit.postgres import ROOT, Pool, connect_pool
from services.kit.refused import Refused
from services.kit.settings import Settings
from services.reporting.whatif.asked import Snapshot, WhatifQuestion
from services.reporting.whatif.books import Shelf, refuse_unknown_calendars
from services.reporting.whatif.lane import SQL, configurations, replay_lane
from services.reporting.whatif.result import Result, in_force_digest
from services.reporting.whatif.tally import Tally
from services.reporting.whatif.workers import side_by_side

STATEMENT_SECONDS: Final = 300.0  # one page of a lane that nobody has in memory
ALONE_BELOW: Final = 2_000  # tickets; a pool of processes takes a second to come up
SOURCES: Final = ("contracts", "services/kit/rules", "services/reporting/whatif")


class Step(NamedTuple):
    """How far a replay is: tickets of about so many, and events read of them."""

    tickets: int
    total: int
    events: int


Told = Callable[[Step], None]


@dataclass(frozen=True)
class LaneJob:
    """What one process is given."""

    settings: Settings
    lane: int
    asked: WhatifQuestion
    clients: tuple[str, ...] | None
    lines: Path


def engine() -> str:
    """Names the program that judges: by its source, for a version that nobody has raised would lie; and the list of
    public holidays that it asks."""
    digest = sha256()
    for folder in SOURCES:
        for path in sorted((ROOT / folder).glob("*.py")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{digest.hexdigest()[:16]}, holidays {version('holidays')}"


@asynccontextmanager
async def reading(settings: Settings, clients: Sequence[str] | None) -> AsyncIterator[Pool]:
    """One connection that can't write; for some clients one that sees no other's rows."""
    options = {"default_transaction_read_only": "on"}
    if clients is not None:
        options["daybook.clients"] = ",".join(sorted({*clients, DESK}))
    pool = await connect_pool(
        settings,
        "reporting" if clients is None else "reader",
        size=1,
        program="daybook-whatif",
        statement_seconds=STATEMENT_SECONDS,
        server_settings=options,
    )
    try:
        yield pool
    finally:
        await pool.close()


async def replay(
    settings: Settings,
    asked: WhatifQuestion,
    folder: Path,
    told: Told = lambda step: None,
    *,
    processes: int | None = None,
) -> Result:
    """Answers a question; its lines are written into `folder`. Raises Refused where it can't be asked of this desk."""
    clients = asked.clients
    async with reading(settings, clients) as pool:
        asked = asked.model_copy(update={"snapshot": asked.snapshot or await _snapshot(pool, settings)})
        assert asked.snapshot is not None  # noqa: S101  just given
        slugs = [row["client"] for row in await pool.fetch(SQL["clients"], clients)]
        streams = await configurations(pool, asked.snapshot.positions, sorted({DESK, *slugs}))
        notes = _checked(asked, streams)
        total = await pool.fetchval(SQL["tickets_known"], clients)
    lanes = sorted({lane_of_client(slug) for slug in slugs})
    jobs = [LaneJob(settings, lane, asked, clients, folder / f"{lane:02d}.jsonl") for lane in lanes]
    workers = min(processes or len(os.sched_getaffinity(0)), len(jobs))
    progress = _Progress(total, told)
    if workers < 2 or (processes is None and total < ALONE_BELOW):
        done = [await _lane(job, progress.add) for job in jobs]
    else:
        done = await asyncio.to_thread(side_by_side, jobs, work, workers, progress.add)
    tally, peak = Tally(), 0
    for each in done:
        tally.add(each.tally)
    peak = peak_mb() + sum(
        sorted({each.process: each.peak_mb for each in done if each.process != os.getpid()}.values())
    )
    return Result(asked, engine(), in_force_digest(streams), tally, notes, [job.lines for job in jobs], peak_mb=peak)


async def _snapshot(pool: Pool, settings: Settings) -> Snapshot:
    """Now, and everything recorded up to now. With a clock that goes by the log, now is its newest event."""
    positions = {row["lane"]: row["position"] for row in await pool.fetch(SQL["heads"])}
    now = datetime.now(UTC)
    if settings.clock == "log":
        now = await pool.fetchval(SQL["latest"]) or now
    return Snapshot(positions=positions, now=now)


def _checked(asked: WhatifQuestion, streams: Mapping[str, Any]) -> list[str]:
    """What to say beside the figures. Raises Refused for a question that would be about nothing."""
    shelf, without, used = Shelf.of(streams.get(DESK, ()), asked), [], set[str]()
    clients = [slug for slug in streams if slug != DESK]
    for slug in clients:
        before = shelf.before(streams[slug])
        after = shelf.after(before)
        if asked.times:
            refuse_unknown_calendars(after, slug)
        for held in (*after.policies.versions, *after.policies.desk):
            policy = held.policy
            used |= {policy.calendar, *(t.calendar for row in policy.rows for t in row.targets.values() if t.calendar)}
        if not before.policies.any:
            without.append(slug)
    if asked.clients is not None and (unknown := sorted(set(asked.clients) - set(clients))):
        raise Refused("unknown_client", f"there is no client {unknown[0]}", "clients")
    if asked.set and clients and len(without) == len(clients):
        raise Refused(
            "invalid_field", "no policy was in force whose targets could be others: give a whole policy", "set"
        )
    notes = [f"{len(without)} clients had no policy: nothing was measured of them"] if without and asked.times else []
    idle = [put.name for put in asked.calendars if put.name not in used]
    notes += [f"no policy goes by the calendar {name!r}: it changes nothing" for name in idle]
    return notes


@dataclass(frozen=True)
class Done:
    tally: Tally
    process: int
    peak_mb: int


async def _lane(job: LaneJob, told: Callable[[int, int], None]) -> Done:
    async with reading(job.settings, job.clients) as pool:
        tally = await replay_lane(pool, job.lane, job.asked, job.clients, job.lines, told)
    return Done(tally, os.getpid(), peak_mb())


class _Progress:
    def __init__(self, total: int, told: Told) -> None:
        self._step, self._told = Step(0, total, 0), told

    def add(self, tickets: int, events: int) -> None:
        step = self._step
        self._step = step._replace(tickets=step.tickets + tickets, events=step.events + events)
        self._told(self._step)


def work(job: LaneJob, told: Callable[[int, int], None]) -> Done:
    """One lane, in a process of its own."""
    return asyncio.run(_lane(job, told))


def peak_mb() -> int:
    """The most memory that this process held, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024))
