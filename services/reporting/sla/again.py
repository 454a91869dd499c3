"""Corrected calendars -> the tickets of their clients judged anew in the views, a page at a time. I/O.

The view notes what is to be done in the transaction that digests the correction. Each page is a transaction under the
lock of the lane's views, with the place up to which it came, so a process that dies goes on where it was.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from contracts.catalogue import UnknownEvent
from contracts.subjects import lane_of
from contracts.ticket import Held
from services.kit.log.read import recorded
from services.kit.postgres import Connection, Pool, queries
from services.kit.shelf import Shelf
from services.kit.telemetry import describe, log_message
from services.reporting.line import Line, due_of, row_of
from services.reporting.sla.beside import keep_doing
from services.reporting.sla.results import Results, results
from services.reporting.sla.tale import Tale, told
from services.reporting.sla.view import difference, standing, write

LOG = logging.getLogger("daybook.reporting")
SQL = queries("services/reporting/sql/sla_again.sql")
STREAMS = queries("services/reporting/sql/sla_write.sql")["streams"]

PAGE: Final = 100  # tickets of one transaction: some 100 ms for which the lane's views wait
LOOK_SECONDS: Final = 1.0


class Again:
    """Does what was noted. One per process of reporting; several do no harm."""

    def __init__(self, pool: Pool, *, page: int = PAGE) -> None:
        self._pool, self._page = pool, page
        self._shelf = Shelf()

    async def run(self) -> None:
        """Looks for work until cancelled."""
        await keep_doing(self._work, LOOK_SECONDS, "sla-again")

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
        known = await standing(connection, list(tickets))
        judged: dict[UUID, Results] = {}
        due: list[Sequence[Any]] = []
        for ticket, stream in groupby(rows, itemgetter("stream")):
            try:
                tale = told(Tale(books[tickets[ticket]]), recorded(stream))
                new = results(tale) if ticket in known else None
                due += [_due(tale)] if isinstance(tale.ticket, Held) and tale.books.policies.any else []
            except UnknownEvent:
                raise  # a newer process does this page
            except Exception as error:  # noqa: BLE001  such a ticket waits as a dead letter, and holds up no other
                log_message(LOG, "cannot_judge", logging.ERROR, stream=ticket, error=describe(error))
                continue
            if new is not None:
                judged[ticket] = new
        await write(connection, difference(judged, known))
        if due:
            await connection.execute(SQL["due"], *zip(*due, strict=True))


def _due(tale: Tale) -> Sequence[Any]:
    """The columns of a ticket's row in the queue that its clocks change."""
    row = row_of(Line(tale.ticket, 0, True, due_of(tale)))  # type: ignore[arg-type]
    return row.lane, row.ticket, tale.version, row.clock_due, row.clock, row.by_deadline, row.by_priority
