"""How far the views are -> signals to whoever watches: which ticket changed, never what is in it. I/O.

One task asks how far the queue's view has come, when the reporting consumer pokes it and once a second anyway; what has
come since is told to every watcher. So a row is announced after readers can see it, with or without the bus. A watcher
who does not keep up loses signals, not memory: he is told to read anew. For watchers of some clients it is read under
row-level security, once for all watchers of the same clients, and only where their lanes have grown.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import asyncpg

from contracts.subjects import LANES, lane_of_client
from services.kit.postgres import Pool, queries
from services.kit.telemetry import describe, log_message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nats.aio.client import Client
    from nats.aio.msg import Msg

    from services.reporting.narrow import Narrow

SQL = queries("services/reporting/sql/feed.sql")
LOG = logging.getLogger("daybook.feed")

POKES = "poke.reporting.*"
LOOK_SECONDS = 1.0
BLIND_SECONDS = 10.0  # without a look that succeeded; a slow query and a retry are no reason to alarm anybody
EVENTS_MAX = 1_000  # of one lane told in one round; whoever was away for more reads anew
SIGNALS_MAX = 500  # kept for one watcher who does not read
WATCHERS_MAX = 2_000  # of one process; each is told of every change
WATCHERS_OF_ONE_MAX = 50  # of one token: a person's open tabs


def poke(lane: int) -> str:
    """Where the reporting consumer says, after a commit, that the views have grown. Plain NATS, no payload; who hears
    it asks for all lanes, so of several one is named."""
    return f"poke.reporting.{lane}"


Positions = tuple[int, ...]
"""A position for each lane."""


class Signal(NamedTuple):
    """A ticket changed. `at` is how far its receiver has come with it."""

    lane: int
    position: int
    client: str
    reference: str
    ticket: UUID
    kind: str
    at: Positions


class Lost(NamedTuple):
    """There was too much to tell: read anew, and go on from here."""

    at: Positions


@dataclass(eq=False)
class Watcher:
    """One receiver of signals. `clients` None: all."""

    clients: frozenset[str] | None
    since: Positions
    token: str = ""
    signals: list[Signal | Lost] = field(default_factory=list)
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, signals: Iterable[Signal | Lost], at: Positions) -> None:
        """Keeps what concerns this watcher until it is fetched; too much of it is dropped, and said so."""
        wanted = self.concerning(signals)
        if len(self.signals) + len(wanted) > SIGNALS_MAX:
            self.signals = [Lost(at)]
        else:
            self.signals += wanted
        if self.signals:
            self.woken.set()

    def concerning(self, signals: Iterable[Signal | Lost]) -> Sequence[Signal | Lost]:
        """Those of its clients."""
        clients = self.clients
        return [signal for signal in signals if clients is None or isinstance(signal, Lost) or signal.client in clients]

    async def next(self, seconds: float) -> Sequence[Signal | Lost]:
        """What was told since the last time; nothing when the time is over."""
        try:
            async with asyncio.timeout(seconds):
                await self.woken.wait()
        except TimeoutError:
            return ()
        self.woken.clear()
        taken, self.signals = self.signals, []
        return taken


class Feed:
    """The watchers of one process, and the task that tells them."""

    def __init__(self, pool: Pool, narrow: Narrow, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._narrow = narrow
        self._monotonic = monotonic
        self._looked: float | None = None
        self._seen: Positions | None = None
        self._watchers: set[Watcher] = set()
        self._poked = asyncio.Event()

    @property
    def looks(self) -> bool:
        """Whether a change would be told now: the last look that succeeded is not long ago."""
        return self._looked is not None and self._monotonic() - self._looked < BLIND_SECONDS

    async def run(self) -> None:
        """Tells the watchers, until cancelled. Whatever a look fails with, the next is made: screens wait for it."""
        while True:
            try:
                await self._look()
                self._looked = self._monotonic()
            except Exception as error:  # noqa: BLE001  logged; and `looks` tells every watcher when it goes on failing
                log_message(LOG, "feed_blind", logging.WARNING, error=describe(error))
                await asyncio.sleep(LOOK_SECONDS)
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._poked.wait()
            except TimeoutError:
                continue
            self._poked.clear()

    async def listen(self, client: Client) -> None:
        """Looks at once whenever the reporting consumer says that a lane has grown."""

        async def poked(_: Msg) -> None:
            if self._watchers:  # a look for nobody is made once a second, so that who comes has missed little
                self._poked.set()

        await client.subscribe(POKES, cb=poked)

    @contextmanager
    def watch(self, clients: frozenset[str] | None, token: str = "") -> Iterator[Watcher]:
        """A watcher, told of everything from now on. Ask `has_room_for` before."""
        watcher = Watcher(clients, self._seen or (0,) * LANES, token)
        self._watchers.add(watcher)
        self._poked.set()
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)

    def has_room_for(self, token: str) -> bool:
        """Whether one more may watch with this token."""
        if len(self._watchers) >= WATCHERS_MAX:
            return False
        return sum(watcher.token == token for watcher in self._watchers) < WATCHERS_OF_ONE_MAX

    async def between(
        self, after: Positions, upto: Positions, clients: frozenset[str] | None = None
    ) -> Sequence[Signal | Lost]:
        """What a watcher of these clients (None: of all) has missed who was away."""
        theirs = range(LANES) if clients is None else {lane_of_client(client) for client in clients}
        lanes = [lane for lane in sorted(theirs) if after[lane] < upto[lane]]
        if any(upto[lane] - after[lane] > EVENTS_MAX for lane in lanes):
            return [Lost(upto)]
        return await self._read(after, upto, lanes, clients) if lanes else []

    async def _look(self) -> None:
        rows = await self._pool.fetch(SQL["progress"])
        now = tuple(row["position"] for row in rows)
        seen, self._seen = self._seen or now, now
        if seen == now:
            return
        alike: dict[frozenset[str] | None, list[Watcher]] = defaultdict(list)
        for watcher in self._watchers:
            alike[watcher.clients].append(watcher)
        for clients, watchers in sorted(alike.items(), key=lambda group: group[0] is not None):
            signals = await self.between(seen, now, clients)
            for watcher in watchers:
                watcher.tell(signals, now)

    async def _read(
        self, after: Positions, upto: Positions, lanes: Sequence[int], clients: frozenset[str] | None
    ) -> Sequence[Signal]:
        reader = self._pool if clients is None else self._narrow.only(clients)
        rows = await reader.fetch(
            SQL["changes"], lanes, [after[lane] for lane in lanes], [upto[lane] for lane in lanes], EVENTS_MAX
        )
        last: dict[UUID, asyncpg.Record] = {}
        born = {row["ticket"] for row in rows if row["type"] == "ticket.submitted"}
        for row in rows:
            last[row["ticket"]] = row
        at = list(after)
        signals = []
        for row in sorted(last.values(), key=lambda row: (row["lane"], row["position"])):
            at[row["lane"]] = row["position"]
            kind = "ticket.submitted" if row["ticket"] in born else row["type"]
            reference = f"{row['prefix']}-{row['number']}"
            signals.append(
                Signal(row["lane"], row["position"], row["client"], reference, row["ticket"], kind, tuple(at))
            )
        return signals
