"""Events of some lanes -> the queue's rows, history and counts, in the caller's transaction. I/O; rules: line.py.

A ticket's row knows the version that it has digested, so an event that comes twice changes nothing. What a ticket was
before an event is remembered, or folded again from the log; a remembered one is used only at exactly that version.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain, groupby
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

LINES_MAX = 4_000  # folded tickets that a process remembers, about 9 kB each with what they hold of their events
FAMILIES = ("ticket.", "sla.")


class QueueView:
    """Keeps the queue. One per process that writes to it."""

    name = "queue"

    def __init__(self, tales: Tales | None = None) -> None:
        self._lines: OrderedDict[UUID, Line] = OrderedDict()
        self._tales = tales or Tales()

    async def apply(self, batch: Mapping[int, Sequence[Recorded[Event]]], connection: Connection) -> None:
        """Digests events of some lanes, each in order. What was digested before is left out."""
        streams: dict[UUID, list[Recorded[Event]]] = {}
        for event in chain.from_iterable(batch.values()):
            if event.type.startswith(FAMILIES):
                streams.setdefault(event.stream, []).append(event)
        if not streams:
            return
        lanes = [fresh[0].lane for fresh in streams.values()]
        rows = await connection.fetch(SQL["versions"], lanes, list(streams))
        known = {row["ticket"]: row["version"] for row in rows}
        streams = {stream: fresh for stream, fresh in streams.items() if fresh[-1].version > known.get(stream, 0)}
        books = await self._tales.with_targets(connection, {fresh[0].client for fresh in streams.values()})
        tales = self._clocked(streams, known, books)
        forgotten = {
            stream
            for stream in streams
            if self._remembered(stream, known.get(stream, 0)) is None or tales.get(stream, ...) is None
        }
        earlier = await self._earlier(streams, forgotten, connection)
        changes: defaultdict[int, Changes] = defaultdict(Changes)
        for stream, fresh in streams.items():
            version, read = known.get(stream, 0), fresh
            line, tale = self._remembered(stream, version), tales.get(stream)
            if stream in forgotten:
                read = [*earlier.get(stream, ()), *fresh]
                before = [event for event in read if event.version <= version]
                line = line_of(before) if before else None
                tale = told(Tale(books[fresh[0].client]), before) if stream in tales else None
            of_lane = changes[fresh[0].lane]
            if tale is not None:
                of_lane.tales[stream] = tale
                self._tales.keep(stream, tale)
            of_lane.follow(stream, line, (event for event in read if event.version > version))
        await write(connection, changes)
        self._remember(changes.values())

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
        streams: Mapping[UUID, Sequence[Recorded[Event]]],
        forgotten: Collection[UUID],
        connection: Connection,
    ) -> Mapping[UUID, Sequence[Recorded[Event]]]:
        """The events before these of every ticket that is not remembered as the view has it."""
        asked = [
            (fresh[0].lane, stream, fresh[0].version - 1)
            for stream, fresh in streams.items()
            if fresh[0].version > 1 and stream in forgotten
        ]
        if not asked:
            return {}
        rows = await connection.fetch(SQL["streams"], *zip(*asked, strict=True))
        return {stream: list(found) for stream, found in groupby(recorded(rows), attrgetter("stream"))}

    def _remembered(self, stream: UUID, version: int) -> Line | None:
        line = self._lines.get(stream)
        return line if line is not None and line.held.version == version else None

    def _remember(self, changes: Iterable[Changes]) -> None:
        for stream, line in chain.from_iterable(of_lane.lines.items() for of_lane in changes):
            self._lines[stream] = line
            self._lines.move_to_end(stream)
        while len(self._lines) > LINES_MAX:
            self._lines.popitem(last=False)


async def write(connection: Connection, changes: Mapping[int, Changes]) -> None:
    """Writes what some events of each lane have changed."""
    lines = [row_of(line) for of_lane in changes.values() for line in of_lane.lines.values()]
    if lines:
        await connection.execute(SQL["put_tickets"], *_columns(lines, Row._fields.index("tags")))
    history = [version for of_lane in changes.values() for version in of_lane.history]
    if history:
        await connection.execute(SQL["put_history"], *_columns(history, Version._fields.index("tags")))
    await write_counts(connection, changes)


def _columns(rows: Iterable[Sequence[Any]], tags: int) -> list[Sequence[Any]]:
    """Rows as columns. A list of lists of tags goes as array literals: unnest would make one column of all of them."""
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    columns[tags] = [array(value) for value in columns[tags]]
    return columns


async def write_counts(connection: Connection, changes: Mapping[int, Changes]) -> None:
    """Adds the differences to the counts, in the order of their keys."""
    cells = sorted(
        (lane, *cell, change) for lane, of_lane in changes.items() for cell, change in of_lane.counts.items() if change
    )
    if cells:
        await connection.execute(SQL["count"], *zip(*cells, strict=True))
    days = sorted(
        (lane, *key, of_lane.created[key], of_lane.ended[key])
        for lane, of_lane in changes.items()
        for key in of_lane.created.keys() | of_lane.ended.keys()
        if of_lane.created[key] or of_lane.ended[key]
    )
    if days:
        await connection.execute(SQL["count_days"], *zip(*days, strict=True))
