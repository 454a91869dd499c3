"""Settings of a running desk enter; a month of life is in its log afterwards, played through the public API. I/O.

The desk runs with DAYBOOK_CLOCK=log: its time goes on when this player says so. A month that was interrupted is taken
up where it stopped, and one that is there already is not played again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from uuid_utils.compat import uuid7

from contracts.people import Role
from services.demo import record as records
from services.demo.actions import Action
from services.demo.bank import load
from services.demo.desk import DemoStopped, DeskApi
from services.demo.http import Connections
from services.demo.record import Record
from services.demo.script import month
from services.demo.show import Show
from services.demo.steps import Step, steps
from services.kit.postgres import connect_pool

if TYPE_CHECKING:
    from services.kit.settings import Settings

SEED = 20_260
JUST_BEFORE = timedelta(microseconds=1)  # what happens at the very due time is in time: timers go first up to here
SAVE_STEPS = 20  # steps between two writes of the record; after a crash at most so many are sent again
SIDE_BY_SIDE = 48  # requests under way: enough to fill the batches of the append

__all__ = ["DemoStopped", "is_played", "play"]


def is_played(home: Path) -> bool:
    """Whether this home's desk has its month already. Raises ValueError where the record can't be read."""
    record = records.read(home)
    return record is not None and record.finished_at is not None


async def play(settings: Settings, *, seed: int = SEED, now: Callable[[], datetime] | None = None) -> Record:
    """Plays the month up to now, or the rest of one that was begun. Raises DemoStopped with what to do."""
    clock = now or (lambda: datetime.now(UTC))
    record = records.read(settings.home) or records.begun(seed, clock())
    if record.finished_at is not None:
        return record
    plan = list(steps(month(load(), record.seed, record.start, record.end)))
    pool = await connect_pool(settings, "intake", size=2, program="daybook-demo")
    try:
        async with Connections(settings.host, settings.port, SIDE_BY_SIDE) as connections:
            desk = DeskApi(connections, pool, record, uuid7)
            await _play_steps(desk, settings.home, record, plan)
            await desk.set_clock(record.end)
            await desk.settle()
            await desk.revoke_tokens()
    finally:
        await pool.close()
    record.token, record.tokens, record.token_ids, record.finished_at = "", {}, [], clock()
    records.write(settings.home, record)
    return record


async def _play_thread(desk: DeskApi, thread: list[Action], show: Show, record: Record) -> None:
    await desk.play_thread(thread)
    show.advance(thread[-1].at, len(thread), len(record.tickets))


async def _play_steps(desk: DeskApi, home: Path, record: Record, plan: Sequence[Step]) -> None:
    if not record.token:
        record.token = await desk.token(Role.ADMINISTRATOR)
        records.write(home, record)
    with Show(record.start, sum(len(step.actions) for step in plan)) as show:
        show.advance(record.start, sum(len(step.actions) for step in plan[: record.steps]), len(record.tickets))
        for number, step in enumerate(plan[record.steps :], record.steps + 1):
            await desk.set_clock(step.now - JUST_BEFORE)
            await desk.settle()
            await asyncio.gather(*(_play_thread(desk, thread, show, record) for thread in step.threads))
            await desk.settle()
            if number % SAVE_STEPS == 0 or number == 1:
                record.steps = number
                records.write(home, record)
    record.steps = len(plan)
