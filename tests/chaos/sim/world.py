"""A seed enters; the real relay and consumers run among faults until all is calm; what went wrong leaves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any
from unittest.mock import patch
from uuid import UUID

import asyncpg

from contracts import subjects
from services.kit.bus import detour, worker
from services.kit.bus.digest import Digest
from services.kit.bus.worker import Consumer
from services.kit.clock import SystemClock
from services.kit.log import lease, relay
from services.kit.log.lease import Leases
from services.kit.log.relay import Relay
from services.kit.metrics import Metrics
from tests.chaos.sim.bus import Bus
from tests.chaos.sim.database import LANES, Database, Session
from tests.chaos.sim.deliveries import Line
from tests.chaos.sim.faults import Director
from tests.chaos.sim.judge import calm, faults_of
from tests.chaos.sim.loop import Process, Stuck, VirtualLoop
from tests.chaos.sim.queries import MEANINGS
from tests.chaos.sim.story import (
    BIRTH,
    CLIENTS,
    LATER,
    STORY_MEANINGS,
    Follower,
    LanesFollower,
    Troubles,
    new_ticket,
    tell,
)

SETTLE_SECONDS = 90.0  # virtual, after the last fault; attempts at poison alone take eight
RESTART_SECONDS = (0.05, 0.6)
BUSY = {
    "BEHIND_MAX": 1, "BUSY_PER_SECOND": 2, "CALM_PER_SECOND": 1, "STAY_SECONDS": 0.5, "PAUSE_SECONDS": (0.05, 0.2),
}  # fmt: skip
"""When a consumer of a small world leaves the bus."""

Main = Callable[[], Any]


@dataclass(frozen=True)
class Plan:
    """What a seed decides before anything happens."""

    events: int
    seconds: float
    """In which events are told and faults happen."""
    relays: int
    consumers: dict[str, int]
    """Processes of each."""
    kinds: dict[str, tuple[bool, bool]]
    """(lanes go together, the handler takes lanes)"""
    batch_max: int
    troubled: bool
    """Whether there are poison and deadly events."""
    busy: bool
    """Whether so few events make consumers leave the bus for the log."""


def planned(chance: Random) -> Plan:
    names = ["triage", "reporting"][: chance.choice((1, 1, 2))]
    return Plan(
        events=chance.randint(2, 10),
        seconds=chance.uniform(0.2, 1.2),
        relays=chance.choice((1, 1, 2)),
        consumers={name: chance.choice((1, 1, 1, 2)) for name in names},
        kinds={name: (chance.random() < 0.5, chance.random() < 0.5) for name in names},
        batch_max=chance.choice((2, 5, 200)),
        troubled=chance.random() < 0.12,
        busy=chance.random() < 0.4,
    )


class World:
    """One schedule. `run` plays it and answers with what is wrong; nothing is the usual answer."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.loop = VirtualLoop(self.chance)
        self.plan = planned(self.chance)
        self.db = Database(self.loop, {**MEANINGS, **STORY_MEANINGS})
        self.bus = Bus(self.loop)
        self.troubles = Troubles()
        self.blamed: set[UUID] = set()
        """Streams that were poison at some time."""
        self.wrong: list[str] = []
        self.last_loss = 0.0
        """When a process was killed or frozen."""
        self.steps = 0
        self.starts: dict[str, int] = {}
        self.mains: dict[Process, Main] = {}
        self._over = False
        self._numbers = count()
        self.loop.on_death = self._died

    @property
    def names(self) -> list[str]:
        return list(self.plan.consumers)

    def run(self) -> list[str]:
        with _small_world(self.loop, busy=self.plan.busy):
            try:
                self.loop.run_until_complete(self.loop.spawn(self.loop.outside, self._play()))
            except Stuck as stuck:
                self.wrong.append(str(stuck))
            finally:
                self.steps, self._over = self.loop.taken, True
                self.db.down = self.bus.down = True
                self.loop.on_death = lambda process: None
                self.loop.reap()
        return self.wrong

    async def _play(self) -> None:
        self.bus.provision()
        for _ in range(self.plan.relays):
            self.start("relay", self._relay)
        for name, processes in self.plan.consumers.items():
            for _ in range(processes):
                self.start(name, self._consumer(name))
        director = Director(self)
        acts = asyncio.create_task(director.act())
        await self._tell_story()
        await acts
        director.rest()
        await self._settle()
        self.wrong += faults_of(self)

    async def _settle(self) -> None:
        end = self.loop.time() + SETTLE_SECONDS
        asked = False
        while (lacks := calm(self)) is not None:
            if self.loop.time() > end:
                self.wrong.append(f"{SETTLE_SECONDS:.0f} s after the last fault: {lacks}")
                return
            await asyncio.sleep(0.3)
            if lacks == "letters wait" and not asked:
                asked = True
                self.troubles.poison.clear()
                self.troubles.deadly.clear()
                self._ask_for_replays()
            elif lacks == "letters wait":
                self._ask_for_replays()

    def _ask_for_replays(self) -> None:
        from dataclasses import replace

        letters = self.db.tables.letters
        letters.update({key: replace(letter, requested=True) for key, letter in letters.items() if not letter.replayed})

    async def _tell_story(self) -> None:
        """What intake appends: births and what follows, over the time of the plan."""
        streams: list[tuple[str, UUID]] = []
        for _ in range(self.plan.events):
            if self.chance.random() < 0.7:
                await asyncio.sleep(self.chance.expovariate(self.plan.events / self.plan.seconds))
            while self.db.down:
                await asyncio.sleep(0.05)
            born = not streams or self.chance.random() < 0.4
            if born:
                client = self.chance.choice(list(CLIENTS))
                streams.append((client, new_ticket(self.chance.getrandbits(120), CLIENTS[client])))
            client, stream = streams[-1] if born else self.chance.choice(streams)
            await self._tell(client, stream, BIRTH if born else self.chance.choice(LATER))

    async def _tell(self, client: str, stream: UUID, data: Any) -> None:
        lane = CLIENTS[client]
        session = Session(self.db, self.loop.outside)
        while True:
            with suppress(asyncpg.DeadlockDetectedError):  # a frozen consumer may hold the lane for a while
                await self.db.lock(session, ("lane", lane))
                break
        tell(self.db, session, client, stream, data)
        self.db.apply(session)
        self._trouble(stream, self.db.log[lane][-1].id)
        if self.chance.random() < 0.8:
            self.bus.poke(lane)

    def _trouble(self, stream: UUID, event: UUID) -> None:
        if self.plan.troubled and self.chance.random() < 0.1:
            self.troubles.poison.add(stream)
            self.blamed.add(stream)
        if self.plan.troubled and not self.troubles.killed and self.chance.random() < 0.05:
            self.troubles.deadly.add(event)
            self.troubles.killed.add(stream)

    # --- processes

    def start(self, name: str, main: Main) -> None:
        process = Process(f"{name}#{next(self._numbers)}")
        self.starts[name] = self.starts.get(name, 0) + 1
        self.mains[process] = main
        self.loop.spawn(process, self._watched(process, main))

    async def _watched(self, process: Process, main: Main) -> None:
        try:
            await main()
        except Exception as error:  # noqa: BLE001 - a process of ours must not end by itself, whatever happens
            if not self._over:
                self.wrong.append(f"{process.name} ended by itself: {error!r} {getattr(error, 'exceptions', '')}")

    def _died(self, process: Process) -> None:
        self.last_loss = self.loop.time()
        self.db.lose(lambda session: session.process is process)
        again = self.chance.uniform(*RESTART_SECONDS)
        name = process.name.partition("#")[0]
        self.loop.call_later(again, self.start, name, self.mains[process], context=self.loop.outside.context)

    async def _relay(self) -> None:
        holder = UUID(int=self.chance.getrandbits(128))
        pool: Any = self.db.pool()
        client: Any = self.bus.client()
        await Relay(pool, client, Leases(pool, "relay", holder), METRICS).run()

    def _consumer(self, name: str) -> Main:
        together, lanes = self.plan.kinds[name]
        kind = LanesFollower if lanes else Follower

        async def main() -> None:
            pool: Any = self.db.pool()
            handler = kind(name, self.loop, self.troubles, reacts=name == "triage")
            digest = Digest(handler, pool, SystemClock(), METRICS)
            consumer = Consumer(digest, lanes_together=together or lanes, batch_max=self.plan.batch_max)
            client: Any = self.bus.client()
            await consumer.connected(client)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(consumer.run())
                tasks.create_task(Line(self.bus, name).bring(consumer))

        return main


class Uncounted(Metrics):
    """Nobody reads what is counted here, and counting is a fifth of a schedule's time."""

    def event(self, event_type: str, outcome: str, count: int = 1) -> None: ...
    def batch(self, consumer: str, seconds: float) -> None: ...
    def delay(self, consumer: str, seconds: float) -> None: ...
    def behind(self, lags: Mapping[str, Mapping[int, int]]) -> None: ...


METRICS = Uncounted("simulated")


class NoFeeds:
    """No program subscribes over NATS here; the relay's part for them has servers of its own to be tested on."""

    def __init__(self, *_: object) -> None: ...
    def grown(self, lanes: object) -> None: ...

    async def look(self) -> None:
        await asyncio.Event().wait()

    fill = look


@contextmanager
def _small_world(loop: VirtualLoop, *, busy: bool) -> Iterator[None]:
    """The relay and its leases ask time.monotonic how old what they know is, and everybody counts as many lanes. Where
    it is busy, two events are many."""
    with ExitStack() as changes:
        changes.enter_context(patch.object(time, "monotonic", loop.time))
        changes.enter_context(patch.object(relay, "Feeds", NoFeeds))
        for module in (subjects, relay, lease, worker):
            changes.enter_context(patch.object(module, "LANES", LANES))
        for name, value in BUSY.items() if busy else ():
            changes.enter_context(patch.object(detour, name, value))
        yield
