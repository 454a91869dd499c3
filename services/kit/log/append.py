"""[Append] -> [Appended]: what one process wants to write, gathered into one checked, committed call. I/O.

While a call is under way, further appends wait for the next one; so a lone writer waits for nobody and a crowd shares
a commit. A conflict fails only its own append: the caller reads and decides again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from contracts.catalogue import encode
from contracts.envelope import Origin, head_bytes
from contracts.model import Event, Seal
from contracts.subjects import lane_of
from services.kit.postgres import Connection, Pool, queries

SQL = queries("services/kit/log/sql/append.sql")

BATCH_MAX = 500  # events in one call; more would hold the lanes' locks for longer than a caller wants to wait
CALLS_MAX = 2  # under way at once: one in PostgreSQL, one being made ready or taken apart here
WAITING_MAX = 20_000  # events; beyond it callers are refused at once instead of waiting in vain


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to append. `version` is its number in the stream; `occurred_at` is None for what happens now."""

    id: UUID
    stream: UUID
    version: int
    data: Event
    actor: str
    seal: Seal | None = None
    causation: str | None = None
    origin: Origin = Origin.LIVE
    occurred_at: datetime | None = None
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """A command's id within its scope (token and client), its body's fingerprint, and what to answer ever after."""

    scope: str
    id: str
    fingerprint: bytes
    answer: bytes


@dataclass(frozen=True, slots=True)
class Append:
    """The events of one command: one client, so one lane; written together or not at all."""

    client: str
    events: Sequence[NewEvent]
    command: Command | None = None


@dataclass(frozen=True, slots=True)
class Appended:
    """Where an append's last event stands. `number` is the new ticket's, where one was born."""

    lane: int
    position: int
    sequence: int
    number: int | None
    recorded_at: datetime
    occurred_at: datetime


class NotAppended(Exception):
    """An append that was not written. Nothing of it is in the log."""


class Conflict(NotAppended):
    """The stream has grown since it was read: read and decide again."""


class Backwards(NotAppended):
    """An event says that it happened before the last one of its stream."""


class CommandDone(NotAppended):
    """The command was done before; `answer` is what it was answered."""

    def __init__(self, answer: bytes) -> None:
        super().__init__("the command was done before")
        self.answer = answer


class CommandReused(NotAppended):
    """The command's id was used before with another body."""


class Overloaded(NotAppended):
    """More events wait than the process keeps; try again later."""


Waiting = tuple[Append, "asyncio.Future[Appended]"]


class Appender:
    """Gathers a process's appends. Open it once per process with `async with`, or call `close` at its end."""

    def __init__(self, pool: Pool, committed: Callable[[Iterable[int]], None] = lambda lanes: None) -> None:
        self._pool = pool
        self._committed = committed
        self._waiting: deque[Waiting] = deque()
        self._calls: set[asyncio.Task[None]] = set()

    async def append(self, append: Append) -> Appended:
        """Writes an append durably. Raises Conflict, Backwards, CommandDone, CommandReused or Overloaded."""
        if len(self._waiting) >= WAITING_MAX:
            raise Overloaded("too many appends wait for the log; try again later")
        future: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        self._waiting.append((append, future))
        self._start()
        return await future

    async def close(self) -> None:
        """Waits for the calls under way. What is still waiting is written first."""
        while self._waiting or self._calls:
            self._start()
            await asyncio.wait(self._calls)

    def _start(self) -> None:
        if self._waiting and len(self._calls) < CALLS_MAX:
            task = asyncio.create_task(self._call(), name="append")
            self._calls.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._calls.discard(task)
        self._start()

    async def _call(self) -> None:
        batch = take_batch(self._waiting)
        if not batch:
            return
        try:
            async with self._pool.acquire() as connection:
                results = await append_in(connection, [append for append, _ in batch])
        except BaseException as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        self._committed({result.lane for result in results if isinstance(result, Appended)})
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():
                continue
            if isinstance(result, Appended):
                future.set_result(result)
            else:
                future.set_exception(result)


def take_batch(waiting: deque[Waiting]) -> list[Waiting]:
    """The next appends for one call, oldest first. A second append of a stream or command waits for the call after."""
    batch: list[Waiting] = []
    later: list[Waiting] = []
    taken: set[object] = set()
    size = 0
    while waiting and size < BATCH_MAX:
        item = waiting.popleft()
        append, future = item
        if future.cancelled():
            continue
        keys: set[object] = {event.stream for event in append.events}
        if append.command is not None:
            keys.add((append.command.scope, append.command.id))
        if taken.isdisjoint(keys):
            batch.append(item)
            size += len(append.events)
        else:
            later.append(item)
        taken |= keys
    waiting.extendleft(reversed(later))
    return batch


async def append_in(connection: Connection, appends: Sequence[Append]) -> list[Appended | NotAppended]:
    """Writes appends in the caller's transaction, or in one of its own; answers in the order given.

    Inside a transaction an unwritten append does not undo the others: the caller rolls back where all must hold.
    """
    order = sorted(range(len(appends)), key=lambda index: lane_of(appends[index].events[0].stream))
    rows: list[tuple[Any, ...]] = []
    commands: list[tuple[Any, ...]] = []
    for index in order:
        append = appends[index]
        rows.extend(_row(index, append.client, event) for event in append.events)
        if append.command is not None:
            command = append.command
            lane = lane_of(append.events[0].stream)
            commands.append((index, lane, command.scope, command.id, command.fingerprint, command.answer))
    columns = list(zip(*rows, strict=True))
    command_columns = list(zip(*commands, strict=True)) if commands else [()] * 6
    records = await connection.fetch(SQL["append"], *columns, *command_columns)
    results: list[Appended | NotAppended] = [Conflict("the log gave no answer for this append")] * len(appends)
    for record in records:
        results[record["append"]] = _result(record, lane_of(appends[record["append"]].events[0].stream))
    return results


def _row(index: int, client: str, event: NewEvent) -> tuple[Any, ...]:
    data = event.data
    kind, schema_version, origin = data.type, data.schema_version, event.origin.value
    head = head_bytes(
        event_id=event.id,
        client=client,
        stream=event.stream,
        version=event.version,
        type=kind,
        schema_version=schema_version,
        actor=event.actor,
        causation=event.causation,
        origin=origin,
        trace=event.trace,
    )
    return (
        index, lane_of(event.stream), client, event.stream, event.version, event.id, kind, schema_version, event.actor,
        event.causation, origin, event.occurred_at, event.trace, kind == "ticket.submitted", head,
        encode(data, event.seal),
    )  # fmt: skip


def _result(record: asyncpg.Record, lane: int) -> Appended | NotAppended:
    match record["outcome"]:
        case "ok":
            return Appended(
                lane=lane,
                position=record["last_position"],
                sequence=record["last_sequence"],
                number=record["ticket_number"],
                recorded_at=record["recorded"],
                occurred_at=record["occurred"],
            )
        case "duplicate":
            return CommandDone(record["answer"])
        case "other_body":
            return CommandReused("the command's id was used before with another body")
        case "backwards":
            return Backwards("the event happened before the last one of its stream")
        case _:
            return Conflict("the stream has grown since it was read")
