"""[Append] that were asked for -> the next call's batch, oldest first, within limits of events and bytes. No I/O.

An append's rows are made in its caller's own time, not while a call holds the lanes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from contracts.catalogue import encode
from contracts.envelope import head_bytes
from contracts.model import refuse_plain
from contracts.subjects import lane_of
from services.kit.log.asked import Append, Appended, Backwards, NewEvent, Overloaded

BATCH_MAX = 500  # events in one call; more would hold the lanes' locks for longer than a caller wants to wait
BATCH_BYTES_MAX = 8_000_000  # the same for large events; one append alone may be larger
WAITING_MAX = 20_000  # events of one queue; beyond it callers are refused at once instead of waiting in vain
WAITING_BYTES_MAX = 64_000_000  # what they may hold of the process's memory
EVENT_BYTES = 1_000  # of memory, about, beside an event's payload

Row = tuple[Any, ...]


@dataclass(slots=True)
class Prepared:
    """An append with its lane and the columns of its events that don't depend on the call."""

    append: Append
    lane: int
    rows: list[Row]
    size_bytes: int

    @classmethod
    def of(cls, append: Append) -> Prepared:
        """Raises Backwards where its own events run backwards; against what is stored the database holds them.

        Raises ValueError where some events tell their time and others leave it to the database, whose order nobody
        could hold, and pydantic's serialization error where personal text has nobody's seal.
        """
        if len({event.occurred_at is None for event in append.events}) > 1:
            raise ValueError("either every event of an append tells when it happened, or none does")
        told: dict[UUID, datetime] = {}
        for event in append.events:
            at = event.occurred_at
            if at is not None and at < told.setdefault(event.stream, at):
                raise Backwards("the event happened before the last one of its stream")
            if at is not None:
                told[event.stream] = at
        rows = [_row(event, append.client) for event in append.events]
        size = sum(EVENT_BYTES + len(row[-1]) for row in rows)
        return cls(append, lane_of(append.events[0].stream), rows, size)


def _row(event: NewEvent, client: str) -> Row:
    data = event.data
    kind, schema_version, origin = data.type, data.schema_version, event.origin.value
    head = head_bytes(
        event_id=event.id,
        client=client,
        stream=event.stream,
        version=event.version,
        event_type=kind,
        schema_version=schema_version,
        actor=event.actor,
        causation=event.causation,
        origin=origin,
        trace=event.trace,
    )
    return (
        event.stream, event.version, event.id, kind, schema_version, event.actor, event.causation, origin,
        event.occurred_at, event.trace, head, encode(data, event.seal or refuse_plain),
    )  # fmt: skip


@dataclass(slots=True)
class Waiting:
    """An append on its way."""

    prepared: Prepared
    done: asyncio.Future[Appended]


class Queue:
    """Appends that wait for a call, with how many events and bytes they are."""

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()
        self._events = 0
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, append: Append, done: asyncio.Future[Appended]) -> None:
        """Lets an append wait. Raises Overloaded, and what Prepared.of raises."""
        if self._events >= WAITING_MAX or self._bytes >= WAITING_BYTES_MAX:
            raise Overloaded("too many appends wait for the log; try again later")
        self._hold(Waiting(Prepared.of(append), done))

    def take(self) -> list[Waiting]:
        """The next appends for one call. A second append of a stream or command waits for the call after."""
        batch: list[Waiting] = []
        later: list[Waiting] = []
        taken: set[object] = set()
        events = size = 0
        while self._waiting and events < BATCH_MAX and size < BATCH_BYTES_MAX:
            item = self._waiting.popleft()
            append = item.prepared.append
            self._events -= len(append.events)
            self._bytes -= item.prepared.size_bytes
            if item.done.cancelled():
                continue
            keys: set[object] = {event.stream for event in append.events}
            if append.command is not None:
                keys.add((append.command.scope, append.command.id))
            if taken.isdisjoint(keys):
                batch.append(item)
                events += len(append.events)
                size += item.prepared.size_bytes
            else:
                later.append(item)
            taken |= keys
        for item in reversed(later):
            self._hold(item, first=True)
        return batch

    def _hold(self, item: Waiting, *, first: bool = False) -> None:
        (self._waiting.appendleft if first else self._waiting.append)(item)
        self._events += len(item.prepared.append.events)
        self._bytes += item.prepared.size_bytes
