"""Fresh events and the log -> tales that are as far as asked. I/O; tale.py has the rules.

The views of one process share them, so that a ticket is folded once. A tale is used only at exactly the version that
its user is at, and only while its client's books are the same; otherwise it is told again from the log.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from contracts.envelope import Recorded
from contracts.model import Event
from contracts.subjects import lane_of
from services.kit.configuration import Books
from services.kit.log.read import recorded
from services.kit.postgres import Connection, queries
from services.kit.shelf import Shelf
from services.reporting.sla.tale import Tale, told

SQL = queries("services/reporting/sql/sla_write.sql")

TALES_MAX = 2_000  # tickets that a process remembers, about 8 kB each


class Tales:
    """The newest tickets of a process, each with its story so far."""

    def __init__(self) -> None:
        self.shelf = Shelf()
        self._kept: OrderedDict[UUID, Tale] = OrderedDict()

    async def with_targets(self, reader: Connection, clients: Collection[str]) -> Mapping[str, Books]:
        """The books of those clients whose clocks may be due."""
        books = await self.shelf.take(reader, clients)
        return {client: found for client, found in books.items() if found.policies.any}

    def at(self, stream: UUID, version: int, books: Books) -> Tale | None:
        """The tale of a ticket at exactly this version."""
        tale = self._kept.get(stream)
        return tale if tale is not None and tale.version == version and tale.books is books else None

    def keep(self, stream: UUID, tale: Tale) -> None:
        self._kept[stream] = tale
        self._kept.move_to_end(stream)
        while len(self._kept) > TALES_MAX:
            self._kept.popitem(last=False)

    async def whole(
        self,
        connection: Connection,
        streams: Mapping[UUID, Sequence[Recorded[Event]]],
        books: Mapping[str, Books],
        upto: Mapping[int, int],
    ) -> Mapping[UUID, Tale]:
        """The tales of these tickets up to a position of their lanes, which their fresh events lead to."""
        found: dict[UUID, Tale] = {}
        for stream, fresh in streams.items():
            tale = self._kept.get(stream)
            if tale is not None and tale.books is books[fresh[0].client] and fresh[0].version <= tale.version + 1:
                found[stream] = told(tale, fresh)
        missing = [(lane_of(stream), stream, upto[lane_of(stream)]) for stream in streams if stream not in found]
        if missing:
            rows = await connection.fetch(SQL["streams"], *zip(*missing, strict=True))
            for stream, events in groupby(recorded(rows), attrgetter("stream")):
                found[stream] = told(Tale(books[streams[stream][0].client]), events)
        for stream, tale in found.items():
            self.keep(stream, tale)
        return found
