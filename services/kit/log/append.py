"""[Append] -> [Appended]: what one process wants to write, gathered into one checked, committed call. I/O.

While a call is under way, further appends of its lanes wait for the next one; so a lone writer waits for nobody and a
crowd shares a commit. A conflict fails only its own append: the caller reads and decides again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import asyncpg

from contracts.subjects import lane_of
from services.kit.log.asked import (
    Append,
    Appended,
    Backwards,
    Command,
    CommandDone,
    CommandReused,
    Conflict,
    NewEvent,
    NotAppended,
    Overloaded,
)
from services.kit.log.waiting import Prepared, Queue, Row
from services.kit.postgres import Connection, Pool, queries

__all__ = [
    "Append", "Appended", "Appender", "Backwards", "Command", "CommandDone", "CommandReused", "Conflict", "NewEvent",
    "NotAppended", "Overloaded", "append_in",
]  # fmt: skip

SQL = queries("services/kit/log/sql/append.sql")

CALLS = 2  # under way at once, each with lanes of its own


class Appender:
    """Gathers a process's appends. One per process; `close` it at the end.

    Lanes are dealt to CALLS queues. Two calls under way have no lane in common, so neither waits for the other's locks,
    and one is made ready or taken apart here while PostgreSQL works on the other.
    """

    def __init__(self, pool: Pool, committed: Callable[[Iterable[int]], None] = lambda lanes: None) -> None:
        self._pool = pool
        self._committed = committed
        self._queues = [Queue() for _ in range(CALLS)]
        self._calls: dict[int, asyncio.Task[None]] = {}

    async def append(self, append: Append) -> Appended:
        """Writes an append durably. Raises Conflict, Backwards, CommandDone, CommandReused or Overloaded."""
        queue = lane_of(append.events[0].stream) % CALLS
        future: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        self._queues[queue].put(append, future)
        self._start(queue)
        return await future

    async def close(self) -> None:
        """Waits until everything that was asked is written."""
        while self._calls:
            await asyncio.wait(self._calls.values())

    def _start(self, queue: int) -> None:
        if self._queues[queue] and queue not in self._calls:
            task = asyncio.create_task(self._call(queue), name="append")
            self._calls[queue] = task
            task.add_done_callback(lambda _: self._finished(queue))

    def _finished(self, queue: int) -> None:
        del self._calls[queue]
        self._start(queue)

    async def _call(self, queue: int) -> None:
        batch = self._queues[queue].take()
        if not batch:
            return
        try:
            async with self._pool.acquire() as connection:
                results = await _write(connection, [item.prepared for item in batch])
        except BaseException as error:
            for item in batch:
                if not item.done.done():
                    item.done.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        self._committed({result.lane for result in results if isinstance(result, Appended)})
        for item, result in zip(batch, results, strict=True):
            if item.done.done():
                continue
            if isinstance(result, Appended):
                item.done.set_result(result)
            else:
                item.done.set_exception(result)


async def append_in(connection: Connection, appends: Sequence[Append]) -> list[Appended | NotAppended]:
    """Writes appends in the caller's transaction, or in one of its own; answers in the order given.

    Inside a transaction an unwritten append does not undo the others: the caller rolls back where all must hold.
    No stream and no command may stand in two of them.
    """
    return await _write(connection, [Prepared.of(append) for append in appends])


async def _write(connection: Connection, asked: Sequence[Prepared]) -> list[Appended | NotAppended]:
    """Calls until everything that can be written is. The usual call writes all; another leaves out what was refused."""
    results: dict[int, Appended | NotAppended] = {}
    order = sorted(range(len(asked)), key=lambda index: asked[index].lane)
    while order:
        call = Call()
        for index in order:
            call.add(index, asked[index])
        records = await connection.fetch(SQL["append"], sorted(call.lane_counts), call.events, call.commands)
        if records[0]["outcome"] == "ok":
            results.update(call.placed(asked, records))
            break
        for record in records:  # a command that was done comes first: its conflict is only its own first result
            results.setdefault(record["append"], _refusal(record))
        order = [index for index in order if index not in results]
    return [results[index] for index in range(len(asked))]


@dataclass(slots=True)
class Call:
    """The arguments of one call, with every event counted in its lane and its client."""

    events: list[Row] = field(default_factory=list)
    commands: list[Row] = field(default_factory=list)
    lane_counts: dict[int, int] = field(default_factory=dict)
    client_counts: dict[str, tuple[int, int]] = field(default_factory=dict)
    ends: list[tuple[int, int, int, int]] = field(default_factory=list)
    """(append, its last event's count in the lane, in the client, its ticket's count in the client or 0)"""

    def add(self, index: int, asked: Prepared) -> None:
        lane, client = asked.lane, asked.append.client
        in_lane = self.lane_counts.get(lane, 0)
        in_client, tickets = self.client_counts.get(client, (0, 0))
        born = 0
        for event, row in zip(asked.append.events, asked.rows, strict=True):
            in_lane += 1
            in_client += 1
            numbered = 0
            if event.data.type == "ticket.submitted":
                tickets += 1
                born = numbered = tickets
            self.events.append((lane, in_lane, client, in_client, numbered, index, *row))
        self.lane_counts[lane] = in_lane
        self.client_counts[client] = in_client, tickets
        self.ends.append((index, in_lane, in_client, born))
        command = asked.append.command
        if command is not None:
            self.commands.append((index, lane, command.scope, command.id, command.fingerprint, command.answer))

    def placed(self, asked: Sequence[Prepared], records: Sequence[asyncpg.Record]) -> Iterator[tuple[int, Appended]]:
        """Where each append stands, from where its lane and client stood before the call."""
        before = {record["client"]: record for record in records}
        for index, in_lane, in_client, born in self.ends:
            base = before[asked[index].append.client]
            yield (
                index,
                Appended(
                    lane=asked[index].lane,
                    position=base["position_before"] + in_lane,
                    sequence=base["sequence_before"] + in_client,
                    number=base["number_before"] + born if born else None,
                    recorded_at=base["recorded"],
                ),
            )


def _refusal(record: asyncpg.Record) -> NotAppended:
    match record["outcome"]:
        case "duplicate":
            return CommandDone(record["answer"])
        case "other_body":
            return CommandReused("the command's id was used before with another body")
        case "backwards":
            return Backwards("the event happened before the last one of its stream")
        case _:
            return Conflict("the stream has grown since it was read")
