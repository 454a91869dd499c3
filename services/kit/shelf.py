"""Clients -> their books (policies and calendars), read again where their streams have grown. I/O."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping

from contracts.model import DESK
from contracts.subjects import client_stream, lane_of
from services.kit.configuration import Books
from services.kit.log.read import read_stream
from services.kit.postgres import Connection, Pool, queries
from services.kit.rules.policies import Calendars, Policies

SQL = queries("services/kit/sql/shelf.sql")

KEPT_MAX = 500  # clients whose books are kept; laid-out calendars are some 100 KB each

Versions = tuple[int, int]
"""How long the client's stream and the desk's were."""


class Shelf:
    """The books of clients that a process has worked for of late. What the desk sets for those without their own is
    laid out once for all of them."""

    def __init__(self) -> None:
        self._desk: tuple[int, Books] = (-1, Books(Policies(), Calendars()))
        self._kept: OrderedDict[str, tuple[Versions, Books]] = OrderedDict()

    async def take(self, reader: Connection | Pool, clients: Collection[str]) -> Mapping[str, Books]:
        """The books of these clients, of today's knowledge. The same object as before where nothing was added."""
        if not clients:
            return {}
        lengths = await _lengths(reader, {*clients, DESK})
        await self._read_desk(reader, lengths.get(DESK, 0))
        found: dict[str, Books] = {}
        for client in sorted(clients):
            versions = lengths.get(client, 0), self._desk[0]
            kept = self._kept.get(client)
            if kept is None or kept[0] != versions:
                kept = versions, await self._read(reader, client)
            self._kept[client] = kept
            self._kept.move_to_end(client)
            found[client] = kept[1]
        while len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        return found

    async def _read_desk(self, reader: Connection | Pool, version: int) -> None:
        if version != self._desk[0]:
            history = await read_stream(reader, client_stream(DESK))
            self._desk = version, Books(Policies.of((), history), Calendars.of((), history))

    async def _read(self, reader: Connection | Pool, client: str) -> Books:
        """As services.kit.configuration.read_books, with the desk's part as it is kept."""
        history, desk = await read_stream(reader, client_stream(client)), self._desk[1]
        policies, calendars = Policies.of(history), Calendars.of(history)
        policies.desk = desk.policies.desk
        return Books(policies, Calendars({**desk.calendars.versions, **calendars.versions}))


async def _lengths(reader: Connection | Pool, clients: Collection[str]) -> Mapping[str, int]:
    streams = {client_stream(client): client for client in clients}
    rows = await reader.fetch(SQL["lengths"], [lane_of(stream) for stream in streams], list(streams))
    return {streams[row["stream"]]: row["version"] for row in rows}
