"""The tables of the log that relay and consumers use, in memory: transactions, row locks, lost connections. No SQL is
run; each named query that the real code sends has its meaning here.

What a transaction writes is seen by nobody before its commit. A commit may be done and its answer lost.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from services.kit.bus.message import Stored
from tests.chaos.sim.loop import PROCESS, Process, VirtualLoop

LANES = 4  # of the sixteen, so that a schedule takes a third of the time; world.py has the real code agree
LOCK_SECONDS = 5.0  # then a wait is called a deadlock
IDLE_SECONDS = 10.0  # idle_in_transaction_session_timeout of services/kit/postgres.py


@dataclass
class Cursor:
    position: int = 0
    waiting: tuple[UUID, ...] = ()
    begun: int = 0
    begun_at: int = -1
    tried: int = 0
    tried_at: int = -1


@dataclass(frozen=True)
class Letter:
    stream: UUID
    type: str
    replayed: bool = False
    requested: bool = False
    began: bool = False


@dataclass
class Lease:
    holder: UUID
    epoch: int
    expires: float


@dataclass
class Tables:
    """What is committed, or what one transaction has written so far."""

    cursors: dict[tuple[str, int], Cursor] = field(default_factory=dict)
    letters: dict[tuple[int, str, int], Letter] = field(default_factory=dict)
    rows: dict[Any, Any] = field(default_factory=dict)
    """The view of a handler under test, by its own key."""
    effects: list[tuple[str, int, int]] = field(default_factory=list)
    """(consumer, lane, position) in the order of their commits. No key forbids a double here: it is to be seen."""
    appended: list[tuple[int, Stored]] = field(default_factory=list)
    leases: dict[tuple[int, str], Lease] = field(default_factory=dict)

    def copy(self) -> Tables:
        return Tables(
            dict(self.cursors), dict(self.letters), dict(self.rows), list(self.effects), list(self.appended),
            dict(self.leases),
        )  # fmt: skip


class Session:
    """One connection: a transaction's writes, the locks that it holds, and whether the line is whole."""

    def __init__(self, database: Database, process: Process) -> None:
        self.database = database
        self.process = process
        self.closed = False
        self.depth = 0
        self.writes = Tables()
        self.locks: list[Any] = []

    def is_closed(self) -> bool:
        return self.closed

    async def fetch(self, query: str, *arguments: Any) -> Any:
        return await self.database.call(self, query, arguments)

    async def fetchrow(self, query: str, *arguments: Any) -> Any:
        found = await self.fetch(query, *arguments)
        return found[0] if found else None

    fetchval = execute = fetch

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        before = self.writes.copy() if self.depth else None
        self.depth += 1
        try:
            yield
        except BaseException:
            self.depth -= 1
            if before is None:
                self.end()
            else:
                self.writes = before
            raise
        self.depth -= 1
        if self.depth == 0:
            await self.database.commit(self)

    def end(self) -> None:
        """Forgets what was written and gives the locks back."""
        self.writes = Tables()
        self.database.unlock(self)


class MemoryPool:
    """What `services.kit.postgres.Pool` is to one process."""

    def __init__(self, database: Database, process: Process) -> None:
        self._database = database
        self._process = process

    def get_max_size(self) -> int:
        return 5

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Session]:
        session = self._database.connect(self._process)
        try:
            yield session
        finally:
            self._database.disconnect(session)

    async def fetch(self, query: str, *arguments: Any) -> Any:
        async with self.acquire() as session:
            return await self._database.call(session, query, arguments, commits=True)

    async def fetchrow(self, query: str, *arguments: Any) -> Any:
        found = await self.fetch(query, *arguments)
        return found[0] if found else None

    fetchval = execute = fetch


class Database:
    """PostgreSQL as far as the log's queue needs it. `queries` is {SQL text: its meaning}, see queries.py."""

    def __init__(self, loop: VirtualLoop, queries: Mapping[str, Callable[..., Any]]) -> None:
        self.loop = loop
        self.queries = queries
        self.tables = Tables()
        self.log: list[list[Stored]] = [[] for _ in range(LANES)]
        self.down = False
        self.cut_rate = 0.0
        self.slow_rate = 0.0
        self._sessions: set[Session] = set()
        self._locks: dict[Any, Session] = {}
        self._waiters: dict[Any, list[asyncio.Future[None]]] = defaultdict(list)

    def head(self, lane: int) -> int:
        return len(self.log[lane])

    def connect(self, process: Process) -> Session:
        if self.down:
            raise ConnectionRefusedError("PostgreSQL is down")
        session = Session(self, process)
        self._sessions.add(session)
        return session

    def disconnect(self, session: Session) -> None:
        session.closed = True
        session.end()
        self._sessions.discard(session)

    def lose(self, which: Callable[[Session], bool] = lambda session: True) -> None:
        """Cuts connections: what they had not committed is undone."""
        for session in [session for session in self._sessions if which(session)]:
            self.disconnect(session)

    async def call(self, session: Session, query: str, arguments: Sequence[Any], *, commits: bool = False) -> Any:
        """A statement's way there and back, of which one takes time; `commits`: it is a transaction of its own."""
        late = self.loop.chance.random() < 0.5
        await self._travel(session, takes_time=not late)
        if query not in self.queries:
            raise LookupError(f"give this query a meaning in tests/chaos/sim/queries.py: {query[:80]}")
        found = self.queries[query](self, session, *arguments)
        if asyncio.iscoroutine(found):
            found = await found
        if commits:
            self.apply(session)
        await self._travel(session, takes_time=late)
        return found

    async def commit(self, session: Session) -> None:
        late = self.loop.chance.random() < 0.5
        await self._travel(session, takes_time=not late)
        self.apply(session)
        await self._travel(session, takes_time=late)

    def apply(self, session: Session) -> None:
        """The commit itself."""
        writes = session.writes
        self.tables.cursors.update(writes.cursors)
        self.tables.letters.update(writes.letters)
        self.tables.rows.update(writes.rows)
        self.tables.leases.update(writes.leases)
        self.tables.effects.extend(writes.effects)
        for lane, stored in writes.appended:
            self.log[lane].append(stored)
        session.end()

    async def _travel(self, session: Session, *, takes_time: bool) -> None:
        """One way over the network, on which the line may break."""
        if session.closed:
            raise asyncpg.InterfaceError("connection is closed")
        chance = self.loop.chance
        if self.cut_rate and chance.random() < self.cut_rate:
            self.disconnect(session)
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
        if not takes_time:
            return
        slow = self.slow_rate and chance.random() < self.slow_rate
        await asyncio.sleep(chance.uniform(0.05, 0.6) if slow else 0.0004)
        if self.down or session not in self._sessions:
            self.disconnect(session)
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

    async def lock(self, session: Session, key: Any) -> None:
        """A row's lock, held to the end of the transaction."""
        while self._locks.get(key, session) is not session:
            waiter: asyncio.Future[None] = self.loop.create_future()
            self._waiters[key].append(waiter)
            try:
                async with asyncio.timeout(LOCK_SECONDS):
                    await waiter
            except TimeoutError:
                raise asyncpg.DeadlockDetectedError("deadlock detected") from None
            if session.closed:
                raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
        if key not in self._locks:
            self._locks[key] = session
            session.locks.append(key)

    def unlock(self, session: Session) -> None:
        for key in session.locks:
            del self._locks[key]
            for waiter in self._waiters.pop(key, ()):
                if not waiter.done():
                    waiter.set_result(None)
        session.locks = []

    def end_idle(self, process: Process) -> None:
        """A frozen process's transactions are ended by the server after a while."""
        self.loop.call_later(IDLE_SECONDS, self._lose_if_frozen, process, context=self.loop.outside.context)

    def _lose_if_frozen(self, process: Process) -> None:
        if process.frozen:
            self.lose(lambda session: session.process is process)

    def cursor(self, session: Session, name: str, lane: int) -> Cursor:
        return session.writes.cursors.get((name, lane)) or self.tables.cursors.get((name, lane)) or Cursor()

    def pool(self) -> MemoryPool:
        """A pool of the process that asks."""
        return MemoryPool(self, PROCESS.get())
