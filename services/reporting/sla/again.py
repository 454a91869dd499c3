"""Corrected calendars -> the tickets of their clients judged anew in the views, a page at a time. I/O.

The view notes what is to be done in the transaction that digests the correction. Each page is a transaction under the
lock of the lane's views, with the place up to which it came, so a process that dies goes on where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from contracts.subjects import lane_of
from contracts.ticket import Held
from services.kit.bus.away import tried
from services.kit.log.read import recorded
from services.kit.postgres import Connection, Pool, queries
from services.kit.shelf import Shelf
from services.reporting.line import Line, due_of, row_of
from services.reporting.sla.results import results
from services.reporting.sla.tale import Tale, told
from services.reporting.sla.view import difference, standing, write

SQL = queries("services/reporting/sql/sla_again.sql")
STREAMS = queries("services/reporting/sql/sla_write.sql")["streams"]

PAGE: Final = 100  # tickets of one transaction: some 100 ms for which the lane's views wait
LOOK_SECONDS: Final = 1.0
PAUSE_SECONDS: Final = 5.0  # while the server is away


class Again:
    """Does what was noted. One per process of reporting; several do no harm."""

    def __init__(self, pool: Pool, *, page: int = PAGE) -> None:
        self._pool, self._page = pool, page
        self._shelf = Shelf()

    async def run(self) -> None:
        """Looks for work until cancelled."""
        while True:
            if not await tried(self._work(), PAUSE_SECONDS, "sla-again"):
                continue
            await asyncio.sleep(LOOK_SECONDS)

    async def _work(self) -> None:
        while await self.turn():
            pass

    async def turn(self) -> bool:
        """One page of one client. False where nothing is to be done."""
        async with self._pool.acquire() as connection, connection.transaction():
            work = await connection.fetchrow(SQL["next"])
            if work is None:
                return False
            lane, client = work
            await connection.execute(SQL["lock"], lane)
            after = await connection.fetchval(SQL["claim"], lane, client)
            if after is None:
                return True  # another process was faster
            page = await connection.fetch(SQL["page"], lane, client, after, self._page)
            if page:
                await self._judge(connection, {row["ticket"]: row["client"] for row in page})
            if len(page) == self._page:
                await connection.execute(SQL["done_up_to"], lane, client, page[-1]["ticket"])
            elif not await connection.fetchval(SQL["keep"], lane, client):
                await connection.execute(SQL["done"], lane, client)
            return True

    async def _judge(self, connection: Connection, tickets: Mapping[UUID, str]) -> None:
        books = await self._shelf.take(connection, set(tickets.values()))
        places = [(lane_of(ticket), ticket, 0) for ticket in tickets]
        rows = await connection.fetch(STREAMS, *zip(*places, strict=True))
        tales = {
            ticket: told(Tale(books[tickets[ticket]]), events)
            for ticket, events in groupby(recorded(rows), attrgetter("stream"))
        }
        known = await standing(connection, list(tales))
        found = {ticket: results(tale) for ticket, tale in tales.items() if ticket in known}
        await write(connection, difference(found, known))
        due = [_due(tale) for tale in tales.values() if isinstance(tale.ticket, Held) and tale.books.policies.any]
        if due:
            await connection.execute(SQL["due"], *zip(*due, strict=True))


def _due(tale: Tale) -> Sequence[Any]:
    """The columns of a ticket's row in the queue that its clocks change."""
    row = row_of(Line(tale.ticket, 0, True, due_of(tale)))  # type: ignore[arg-type]
    return row.lane, row.ticket, tale.version, row.clock_due, row.clock, row.by_deadline, row.by_priority
