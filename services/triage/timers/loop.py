"""The passed clock and the wake-up index enter; facts of clocks leave, each at its time, from one replica a lane. I/O.

Replicas share the lanes by lease. A lease saves double work and says who must wake; what makes sure that nothing is
recorded twice is the lane's lock and the fold under it (`turn`). Leases live in real time, deadlines by the clock.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from uuid import UUID

from contracts.model import DESK
from contracts.subjects import LANES, lane_of, named_stream
from services.kit.bus.away import tried
from services.kit.clock import Clock
from services.kit.log.lease import RENEW_SECONDS, Leases
from services.kit.postgres import Pool, queries
from services.kit.telemetry import log_message
from services.triage.timers.stories import Shelf
from services.triage.timers.turn import Held, Turns

LOG = logging.getLogger("daybook.timers")
SQL = queries("services/triage/sql/timers.sql")

PURPOSE = "timers"
CLOCK_STREAM = named_stream(DESK, "clock", "clock")
LOOK_SECONDS = (0.2, 1.0)  # between looks at the index: beside other replicas, whose consumers write to it, and alone
REST_SECONDS = 0.005  # before a lane is asked again that was not ready: its events, or the database's clock, come first
PAUSE_SECONDS = 0.5  # while a server is away


class Timers:
    """The timers of one process. `digested` may be called before `run`."""

    def __init__(
        self,
        pool: Pool,
        clock: Clock,
        *,
        holder: UUID,
        log_time: bool,
        committed: Callable[[Iterable[int]], None],
    ) -> None:
        self._pool, self._clock, self._log_time = pool, clock, log_time
        self._committed = committed
        self._leases = Leases(pool, PURPOSE, holder)
        self._holder = holder
        self._turns = Turns(pool, Shelf(), log_time)
        self._due: dict[int, datetime] = {}
        """When each held lane has something to do, as far as is known; what others wrote is looked for."""
        self._told: dict[int, datetime] = {}
        """What was told since the last look began: the look itself may have been too early to see it."""
        self._settled: dict[int, int] = {}
        """Where the log tells the time: up to where a lane's events are our own facts, beyond its cursor."""
        self._resume_at: dict[int, float] = {}
        self._look_at = 0.0
        self._poked = asyncio.Event()

    def digested(self, earliest: Mapping[int, datetime], tick: datetime | None) -> None:
        """The consumer of this process has committed: something is due earlier, or the log says that time went on."""
        for known in (self._due, self._told):
            _merge(known, earliest)
        if tick is not None:
            self._clock.advance(tick)
        if earliest or self._log_time:
            self._poked.set()

    async def run(self) -> None:
        """Fires until cancelled; gives the lanes up at once then."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep(RENEW_SECONDS, self._renew))
                tasks.create_task(self._work())
        finally:
            await self._leases.release()

    async def _keep(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await tried(work(), 0, PURPOSE)
            await asyncio.sleep(seconds)

    async def _renew(self) -> None:
        before = set(self._leases.held())
        held = set(await self._leases.renew())
        if held != before:
            log_message(LOG, "timer_lanes", lanes=",".join(map(str, sorted(held))))
            self._look_at = 0.0
            self._poked.set()

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._poked.clear()
            if loop.time() >= self._look_at:
                await tried(self._look(), PAUSE_SECONDS, PURPOSE)
            for lane in self._ready(loop.time()):
                await tried(self._turn(lane), PAUSE_SECONDS, PURPOSE)
            await self._sleep(loop.time())

    def _ready(self, at: float) -> list[int]:
        """The held lanes in which something is due, the earliest first."""
        now, held = self._clock.now(), self._leases.held()
        due = [(due, lane) for lane, due in self._due.items() if due <= now and lane in held]
        return [lane for _, lane in sorted(due) if self._resume_at.get(lane, 0.0) <= at]

    async def _sleep(self, at: float) -> None:
        """Until the earliest is due, or somebody pokes, or it is time to look."""
        now, held = self._clock.now(), self._leases.held()
        until = self._look_at
        for lane, due in self._due.items():
            if lane not in held or (self._log_time and due > now):
                continue
            until = min(until, max(at + (due - now).total_seconds(), self._resume_at.get(lane, 0.0)))
        try:
            async with asyncio.timeout(max(until - at, 0.0)):
                await self._poked.wait()
        except TimeoutError:
            pass

    async def _look(self) -> None:
        """Learns when each held lane has something to do, and what time the log says it is."""
        held = self._leases.held()
        if self._log_time:
            tick = await self._pool.fetchval(SQL["last_tick"], lane_of(CLOCK_STREAM), CLOCK_STREAM)
            if tick is not None:
                self._clock.advance(tick)
        self._told = {}
        rows = await self._pool.fetch(SQL["earliest"], sorted(held))
        self._due = {row["lane"]: row["due"] for row in rows}
        _merge(self._due, self._told)
        alone = len(held) == LANES
        self._look_at = asyncio.get_running_loop().time() + LOOK_SECONDS[alone]

    async def _turn(self, lane: int) -> None:
        """One transaction of a lane that is held and due."""
        epoch = self._leases.held().get(lane)
        if epoch is None:
            return
        now, due = self._clock.now(), self._due.pop(lane)
        done = await self._turns.turn(Held(lane, self._holder, epoch), now, self._settled.get(lane, 0))
        self._look_at = 0.0
        if done is None:
            return
        self._settled[lane] = done.head or self._settled.get(lane, 0)
        if done.recorded:
            self._committed((lane,))
        if not done.woken:
            early = 0.0 if self._log_time else (due - done.now).total_seconds()
            rest = min(max(early, REST_SECONDS), LOOK_SECONDS[True])
            self._resume_at[lane] = asyncio.get_running_loop().time() + rest


def _merge(known: dict[int, datetime], earliest: Mapping[int, datetime]) -> None:
    for lane, due in earliest.items():
        known[lane] = min(known.get(lane, due), due)
