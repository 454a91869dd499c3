"""The passed clock and the wake-up index enter; facts of clocks leave, each at its time, from one replica a lane. I/O.

What is due in several lanes at about the same time shares a transaction, and two transactions are under way at once.

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
from services.triage.timers.fill import Filler
from services.triage.timers.stories import Shelf
from services.triage.timers.turn import Done, Held, Turns

LOG = logging.getLogger("daybook.timers")
SQL = queries("services/triage/sql/timers.sql")

PURPOSE = "timers"
CLOCK_STREAM = named_stream(DESK, "clock", "clock")
LOOK_SECONDS = (0.2, 1.0)  # between looks at the index: beside other replicas, whose consumers write to it, and alone
REST_SECONDS = 0.005  # before a lane is asked again that was not ready: its events, or the database's clock, come first
GATHER_SECONDS = 0.025  # between two turns of a lane that keeps up: what comes due meanwhile shares one transaction
TURNS = 2  # under way at once, each with lanes of its own: one is folded here while PostgreSQL writes the other
FILL_SECONDS = 2.0  # between looks whether lanes are to be filled
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
        self._filler = Filler(pool, Shelf())
        self._due: dict[int, datetime] = {}
        """When each held lane has something to do, as far as is known; what others wrote is looked for."""
        self._told: dict[int, datetime] = {}
        """What was told since the last look began: the look itself may have been too early to see it."""
        self._settled: dict[int, int] = {}
        """Where the log tells the time: up to where a lane's events are our own facts, beyond its cursor."""
        self._resume_at: dict[int, float] = {}
        self._under_way: set[int] = set()
        """Which of the turns: a lane belongs to the turn of its number modulo TURNS."""
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
                tasks.create_task(self._keep(FILL_SECONDS, self._fill))
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

    async def _fill(self) -> None:
        """Lanes of a desk that was read back get their wake-ups from the log."""
        for lane in await self._filler.missing(self._leases.held()):
            while lane in self._leases.held() and (earliest := await self._filler.fill(lane)) is not None:
                self.digested(earliest, None)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as turns:
            while True:
                self._poked.clear()
                if loop.time() >= self._look_at:
                    await tried(self._look(), PAUSE_SECONDS, PURPOSE)
                for number, lanes in self._ready(loop.time()).items():
                    self._under_way.add(number)
                    turns.create_task(self._run(number, lanes))
                await self._sleep(loop.time())

    def _ready(self, at: float) -> dict[int, list[int]]:
        """The held lanes in which something is due, for each turn that is not under way."""
        now, held = self._clock.now(), self._leases.held()
        found: dict[int, list[int]] = {}
        for lane, due in self._due.items():
            number = lane % TURNS
            if due <= now and lane in held and number not in self._under_way and self._resume_at.get(lane, 0.0) <= at:
                found.setdefault(number, []).append(lane)
        return found

    async def _sleep(self, at: float) -> None:
        """Until the earliest is due, or somebody pokes, or it is time to look."""
        now, held = self._clock.now(), self._leases.held()
        until = self._look_at
        for lane, due in self._due.items():
            if lane not in held or lane % TURNS in self._under_way or (self._log_time and due > now):
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

    async def _run(self, number: int, lanes: list[int]) -> None:
        try:
            if not await tried(self._turn(lanes), PAUSE_SECONDS, PURPOSE):
                self._look_at = 0.0
        finally:
            self._under_way.discard(number)
            self._poked.set()

    async def _turn(self, lanes: list[int]) -> None:
        """One transaction of lanes that are held and due."""
        leases = self._leases.held()
        epochs = {lane: leases[lane] for lane in lanes if lane in leases}
        was = {lane: self._due.pop(lane) for lane in lanes}
        if not epochs:
            return
        done = await self._turns.turn(Held(self._holder, epochs), self._clock.now(), self._settled)
        self._look_at = self._look_at if len(done) == len(lanes) else 0.0
        recorded = [lane for lane, found in done.items() if found.recorded]
        if recorded:
            self._committed(recorded)
        for lane, found in done.items():
            self._settled[lane] = found.head or self._settled.get(lane, 0)
            if found.next is not None:
                _merge(self._due, {lane: found.next})
            self._resume_at[lane] = asyncio.get_running_loop().time() + self._rest(found, was[lane])

    def _rest(self, found: Done, due: datetime) -> float:
        """Seconds until a lane has its turn again at the earliest."""
        if not found.woken:
            early = 0.0 if self._log_time else (due - found.now).total_seconds()
            return min(max(early, REST_SECONDS), LOOK_SECONDS[True])
        behind = found.next is not None and found.next <= found.now
        return 0.0 if self._log_time or behind else GATHER_SECONDS


def _merge(known: dict[int, datetime], earliest: Mapping[int, datetime]) -> None:
    for lane, due in earliest.items():
        known[lane] = min(known.get(lane, due), due)
