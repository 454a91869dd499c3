"""Tickets -> their stories, and clients -> their books, as the log has them now. I/O."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from contracts.catalogue import EVENTS, UnknownEvent
from contracts.model import DESK
from contracts.subjects import client_stream, lane_of
from services.kit.configuration import Books
from services.kit.log.read import read_stream, recorded
from services.kit.postgres import Connection, queries
from services.kit.rules.policies import Calendars, Policies
from services.triage.timers.plan import HEARD, Story

SQL = queries("services/triage/sql/timers.sql")

KEPT_MAX = 500  # clients whose books are kept; laid-out calendars are some 100 KB each
TYPES = sorted(HEARD)


async def read_stories(connection: Connection, tickets: Sequence[UUID]) -> dict[UUID, Story | UnknownEvent]:
    """The story of each ticket, or why this program can't tell it: an event that only a newer one knows."""
    rows = await connection.fetch(SQL["streams"], [lane_of(ticket) for ticket in tickets], tickets, TYPES)
    found: dict[UUID, Story | UnknownEvent] = {}
    for ticket, group in groupby(rows, key=lambda row: row["stream"]):
        stream = list(group)
        try:
            found[ticket] = _story(stream)
        except UnknownEvent as error:
            found[ticket] = error
    return found


def _story(rows: Sequence[Any]) -> Story:
    for row in rows:
        if row["type"] not in EVENTS:
            raise UnknownEvent(f"{row['type']} is not known here; run a newer Daybook")
    last = rows[-1]
    events = recorded(row for row in rows if row["payload"] is not None)
    return Story(last["client"], last["version"], last["occurred_at"], events)


class Shelf:
    """The books of clients, read again when their streams have grown. What the desk sets for those without their own
    is laid out once for all of them."""

    def __init__(self) -> None:
        self._desk: tuple[int, Books] = (-1, Books(Policies(), Calendars()))
        self._kept: OrderedDict[str, tuple[tuple[int, int], Books]] = OrderedDict()

    async def books(self, connection: Connection, clients: Iterable[str]) -> Mapping[str, Books]:
        """The books of these clients as they are now. They hold until the transaction ends: what is set for all
        clients meanwhile waits for it before it wakes their tickets."""
        wanted = sorted(set(clients))
        await connection.execute(SQL["read_books"])
        heads = await _heads(connection, {DESK, *wanted})
        await self._read_desk(connection, heads.get(DESK, 0))
        found: dict[str, Books] = {}
        for client in wanted:
            versions = heads.get(client, 0), self._desk[0]
            kept = self._kept.get(client)
            if kept is None or kept[0] != versions:
                kept = versions, await self._read(connection, client)
            self._kept[client] = kept
            self._kept.move_to_end(client)
            found[client] = kept[1]
        while len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        return found

    async def _read_desk(self, connection: Connection, version: int) -> None:
        if version != self._desk[0]:
            history = await read_stream(connection, client_stream(DESK))
            self._desk = version, Books(Policies.of((), history), Calendars.of((), history))

    async def _read(self, connection: Connection, client: str) -> Books:
        """As services.kit.configuration.read_books, with the desk's part as it is kept."""
        history, desk = await read_stream(connection, client_stream(client)), self._desk[1]
        policies, calendars = Policies.of(history), Calendars.of(history)
        policies.desk = desk.policies.desk
        return Books(policies, Calendars({**desk.calendars.versions, **calendars.versions}))


async def _heads(connection: Connection, clients: Collection[str]) -> dict[str, int]:
    streams = {client_stream(client): client for client in clients}
    rows = await connection.fetch(SQL["heads"], [lane_of(stream) for stream in streams], list(streams))
    return {streams[row["stream"]]: row["version"] for row in rows}
