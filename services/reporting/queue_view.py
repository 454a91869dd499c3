"""Events of one lane -> the queue's rows, history and counts, in the caller's transaction. I/O; line.py has the rules.

A ticket's row knows the version that it has digested, so an event that comes twice changes nothing. What a ticket was
before an event is remembered, or folded again from the log; a remembered one is used only at exactly that version.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

from contracts.envelope import Recorded
from contracts.model import Event
from services.kit.configuration import Books
from services.kit.log.read import recorded
from services.kit.postgres import Connection, queries
from services.reporting.line import Changes, Line, Row, Version, array, line_of, row_of
from services.reporting.sla.tale import Tale, told
from services.reporting.sla.tales import Tales

SQL = queries("services/reporting/sql/queue_write.sql")

LINES_MAX = 10_000  # folded tickets that a process remembers, about 2 kB each
FAMILIES = ("ticket.", "sla.")


class QueueView:
    """Keeps the queue. One per process that writes to it."""

    name = "queue"

    def __init__(self, tales: Tales | None = None) -> None:
        self._lines: OrderedDict[UUID, Line] = OrderedDict()
        self._tales = tales or Tales()

    async def apply(self, lane: int, events: Sequence[Recorded[Event]], connection: Connection) -> None:
        """Digests events of a lane, in order. What was digested before is left out."""
        streams: dict[UUID, list[Recorded[Event]]] = {}
        for event in events:
            if event.type.startswith(FAMILIES):
                streams.setdefault(event.stream, []).append(event)
        if not streams:
            return
        known = {row["ticket"]: row["version"] for row in await connection.fetch(SQL["versions"], lane, list(streams))}
        streams = {stream: fresh for stream, fresh in streams.items() if fresh[-1].version > known.get(stream, 0)}
        books = await self._tales.with_targets(connection, {fresh[0].client for fresh in streams.values()})
        tales = self._clocked(streams, known, books)
        forgotten = {
            stream
            for stream in streams
            if self._remembered(stream, known.get(stream, 0)) is None or tales.get(stream, ...) is None
        }
        earlier = await self._earlier(lane, streams, forgotten, connection)
        changes = Changes()
        for stream, fresh in streams.items():
            version, read = known.get(stream, 0), fresh
            line, tale = self._remembered(stream, version), tales.get(stream)
            if stream in forgotten:
                read = [*earlier.get(stream, ()), *fresh]
                before = [event for event in read if event.version <= version]
                line = line_of(before) if before else None
                tale = told(Tale(books[fresh[0].client]), before) if stream in tales else None
            if tale is not None:
                changes.tales[stream] = tale
                self._tales.keep(stream, tale)
            changes.follow(stream, line, (event for event in read if event.version > version))
        await write(connection, lane, changes)
        self._remember(changes.lines)

    def _clocked(
        self, streams: Mapping[UUID, Sequence[Recorded[Event]]], known: Mapping[UUID, int], books: Mapping[str, Books]
    ) -> Mapping[UUID, Tale | None]:
        """The tickets whose clocks may be due, each with its tale as far as the view has it; None: to be told anew."""
        return {
            stream: self._tales.at(stream, known.get(stream, 0), books[fresh[0].client])
            for stream, fresh in streams.items()
            if fresh[0].client in books
        }

    async def _earlier(
        self,
        lane: int,
        streams: Mapping[UUID, Sequence[Recorded[Event]]],
        forgotten: Collection[UUID],
        connection: Connection,
    ) -> Mapping[UUID, Sequence[Recorded[Event]]]:
        """The events before these of every ticket that is not remembered as the view has it."""
        asked = {
            stream: fresh[0].version - 1
            for stream, fresh in streams.items()
            if fresh[0].version > 1 and stream in forgotten
        }
        if not asked:
            return {}
        rows = await connection.fetch(SQL["streams"], lane, list(asked), list(asked.values()))
        return {stream: list(found) for stream, found in groupby(recorded(rows), attrgetter("stream"))}

    def _remembered(self, stream: UUID, version: int) -> Line | None:
        line = self._lines.get(stream)
        return line if line is not None and line.held.version == version else None

    def _remember(self, lines: Mapping[UUID, Line]) -> None:
        for stream, line in lines.items():
            self._lines[stream] = line
            self._lines.move_to_end(stream)
        while len(self._lines) > LINES_MAX:
            self._lines.popitem(last=False)


async def write(connection: Connection, lane: int, changes: Changes) -> None:
    """Writes what some events of one lane have changed."""
    if changes.lines:
        columns = _columns(map(row_of, changes.lines.values()), Row._fields.index("tags"))
        await connection.execute(SQL["put_tickets"], *columns)
    if changes.history:
        await connection.execute(SQL["put_history"], *_columns(changes.history, Version._fields.index("tags")))
    await write_counts(connection, lane, changes)


def _columns(rows: Iterable[Sequence[Any]], tags: int) -> list[Sequence[Any]]:
    """Rows as columns. A list of lists of tags goes as array literals: unnest would make one column of all of them."""
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    columns[tags] = [array(value) for value in columns[tags]]
    return columns


async def write_counts(connection: Connection, lane: int, changes: Changes) -> None:
    """Adds the differences to the counts."""
    cells = sorted((cell, change) for cell, change in changes.counts.items() if change)
    if cells:
        counted = zip(*((*cell, change) for cell, change in cells), strict=True)
        await connection.execute(SQL["count"], lane, *counted)
    days = sorted(key for key in {*changes.created, *changes.ended} if changes.created[key] or changes.ended[key])
    if days:
        by_day = zip(*((*key, changes.created[key], changes.ended[key]) for key in days), strict=True)
        await connection.execute(SQL["count_days"], lane, *by_day)
