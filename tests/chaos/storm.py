"""A seed enters, a script of faults leaves; played against the ground, with what it took to recover. I/O."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

import asyncpg
from nats.errors import Error as NatsError
from nats.js.api import DeliverPolicy
from nats.js.errors import Error as JetStreamError

from contracts.subjects import STREAM
from services.embedded import nats
from services.kit.bus import connect
from services.kit.bus.provision import durable_config
from tests.chaos.ground import Ground
from tests.chaos.takeover import taken_over

QUIET_SECONDS = 3.0  # after a relay was lost nothing else is done to it, so that its taking over can be measured
LOSSES_SECONDS = 60.0  # at least so often a relay is lost where all else is well
SERVICES = ("web", "relay", "triage", "notification", "reporting", "door")
TELL_SECONDS = 5.0
DOUBLED = 300  # deliveries that come once more


@dataclass(frozen=True)
class Act:
    """One fault: when (seconds from the one before), what, to whom and for how long."""

    after: float
    kind: str
    target: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        seconds = f" {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.kind} {self.target}".strip() + seconds


def script(seed: int, seconds: float) -> list[Act]:
    """What happens in so many seconds. Each kind comes at least once; the disk is full once, the bus wiped once."""
    chance = Random(seed)
    first = [Act(1.0, "kill", "relay"), Act(QUIET_SECONDS + 0.5, "freeze", "relay 2", 2.5)]
    acts = [
        Act(0, "kill", "web"), Act(0, "kill", "triage"), Act(0, "kill", "notification"), Act(0, "kill", "reporting"),
        Act(0, "kill", "postgres"), Act(0, "kill", "nats"), Act(0, "wipe", "bus"), Act(0, "full", "disk", 2.5),
        Act(0, "cut", "database"), Act(0, "cut", "bus"), Act(0, "double", chance.choice(("triage", "reporting"))),
        Act(0, "hold", "bus", 1.5), Act(0, "restart", chance.choice(SERVICES)), Act(0, "freeze", "web", 1.0),
        Act(0, "freeze", "postgres", 1.5),
    ]  # fmt: skip
    pause = max(0.5, (seconds - 9) / len(acts))
    if pause > 3:
        pause = 2.5
        while len(acts) * pause < seconds - 9:
            acts.append(_drawn(chance))
    chance.shuffle(acts)
    acts = [
        Act(chance.uniform(0.3, 1.7) * pause, act.kind, act.target, act.seconds * chance.uniform(0.5, 1.3))
        for act in acts
    ]
    each = max(1, round(LOSSES_SECONDS / pause))
    for place in range(each, len(acts), each + 1):
        acts.insert(place, Act(QUIET_SECONDS * 2, *_loss(chance)))
    return first + acts


def _loss(chance: Random) -> tuple[str, str, float]:
    """A relay is lost after a pause in which everything recovers, so that its lanes' taking over can be judged."""
    relay = chance.choice(("relay", "relay 2"))
    return chance.choice((("kill", relay, 0.0), ("freeze", relay, 2.5)))


def _drawn(chance: Random) -> Act:
    kind = chance.choice(("kill", "kill", "kill", "freeze", "freeze", "restart", "cut", "cut", "hold", "double"))
    match kind:
        case "kill":
            return Act(0, kind, chance.choice((*SERVICES, "relay 2", "postgres", "nats")))
        case "freeze":
            return Act(0, kind, chance.choice((*SERVICES, "relay 2", "nats", "postgres")), chance.uniform(0.5, 4))
        case "restart":
            return Act(0, kind, chance.choice((*SERVICES, "relay 2", "postgres", "nats")))
        case "double":
            return Act(0, kind, chance.choice(("triage", "notification", "reporting")))
        case _:
            return Act(0, kind, chance.choice(("database", "bus")), chance.uniform(0.3, 2) if kind == "hold" else 0)


@dataclass
class Storm:
    """Plays acts. `told` hears of each."""

    ground: Ground
    chance: Random
    told: Callable[[str], None]
    takeovers: list[float] = field(default_factory=list)
    """Seconds from a relay's loss until every lane was renewed by another, where nothing else went on."""
    _loud_until: float = 0.0
    _later: set[asyncio.Task[None]] = field(default_factory=set)

    async def play(self, acts: list[Act]) -> None:
        for act in acts:
            await asyncio.sleep(act.after)
            self.told(str(act))
            quiet = time.monotonic() > self._loud_until and not self._later
            self._loud_until = time.monotonic() + QUIET_SECONDS
            await getattr(self, f"_{act.kind}")(act)
            if quiet and act.kind in {"kill", "freeze"} and act.target.startswith("relay"):
                await self._measure()
        while self._later:
            await asyncio.wait(self._later)

    def _signal(self, target: str, number: signal.Signals) -> bool:
        try:
            os.kill(self.ground.pids[target], number)
        except (ProcessLookupError, FileNotFoundError, LookupError):
            return False
        return True

    async def _kill(self, act: Act) -> None:
        self._signal(act.target, signal.SIGKILL)

    async def _restart(self, act: Act) -> None:
        self._signal(act.target, signal.SIGINT if act.target == "postgres" else signal.SIGTERM)

    async def _freeze(self, act: Act) -> None:
        if self._signal(act.target, signal.SIGSTOP):
            with suppress(FileNotFoundError):
                # Stopped, it makes no more of them.
                frozen = self.ground.family(act.target)
                self._all(frozen[1:], signal.SIGSTOP)
                self._soon(act.seconds, lambda: self._all(frozen[::-1], signal.SIGCONT))

    def _all(self, pids: list[int], number: signal.Signals) -> None:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    async def _measure(self) -> None:
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            took = await taken_over(self.ground.settings, QUIET_SECONDS * 5)
            self.takeovers.append(took)
            self.told(f"every lane was taken over within {took:.2f} s")

    async def _wipe(self, act: Act) -> None:
        await self.ground.nats.hold()
        nats.wipe(self.ground.place)
        self.ground.nats.let_go()

    async def _full(self, act: Act) -> None:
        if not self.ground.has_quota:
            self.told("no disk of its own here: the full disk is left out (it needs root and mount)")
            return
        self.ground.quota(full=True)
        self._soon(act.seconds, lambda: self.ground.quota(full=False))

    async def _cut(self, act: Act) -> None:
        line = self.ground.database_line if act.target == "database" else self.ground.bus_line
        line.cut(self.chance, 0.7)

    async def _hold(self, act: Act) -> None:
        line = self.ground.database_line if act.target == "database" else self.ground.bus_line
        line.hold()
        self._soon(act.seconds, line.release)

    async def _double(self, act: Act) -> None:
        """Has the server deliver again what a durable has had already."""
        with suppress(NatsError, JetStreamError, OSError, TimeoutError):
            async with asyncio.timeout(5):
                client = await connect(self.ground.settings, "owner-chaos", allow_reconnect=False)
                jetstream = client.jetstream()
                last = (await jetstream.stream_info(STREAM)).state.last_seq
                config = durable_config(act.target)
                config.deliver_policy = DeliverPolicy.BY_START_SEQUENCE
                config.opt_start_seq = max(1, last - DOUBLED)
                await jetstream.delete_consumer(STREAM, act.target)
                await jetstream.add_consumer(STREAM, config)
                await client.close()

    def _soon(self, seconds: float, work: Callable[[], None]) -> None:
        async def later() -> None:
            await asyncio.sleep(seconds)
            work()

        task = asyncio.create_task(later())
        self._later.add(task)
        task.add_done_callback(self._later.discard)


async def until(check: Callable[[], Awaitable[str | None]], seconds: float, told: Callable[[str], None]) -> str | None:
    """Waits until nothing is left to be said; what is said at the end of the time."""
    end, tell_at = time.monotonic() + seconds, time.monotonic() + TELL_SECONDS
    while True:
        try:
            lacks = await check()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            lacks = f"the database does not answer: {type(error).__name__}"
        if lacks is None or time.monotonic() > end:
            return lacks
        if time.monotonic() > tell_at:
            tell_at += TELL_SECONDS
            told(lacks)
        await asyncio.sleep(0.25)
