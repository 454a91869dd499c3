"""Tickets -> their stories, and clients -> their books, as the log has them now. I/O, but for what is remembered."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from contracts.catalogue import EVENTS, UnknownEvent
from contracts.envelope import Recorded
from contracts.model import Event, Sealed
from contracts.subjects import lane_of
from services.kit.configuration import Books
from services.kit.log.read import recorded
from services.kit.postgres import Connection, queries
from services.kit.shelf import Shelf as BookShelf
from services.triage.timers.plan import HEARD, Story

SQL = queries("services/triage/sql/timers.sql")

TYPES = sorted(HEARD)

KEPT_MAX: Final = 1_000  # stories that a process remembers, some 15 kB each
EVENTS_MAX: Final = 20  # of a story that is remembered
TEXT_MAX: Final = 8_000  # characters of an event's text in one; texts may have 2 MB


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


class Memory:
    """The stories of the tickets that were told of last: what is answered to a new ticket comes back as an event within
    a moment, and its stream need not be read for it. A story is used only where it ends right before what is new."""

    def __init__(self) -> None:
        self._kept: OrderedDict[UUID, Story] = OrderedDict()

    def told(self, ticket: UUID, events: Sequence[Recorded[Event]]) -> Story | None:
        """The story with these events at its end; None where what comes before them is not remembered."""
        first, last = events[0], events[-1]
        before = self._kept.pop(ticket, None)
        if first.version == 1:
            known: Sequence[Recorded[Event]] = ()
        elif before is not None and before.version == first.version - 1:
            known = before.events
        else:
            return None
        heard = [*known, *(event for event in events if event.type in HEARD)]
        story = Story(last.client, last.version, last.occurred_at, heard)
        if last.version - first.version == len(events) - 1 and len(heard) <= EVENTS_MAX and all(map(_is_small, events)):
            self._kept[ticket] = story
            while len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
        return story


def _is_small(event: Recorded[Event]) -> bool:
    body = getattr(event.data, "body", "")
    return len(body.sealed if isinstance(body, Sealed) else body or "") <= TEXT_MAX


class Shelf(BookShelf):
    """The books of clients as a transaction may go by them."""

    async def books(self, connection: Connection, clients: Iterable[str]) -> Mapping[str, Books]:
        """The books of these clients as they are now. They hold until the transaction ends: what is set for all
        clients meanwhile waits for it before it wakes their tickets."""
        await connection.execute(SQL["read_books"])
        return await self.take(connection, set(clients))
