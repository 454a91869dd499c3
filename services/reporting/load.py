"""What the log held up to a position -> the tables of a version under construction, as fast as they take it. I/O.

Queue and SLA are loaded stream by stream, in the order of their ids: every ticket is folded in one go and its rows
written once, by COPY. Views whose events are rows of their own are loaded by position, as the live consumer feeds them.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple, Protocol
from uuid import UUID

import asyncpg

from contracts.envelope import Recorded
from contracts.model import Event
from services.kit.log.read import read_lane, recorded
from services.kit.postgres import Connection, Pool, queries
from services.reporting.consumer import View
from services.reporting.line import Changes, Row, Version, row_of
from services.reporting.queue_view import write_counts
from services.reporting.sla.tale import Tale
from services.reporting.sla.tales import Tales

SQL = queries("services/reporting/sql/rebuild.sql")

PAGE = 20_000  # events read at once: about 20 MB while they are folded
Build = asyncpg.Record
"""A lane's row of reporting.builds."""
Building = Callable[[], AbstractAsyncContextManager[Connection]]
"""Opens a transaction that writes the version under construction; refused where another builder has taken over."""


class Loaded(NamedTuple):
    """How many events of a lane are in, those of earlier runs among them."""

    events: int


class Loader(Protocol):
    """Brings one lane of the new version from where it is to `upto`, committing as it goes."""

    def load(self, pool: Pool, schema: str, lane: Build, building: Building) -> AsyncIterator[Loaded]: ...


class StreamLoader(ABC):
    """Loads a view stream by stream."""

    name: str

    @abstractmethod
    async def fill(self, connection: Connection, schema: str, lane: int, page: Sequence[Recorded[Event]]) -> None:
        """Writes what some whole streams of a lane give."""

    async def load(self, pool: Pool, schema: str, lane: Build, building: Building) -> AsyncIterator[Loaded]:
        events, after = lane["loaded"], lane["stream"]
        reading = asyncio.create_task(self._page(pool, lane, after))
        try:
            while True:
                page, last = await reading
                after = page[-1].stream if page else after
                if not last:
                    reading = asyncio.create_task(self._page(pool, lane, after))
                events = lane["upto"] if last else events + len(page)
                await self._write(building, schema, lane, page, (after, events, lane["upto"] if last else 0))
                yield Loaded(events)
                if last:
                    return
        finally:
            reading.cancel()

    async def _page(self, pool: Pool, lane: Build, after: UUID) -> tuple[list[Recorded[Event]], bool]:
        """Whole streams behind one, and whether they are the last ones. A stream longer than a page comes alone."""
        rows = await pool.fetch(SQL["by_stream"], lane["lane"], after, lane["upto"], PAGE)
        if len(rows) < PAGE:
            return recorded(rows), True
        cut = rows[-1]["stream"]
        if rows[0]["stream"] == cut:
            return recorded(await pool.fetch(SQL["stream"], lane["lane"], cut, lane["upto"])), False
        return recorded(row for row in rows if row["stream"] != cut), False

    async def _write(
        self,
        building: Building,
        schema: str,
        lane: Build,
        page: Sequence[Recorded[Event]],
        came: tuple[UUID, int, int],
    ) -> None:
        async with building() as connection:
            await self.fill(connection, schema, lane["lane"], page)
            await connection.execute(SQL["loaded"], self.name, lane["lane"], *came)


class QueueLoader(StreamLoader):
    """Loads the queue."""

    name = "queue"

    def __init__(self) -> None:
        self._tales = Tales()

    async def fill(self, connection: Connection, schema: str, lane: int, page: Sequence[Recorded[Event]]) -> None:
        changes = Changes()
        books = await self._tales.with_targets(connection, {event.client for event in page})
        for stream, events in groupby(page, attrgetter("stream")):
            first, *rest = events
            if first.client in books:
                changes.tales[stream] = Tale(books[first.client])
            changes.follow(stream, None, [first, *rest])
        rows = [row_of(line) for line in changes.lines.values()]
        await connection.copy_records_to_table("tickets", schema_name=schema, columns=Row._fields, records=rows)
        await connection.copy_records_to_table(
            "history", schema_name=schema, columns=Version._fields, records=changes.history
        )
        await write_counts(connection, {lane: changes})


class LaneLoader:
    """Loads a view by position, with the writer of the live consumer."""

    def __init__(self, view: View) -> None:
        self._view = view

    async def load(self, pool: Pool, schema: str, lane: Build, building: Building) -> AsyncIterator[Loaded]:
        position = lane["position"]
        while position < lane["upto"]:
            limit = min(PAGE // 10, lane["upto"] - position)
            events = await read_lane(pool, lane["lane"], position, limit)
            position = events[-1].position
            async with building() as connection:
                await self._view.apply({lane["lane"]: events}, connection)
                await connection.execute(
                    SQL["loaded"], self._view.name, lane["lane"], lane["stream"], position, position
                )
            yield Loaded(position)
