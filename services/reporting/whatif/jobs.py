"""Questions over the API -> replays one after the other, each in a process of its own, told of in a table. I/O.

A job belongs to the process that was asked for it, which beats while it waits or runs; the table is how other processes
of the API see it, cancel it, and notice that its process has died.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import asyncpg
import orjson

from services.kit.access import Principal
from services.kit.postgres import Pool, queries
from services.kit.settings import Settings
from services.kit.telemetry import describe, log_message
from services.kit.web.problem import Problem
from services.reporting.whatif.asked import WhatifQuestion
from services.reporting.whatif.child import NoAnswer, answered
from services.reporting.whatif.run import Step

SQL = queries("services/reporting/sql/whatif_jobs.sql")
LOG = logging.getLogger("daybook.reporting")

RUNNING_MAX: Final = 1  # of one process: a replay takes every core that the desk leaves it
UNDER_WAY_MAX: Final = 10  # of the desk, those that wait among them
KEPT: Final = 100
SECONDS_MAX: Final = 1_800.0  # one replay
BEAT_SECONDS: Final = 1.0
DEAD_AFTER_SECONDS: Final = 20.0  # without a beat


@dataclass
class Job:
    id: UUID
    asked: WhatifQuestion
    step: Step = field(default_factory=lambda: Step(0, 0, 0))
    task: asyncio.Task[None] | None = None


class Jobs:
    """The replays of one process. `run` beats for them until it is cancelled; `close` ends them."""

    def __init__(self, pool: Pool, settings: Settings, new_id: Callable[[], UUID]) -> None:
        self._pool, self._settings, self._new_id = pool, settings, new_id
        self._jobs: dict[UUID, Job] = {}
        self._turn = asyncio.Semaphore(RUNNING_MAX)

    async def ask(self, asked: WhatifQuestion, caller: Principal) -> UUID:
        """Starts a replay. Raises Problem where too many are under way."""
        await self._pool.execute(SQL["bury"], DEAD_AFTER_SECONDS)
        if await self._pool.fetchval(SQL["under_way"]) >= UNDER_WAY_MAX:
            raise Problem("too_many_replays", f"{UNDER_WAY_MAX} replays are under way", headers={"retry-after": "30"})
        job = Job(self._new_id(), asked)
        await self._pool.execute(SQL["ask"], job.id, caller.id, asked.clients, asked.plain())
        await self._pool.execute(SQL["forget_old"], KEPT)
        self._jobs[job.id] = job
        job.task = asyncio.create_task(self._work(job), name="whatif")
        return job.id

    async def cancel(self, job: UUID) -> None:
        """Ends a replay wherever it runs; one that is over is forgotten."""
        if await self._pool.fetchval(SQL["cancel"], job) is None:
            await self._pool.execute(SQL["forget"], job)
        self._stop(job)

    async def run(self) -> None:
        """Beats until cancelled, and stops what was cancelled in another process."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                await self._beat()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log_message(LOG, "whatif_beat_failed", logging.WARNING, error=describe(error))

    async def close(self) -> None:
        """Ends what is under way here, and says so in the table."""
        jobs = list(self._jobs.values())
        for job in jobs:
            self._stop(job.id)
        await asyncio.gather(*(job.task for job in jobs if job.task), return_exceptions=True)
        for job in jobs:
            await self._finish(job, "failed", "the desk was stopped: ask again", None)

    async def _beat(self) -> None:
        jobs = list(self._jobs.values())
        if not jobs:
            return
        columns = [[job.id for job in jobs], *zip(*(_of(job.step) for job in jobs), strict=True)]
        known = {row["id"] for row in await self._pool.fetch(SQL["beat"], *columns)}
        for job in jobs:
            if job.id not in known and job.id in self._jobs:
                self._stop(job.id)

    def _stop(self, job: UUID) -> None:
        held = self._jobs.get(job)
        if held is not None and held.task is not None:
            held.task.cancel()

    async def _work(self, job: Job) -> None:
        try:
            async with self._turn:
                if await self._pool.fetchval(SQL["begin"], job.id) is not None:
                    await self._replay(job)
        finally:
            self._jobs.pop(job.id, None)

    async def _replay(self, job: Job) -> None:
        def told(step: Step) -> None:
            job.step = step

        try:
            async with asyncio.timeout(SECONDS_MAX):
                said = await answered(self._settings, job.asked, told)
        except TimeoutError:
            problem = f"it took longer than {SECONDS_MAX / 60:.0f} minutes: ask for fewer clients or a shorter range"
            await self._finish(job, "failed", problem, None)
        except NoAnswer as error:
            log_message(LOG, "whatif_failed", logging.ERROR, job=str(job.id), error=str(error)[:200])
            await self._finish(job, "failed", "the replay's process ended early: see the log", None)
        else:
            result = said.get("result")
            if result is None:
                await self._finish(job, "failed", str(said.get("problem"))[:500], None)
                return
            job.step = Step(result["tickets"], result["tickets"], result["events"])
            await self._finish(job, "done", None, orjson.dumps(result))

    async def _finish(self, job: Job, state: str, problem: str | None, result: bytes | None) -> None:
        await self._pool.execute(SQL["finish"], job.id, state, problem, result, *_of(job.step))


def _of(step: Step) -> tuple[int, int, int]:
    return step.tickets, step.total, step.events
