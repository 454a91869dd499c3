"""Events of some lanes and a handler enter; effects, cursors and dead letters leave, in one transaction each. I/O."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable
from uuid import UUID

import asyncpg
from opentelemetry.trace import SpanKind

from contracts.envelope import Recorded
from contracts.model import Event
from services.kit.bus.away import is_away
from services.kit.bus.message import Stored, opened
from services.kit.postgres import Connection, Pool, queries
from services.kit.telemetry import describe, is_received, span, start_span

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from services.kit.clock import Clock
    from services.kit.metrics import Metrics

SQL = queries("services/kit/bus/sql/consumer.sql")

AfterCommit = Callable[[], None]
"""What to do once the effects are committed and cannot be undone: poke the relay, wake a sender. It must not block."""


class Handler(Protocol):
    """What a service does with events. `name` names its cursor and its durable consumer on the bus."""

    @property
    def name(self) -> str: ...

    async def handle(self, lane: int, events: Sequence[Recorded[Event]], connection: Connection) -> AfterCommit | None:
        """Digests events of one lane, in order, each once; only events of a stream that waits for a dead letter miss.

        Runs inside the transaction that also moves the cursor; what it raises undoes everything, and the events are
        tried again one by one. Give what is appended the causing event's `trace`: a batch holds events of many traces.
        """
        ...


@runtime_checkable
class LanesHandler(Handler, Protocol):
    """A handler that takes the events of several lanes in one call, and so in one transaction: one append, one upsert,
    one commit for all. Under load that is worth five times as much as anything else that a handler can do."""

    async def handle_lanes(
        self, batch: Mapping[int, Sequence[Recorded[Event]]], connection: Connection
    ) -> AfterCommit | None:
        """As `handle`, for each lane of the batch; lanes are in ascending order, as locks must be taken."""
        ...


@runtime_checkable
class ChoosyHandler(Handler, Protocol):
    """A handler that knows from the envelope alone that it has nothing to do with an event."""

    def ignores(self, event: Stored) -> bool:
        """Whether this event is nothing to it, whatever its data say: then they are not even decoded. An event that it
        needs to see beside others is not ignored."""
        ...


class CursorMoved(Exception):
    """Another process of the same consumer has digested these events."""


class ProcessDied(Exception):
    """The process died, again and again, while it tried this event."""


class Share(NamedTuple):
    """What follows the cursor of one lane without a hole, and under which span each event was sent. `events` are those
    that the handler wants to see; `ignored` tells the types of the others."""

    lane: int
    after: int
    upto: int
    events: Sequence[Recorded[Event]]
    parents: Sequence[str | None]
    ignored: Sequence[str]
    occurred_at: datetime
    """When the latest of all happened."""
    recorded_at: datetime
    """When the last of all was recorded."""


@dataclass
class Digest:
    """The transactions of one consumer."""

    handler: Handler
    pool: Pool
    clock: Clock
    metrics: Metrics

    async def commit(self, shares: Sequence[Share]) -> None:
        """Digests all shares, in ascending order of lanes, or none. Raises CursorMoved, or what the handler raises."""
        started = time.monotonic()
        with _traced(self.handler.name, shares):
            async with transaction(self.pool) as connection:
                after = await self._effects(shares, connection)
            for call in after:
                call()
        self.metrics.batch(self.handler.name, time.monotonic() - started)
        now = datetime.now(UTC)
        for share in shares:
            self.metrics.delay(self.handler.name, (now - share.recorded_at).total_seconds())
        digested = Counter(event.type for share in shares for event in share.events)
        digested.update(kind for share in shares for kind in share.ignored)
        for kind, count in digested.items():
            self.metrics.event(kind, "digested", count)

    async def _effects(self, shares: Sequence[Share], connection: Connection) -> list[AfterCommit]:
        waiting = await self._move(shares, connection)
        batch: dict[int, Sequence[Recorded[Event]]] = {}
        for share in shares:
            fit = await self._hold_back(share, waiting[share.lane], connection)
            if fit:
                batch[share.lane] = fit
        self.clock.advance(max(share.occurred_at for share in shares))
        if not batch:
            return []
        if isinstance(self.handler, LanesHandler):
            calls = [await self.handler.handle_lanes(batch, connection)]
        else:
            calls = [await self.handler.handle(lane, events, connection) for lane, events in batch.items()]
        return [call for call in calls if call is not None]

    async def _hold_back(self, share: Share, waits: set[UUID], connection: Connection) -> Sequence[Recorded[Event]]:
        """Puts events of waiting streams aside; returns the others."""
        if not waits:
            return share.events
        for event in share.events:
            if event.stream in waits:
                arguments = (share.lane, self.handler.name, event.position, event.stream, event.type)
                await connection.execute(SQL["hold_back"], *arguments)
        return [event for event in share.events if event.stream not in waits]

    async def _move(self, shares: Sequence[Share], connection: Connection) -> dict[int, set[UUID]]:
        """Takes the cursors' locks and moves them; answers which streams of each lane wait."""
        lanes, after, upto = zip(*((share.lane, share.after, share.upto) for share in shares), strict=True)
        rows = await connection.fetch(SQL["move"], self.handler.name, lanes, after, upto)
        if len(rows) < len(shares):
            raise CursorMoved
        return {row["lane"]: set(row["waiting"]) for row in rows}

    async def bury(self, stored: Stored | Recorded[Event], error: BaseException, attempts: int) -> None:
        """Puts one event aside with its error and lets the lane go on; its stream waits. Raises CursorMoved."""
        lane, name, position = stored.lane, self.handler.name, stored.position
        async with transaction(self.pool) as connection:
            moved = await connection.fetch(SQL["move"], name, [lane], [position - 1], [position])
            if not moved:
                raise CursorMoved
            if stored.stream in moved[0]["waiting"]:
                await connection.execute(SQL["hold_back"], lane, name, position, stored.stream, stored.type)
            else:
                await connection.execute(
                    SQL["bury"], lane, name, position, stored.stream, stored.type, describe(error), attempts
                )
        self.metrics.event(stored.type, "dead_lettered")

    async def replay(self, lane: int, stream: UUID) -> tuple[Stored, BaseException] | None:
        """Digests a stream's dead letters in order. Answers which failed again, and with what; None when none did."""
        while True:
            await self.pool.execute(SQL["replay_begins"], lane, self.handler.name, stream)
            tried = await self._replay_first(lane, stream)
            if tried is None:
                return None
            stored, error = tried
            if error is not None:
                arguments = (lane, self.handler.name, stored.position, describe(error))
                await self.pool.execute(SQL["failed_again"], *arguments)
                return stored, error

    async def _replay_first(self, lane: int, stream: UUID) -> tuple[Stored, Exception | None] | None:
        name = self.handler.name
        async with transaction(self.pool) as connection:
            await connection.execute(SQL["lock"], lane, name)
            row = await connection.fetchrow(SQL["first_letter"], lane, name, stream)
            if row is None:
                await connection.execute(SQL["wait_no_more"], lane, name, stream)
                return None
            stored = Stored(*row)
            try:
                async with connection.transaction():  # a savepoint: what the handler breaks must not break the answer
                    with span(f"replay {stored.type}", parent=stored.trace):
                        after = await self.handler.handle(lane, [opened(stored)], connection)
                        await connection.execute(SQL["replayed"], lane, name, stored.position)
            except Exception as error:
                if is_away(error) or connection.is_closed():
                    raise
                return stored, error
        if after is not None:
            after()
        self.metrics.event(stored.type, "replayed")
        return stored, None


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    """A transaction; a connection that was lost in it is told as such, not as a mistake of ours."""
    async with pool.acquire() as connection:
        try:
            async with connection.transaction():
                yield connection
        except asyncpg.InterfaceError as error:
            if connection.is_closed():
                raise ConnectionResetError("the connection to PostgreSQL was lost") from error
            raise


@contextmanager
def _traced(name: str, shares: Sequence[Share]) -> Iterator[None]:
    """One span around the transaction, child of the events' trace or linked to their traces; and where spans are
    received, one in each event's own trace, so that a trace reaches from the request to the last effect."""
    parents = [parent for share in shares for parent in share.parents if parent is not None]
    single = parents[-1] if len({parent[3:35] for parent in parents}) == 1 else None
    own = [] if single or not is_received() else [
        start_span(f"digest {event.type}", parent=parent, kind=SpanKind.CONSUMER, consumer=name,
                   event=f"{share.lane}:{event.position}")
        for share in shares for event, parent in zip(share.events, share.parents, strict=True)
    ]  # fmt: skip
    try:
        links = () if single else parents
        with span(f"digest {name}", parent=single, links=links, kind=SpanKind.CONSUMER):
            yield
    finally:
        for opened_span in own:
            if opened_span is not None:
                opened_span.end()
