"""What happens to a world while its story is told: drawn from its seed, over when the story is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from services.kit.bus.worker import STARTS_MAX
from services.kit.log.lease import LEASE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.chaos.sim.loop import Process
    from tests.chaos.sim.world import World

FAULTS_MAX = 6
TAKEN_OVER_SECONDS = 2.0  # after the last renewal of one that was lost
LATENCY_SECONDS = 0.05  # of the questions in memory


class Director:
    """Plays the faults of one schedule."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._chance = world.chance
        self._loop = world.loop
        self._calm_database = self._chance.random() < 0.3
        world.bus.deliveries = self._chance.choice((0.0, 0.1, 0.4))
        world.bus.lose_rate = self._chance.choice((0.0, 0.0, 0.05))
        if not self._calm_database:
            world.db.cut_rate = self._chance.choice((0.0, 0.0, 0.01, 0.05))
            world.db.slow_rate = self._chance.choice((0.0, 0.0, 0.02))

    async def act(self) -> None:
        kinds: list[Callable[[], Awaitable[None]]] = [
            self._kill, self._kill, self._kill_at_a_step, self._kill_at_a_step, self._freeze, self._freeze,
            self._bus_away, self._bus_away, self._wipe,
        ]  # fmt: skip
        if not self._calm_database:
            kinds += [self._cut, self._cut, self._database_away]
        for _ in range(self._chance.randint(0, FAULTS_MAX)):
            await asyncio.sleep(self._chance.uniform(0, self._world.plan.seconds / 2))
            await self._chance.choice(kinds)()

    def rest(self) -> None:
        """Every fault is over."""
        world = self._world
        world.db.down = world.bus.down = False
        world.db.cut_rate = world.db.slow_rate = world.bus.lose_rate = world.bus.deliveries = 0.0
        for process in self._loop.processes:
            process.dies_at = None
            process.frozen = False

    def _victim(self, kind: str = "") -> Process | None:
        """A living process that may be killed. A consumer puts an event aside that seems to kill its processes, and
        here nobody but the deadly ones should."""
        found = [
            process
            for process in self._loop.processes
            if process.runs and process is not self._loop.outside and process.name.startswith(kind)
            and self._may_die(process.name.partition("#")[0])
        ]  # fmt: skip
        return self._chance.choice(found) if found else None

    def _may_die(self, name: str) -> bool:
        waiting = sum(p.dies_at is not None and p.name.startswith(name) for p in self._loop.processes if p.alive)
        return name == "relay" or (not self._world.plan.troubled and self._world.starts[name] + waiting < STARTS_MAX)

    async def _kill(self) -> None:
        process = self._victim()
        if process is not None:
            self._loop.kill(process)
            self._watch_lanes()

    async def _kill_at_a_step(self) -> None:
        process = self._victim()
        if process is not None and process.dies_at is None:
            process.dies_at = process.count + self._chance.randint(1, 120)

    async def _freeze(self) -> None:
        found = [process for process in self._loop.processes if process.runs and process is not self._loop.outside]
        if not found:
            return
        process = self._chance.choice(found)
        process.frozen = True
        self._world.last_loss = self._loop.time()
        self._world.db.end_idle(process)
        seconds = self._chance.choice((0.1, 0.7, 2.5, 2.5, 2.5, 12.0))
        self._loop.call_later(seconds, setattr, process, "frozen", False, context=self._loop.outside.context)
        self._watch_lanes()

    async def _bus_away(self) -> None:
        bus = self._world.bus
        bus.down = True
        if self._chance.random() < 0.4:
            bus.lose_tail(self._chance.randint(1, 5))
        await asyncio.sleep(self._chance.uniform(0.05, 1.5))
        bus.come_back()

    async def _wipe(self) -> None:
        self._world.bus.wipe()

    async def _cut(self) -> None:
        self._world.db.lose(lambda session: self._chance.random() < 0.6)

    async def _database_away(self) -> None:
        self._world.db.down = True
        self._world.db.lose()
        await asyncio.sleep(self._chance.uniform(0.05, 1.5))
        self._world.db.down = False

    def _watch_lanes(self) -> None:
        """With a calm database no lane has a lease that ran out, two seconds after a relay was lost."""
        if self._calm_database:
            self._loop.call_later(TAKEN_OVER_SECONDS, self._taken_over, context=self._loop.outside.context)

    def _taken_over(self) -> None:
        now, seconds = self._loop.time(), TAKEN_OVER_SECONDS - LEASE_SECONDS
        if self._world.last_loss > now - TAKEN_OVER_SECONDS:
            return  # whoever was about to take over was lost, too
        if not any(process.runs and process.name.startswith("relay") for process in self._loop.processes):
            return
        late = [
            lane
            for (lane, purpose), lease in self._world.db.tables.leases.items()
            if purpose == "relay" and now - 60 < lease.expires < now - seconds - LATENCY_SECONDS
        ]
        if late:
            self._world.wrong.append(f"lanes {late} had no relay {TAKEN_OVER_SECONDS:.0f} s after one was lost")
