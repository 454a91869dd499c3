"""A lane whose wake-ups are not all known -> its wake-ups from the log, a page of tickets a transaction. I/O.

So it is with a desk that was read back from an export, which holds the log and no index. A page is read under the
lane's lock, with the place up to which it came: a process that dies goes on where it was, and what the consumer notes
meanwhile is kept where it is earlier.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from contracts.catalogue import UnknownEvent
from services.kit.bus.digest import transaction
from services.kit.postgres import Pool, queries
from services.kit.telemetry import describe, log_message
from services.triage.timers.index import earliest_of, note_stories
from services.triage.timers.plan import Story
from services.triage.timers.stories import Shelf, read_stories

LOG = logging.getLogger("daybook.timers")
SQL = queries("services/triage/sql/timers.sql")

FILL_MAX = 200  # tickets of one transaction: some 60 ms for which the lane's events wait


class Filler:
    """Fills the lanes that one process holds."""

    def __init__(self, pool: Pool, shelf: Shelf, *, page: int = FILL_MAX) -> None:
        self._pool, self._shelf, self._page = pool, shelf, page

    async def missing(self, lanes: Collection[int]) -> list[int]:
        """Which of these lanes are to be filled."""
        rows = await self._pool.fetch(SQL["to_fill"], sorted(lanes))
        return [row["lane"] for row in rows]

    async def fill(self, lane: int) -> dict[int, datetime] | None:
        """One page; the earliest time that was written. None where it was the last one, or this program is too old to
        read on: a newer one does."""
        async with transaction(self._pool) as connection:
            await connection.execute(SQL["lock"], [lane])
            tickets = [row["stream"] for row in await connection.fetch(SQL["fill_page"], lane, self._page)]
            stories: dict[UUID, Story] = {}
            for ticket, story in (await read_stories(connection, tickets)).items() if tickets else ():
                if isinstance(story, UnknownEvent):
                    log_message(LOG, "cannot_fill", logging.ERROR, lane=lane, error=describe(story))
                    return None
                stories[ticket] = story
            found = await note_stories(connection, stories, self._shelf, faulty=True)
            whole = len(tickets) < self._page
            await connection.execute(SQL["filled"], lane, tickets[-1] if tickets else None, whole)
        log_message(LOG, "wake_ups_filled", lane=lane, tickets=len(tickets), whole=whole)
        return None if whole and not found else earliest_of(found)
