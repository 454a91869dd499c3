"""What the log held up to a position -> the SLA view's tables under construction. I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

from contracts.envelope import Recorded
from contracts.model import Event
from services.kit.postgres import Connection
from services.kit.shelf import Shelf
from services.reporting.load import StreamLoader
from services.reporting.sla.results import Tally, results, tallies
from services.reporting.sla.tale import Tale, told
from services.reporting.sla.view import TABLES, count


class SlaLoader(StreamLoader):
    """Loads what became of clocks, each ticket by the books of today."""

    name = "sla"

    def __init__(self) -> None:
        self._shelf = Shelf()

    async def fill(self, connection: Connection, schema: str, lane: int, page: Sequence[Recorded[Event]]) -> None:
        books = await self._shelf.take(connection, {event.client for event in page})
        rows: dict[str, list[tuple[object, ...]]] = {table: [] for table in TABLES}
        counted: Counter[Tally] = Counter()
        for _, events in groupby(page, attrgetter("stream")):
            first, *rest = events
            found = results(told(Tale(books[first.client]), [first, *rest]))
            counted.update(tallies(found.cycles))
            for table, new in found._asdict().items():
                rows[table] += new
        for table, fields in TABLES.items():
            await connection.copy_records_to_table(
                table, schema_name=schema, columns=fields._fields, records=rows[table]
            )
        await count(connection, {lane: counted})
