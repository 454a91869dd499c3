"""One lane's wake-ups that are due -> facts in the log and rows moved on, in one transaction. I/O; `plan` thinks.

Never twice: under the lane's lock each ticket is folded from the log, which holds what was recorded, and the append
checks that it has not grown. Never early: the passed clock and the database's must both say that it is time.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from contracts.catalogue import UnknownEvent
from services.kit.bus.digest import transaction
from services.kit.configuration import Books
from services.kit.log.append import Append, NewEvent, NotAppended, append_in
from services.kit.postgres import Connection, Pool, queries
from services.kit.rules.clocks import RunsBackwards
from services.kit.rules.open_time import us
from services.kit.rules.policies import NoCalendar
from services.kit.telemetry import describe, log_message
from services.triage.timers.plan import Plan, Story, new_events, plan
from services.triage.timers.stories import Shelf, read_stories

LOG = logging.getLogger("daybook.timers")
SQL = queries("services/triage/sql/timers.sql")

TURN_MAX = 100  # tickets of one transaction: some 30 ms for which the lane's events wait
AGAIN = timedelta(seconds=5)  # until a ticket that can't be folded is tried once more


class Held(NamedTuple):
    """The lease under which a lane is worked."""

    lane: int
    holder: UUID
    epoch: int


class Done(NamedTuple):
    """What a turn came to. `woken` is 0 where nothing could be done yet. `head` is the lane's after it, 0 where others
    have written to it meanwhile."""

    woken: int
    recorded: int
    head: int
    now: datetime


@dataclass(frozen=True)
class Turns:
    """The transactions of the timers of one process."""

    pool: Pool
    shelf: Shelf
    log_time: bool

    async def turn(self, held: Held, now: datetime, ours_up_to: int) -> Done | None:
        """Wakes what is due in a lane, the earliest first. None where the lane is not ours any more.

        Where the log tells the time, only a lane whose events are digested is woken: `ours_up_to` is the position up to
        which what follows the cursor was written by timers.
        """
        async with transaction(self.pool) as connection:
            await connection.execute(SQL["lock"], held.lane)
            rows = await connection.fetch(SQL["due"], held.lane, now, held.holder, held.epoch, self.log_time, TURN_MAX)
            if not rows or not rows[0]["ours"]:
                return None
            state = rows[0]
            settled = not self.log_time or state["head"] in {state["cursor"], ours_up_to}
            if state["ticket"] is None or not settled:
                return Done(0, 0, state["head"] if settled else 0, state["now"])
            until = now if self.log_time else min(now, state["now"])
            work = Work(connection, held.lane, self.shelf, self.log_time, _horizon(rows, until))
            recorded, head = await work.wake(rows, until)
            alone = not recorded or head == state["head"] + recorded
            return Done(len(rows), recorded, (head or state["head"]) if alone else 0, state["now"])


def _horizon(rows: Sequence[Any], until: datetime) -> int:
    """Up to when facts are recorded in this turn: with more rows to come, not beyond the last of these, so that after
    downtime the lane's facts stand in the order in which they came true."""
    return us(rows[-1]["due"] if len(rows) == TURN_MAX else until)


@dataclass
class Work:
    """One transaction's work on one lane."""

    connection: Connection
    lane: int
    shelf: Shelf
    log_time: bool
    horizon: int

    async def wake(self, rows: Sequence[Any], until: datetime) -> tuple[int, int]:
        """Records and moves on. Returns how many facts were recorded and the position of the last one."""
        books = await self.shelf.books(self.connection, {row["client"] for row in rows})
        plans, recorded, head = await self._record([row["ticket"] for row in rows], books)
        arms: list[tuple[UUID, datetime, datetime | None]] = []
        ended: list[tuple[UUID, datetime]] = []
        for ticket, was in ((row["ticket"], row["due"]) for row in rows):
            found = plans.get(ticket)
            if found is not None and found.ended:
                ended.append((ticket, was))
            else:
                arms.append((ticket, was, until + AGAIN if found is None else found.due))
        if arms:
            await self.connection.execute(SQL["arm"], self.lane, *zip(*arms, strict=True))
        if ended:
            await self.connection.execute(SQL["forget"], self.lane, *zip(*ended, strict=True))
        return recorded, head

    async def _record(self, tickets: list[UUID], books: Mapping[str, Books]) -> tuple[dict[UUID, Plan], int, int]:
        """Folds and appends; what had grown meanwhile once more, now that the append has locked the lane."""
        plans: dict[UUID, Plan] = {}
        recorded = head = 0
        for _ in range(2):
            stories = await self._stories(tickets)
            found = {ticket: self._planned(ticket, story, books[story.client]) for ticket, story in stories.items()}
            plans.update((ticket, made) for ticket, made in found.items() if made is not None)
            tickets = []
            for appends in _in_order(stories, found, log_time=self.log_time):
                for append, result in zip(appends, await append_in(self.connection, appends), strict=True):
                    if isinstance(result, NotAppended):
                        tickets.append(append.events[0].stream)
                    else:
                        recorded, head = recorded + len(append.events), max(head, result.position)
            if not tickets:
                return plans, recorded, head
        raise RuntimeError(f"{len(tickets)} tickets were refused by the log twice")

    async def _stories(self, tickets: Sequence[UUID]) -> dict[UUID, Story]:
        found: dict[UUID, Story] = {}
        for ticket, story in (await read_stories(self.connection, tickets)).items():
            if isinstance(story, UnknownEvent):
                _cannot_tell(ticket, story)
            else:
                found[ticket] = story
        return found

    def _planned(self, ticket: UUID, story: Story, books: Books) -> Plan | None:
        """None where a history can't be folded: it must not hold up the others, and is tried again."""
        try:
            return plan(story, books, self.horizon)
        except (RunsBackwards, NoCalendar) as error:
            _cannot_tell(ticket, error)
            return None


def _cannot_tell(ticket: UUID, error: Exception) -> None:
    log_message(LOG, "cannot_fold", logging.ERROR, stream=ticket, error=describe(error))


def _in_order(
    stories: Mapping[UUID, Story], plans: Mapping[UUID, Plan | None], *, log_time: bool
) -> Iterator[list[Append]]:
    """The facts of all these tickets in the order in which they came true, as few calls of the append.

    In one call a ticket stands once, so a ticket whose next fact comes behind another ticket's begins a new one.
    """
    dated = sorted(
        (
            (fact.true_at, ticket, event)
            for ticket, found in plans.items()
            if found is not None
            for fact, event in zip(
                found.facts, new_events(ticket, stories[ticket], found, log_time=log_time), strict=True
            )
        ),
        key=lambda each: each[0],
    )
    call: dict[UUID, list[NewEvent]] = {}
    last: UUID | None = None
    for _, ticket, event in dated:
        if ticket in call and ticket != last:
            yield _appends(stories, call)
            call = {}
        call.setdefault(ticket, []).append(event)
        last = ticket
    if call:
        yield _appends(stories, call)


def _appends(stories: Mapping[UUID, Story], call: Mapping[UUID, list[NewEvent]]) -> list[Append]:
    return [Append(stories[ticket].client, events) for ticket, events in call.items()]
