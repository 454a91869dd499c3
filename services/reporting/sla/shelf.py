"""Clients -> their books (policies and calendars), read again where their streams have grown. I/O."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence

from contracts.envelope import Recorded
from contracts.model import DESK, Event
from contracts.subjects import client_stream, lane_of
from services.kit.configuration import Books
from services.kit.log.read import read_stream
from services.kit.postgres import Connection, Pool, queries
from services.kit.rules.policies import Calendars, Policies

SQL = queries("services/reporting/sql/sla_write.sql")

BOOKS_MAX = 500  # clients whose books are kept, some 30 kB each once their years are laid out

Versions = tuple[int, int]
"""How long the client's stream and the desk's were."""


class Shelf:
    """The books of clients that a process has worked for of late."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[Versions, Books]] = OrderedDict()
        self._desk: tuple[int, Sequence[Recorded[Event]]] = (-1, ())

    async def take(self, reader: Connection | Pool, clients: Collection[str]) -> Mapping[str, Books]:
        """The books of these clients, of today's knowledge. The same object as before where nothing was added."""
        if not clients:
            return {}
        lengths = await self._lengths(reader, {*clients, DESK})
        desk = lengths.get(DESK, 0)
        if self._desk[0] != desk:
            self._desk = desk, await read_stream(reader, client_stream(DESK))
        found: dict[str, Books] = {}
        for client in sorted(clients):
            versions = lengths.get(client, 0), desk
            kept = self._kept.get(client)
            if kept is None or kept[0] != versions:
                history = await read_stream(reader, client_stream(client)) if versions[0] else ()
                books = Books(Policies.of(history, self._desk[1]), Calendars.of(history, self._desk[1]))
                kept = versions, books
            self._kept[client] = kept
            self._kept.move_to_end(client)
            found[client] = kept[1]
        while len(self._kept) > BOOKS_MAX:
            self._kept.popitem(last=False)
        return found

    async def _lengths(self, reader: Connection | Pool, clients: Collection[str]) -> Mapping[str, int]:
        streams = {client_stream(client): client for client in clients}
        rows = await reader.fetch(SQL["lengths"], [lane_of(stream) for stream in streams], list(streams))
        return {streams[row["stream"]]: row["version"] for row in rows if row["version"] is not None}


def has_targets(books: Books) -> bool:
    """Whether clocks of this client may be due: without a policy they are only measured."""
    return bool(books.policies.versions or books.policies.desk)
