"""Tickets -> their stories, and clients -> their books, as the log has them now. I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from contracts.catalogue import EVENTS, UnknownEvent
from contracts.subjects import lane_of
from services.kit.configuration import Books
from services.kit.log.read import recorded
from services.kit.postgres import Connection, queries
from services.kit.shelf import Shelf as BookShelf
from services.triage.timers.plan import HEARD, Story

SQL = queries("services/triage/sql/timers.sql")

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


class Shelf(BookShelf):
    """The books of clients as a transaction may go by them."""

    async def books(self, connection: Connection, clients: Iterable[str]) -> Mapping[str, Books]:
        """The books of these clients as they are now. They hold until the transaction ends: what is set for all
        clients meanwhile waits for it before it wakes their tickets."""
        await connection.execute(SQL["read_books"])
        return await self.take(connection, set(clients))
