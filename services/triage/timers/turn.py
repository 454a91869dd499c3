"""Wake-ups of some lanes that are due -> facts in the log and rows moved on, in one transaction. I/O; `plan` thinks.

Never twice: under the lanes' locks each ticket is folded from the log, which holds what was recorded, and the append
checks that it has not grown. Never early: the passed clock and the database's must both say that it is time.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, zip_longest
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from contracts.catalogue import UnknownEvent
from contracts.subjects import lane_of
from services.kit.bus.digest import transaction
from services.kit.configuration import Books
from services.kit.log.append import Append, NewEvent, NotAppended, append_in
from services.kit.postgres import Connection, Pool, queries
from services.kit.refused import Refused
from services.kit.rules.clocks import RunsBackwards
from services.kit.rules.open_time import us
from services.kit.rules.policies import NoCalendar
from services.kit.telemetry import describe, log_message
from services.triage.timers.plan import Plan, Story, new_events, plan
from services.triage.timers.stories import Shelf, read_stories

LOG = logging.getLogger("daybook.timers")
SQL = queries("services/triage/sql/timers.sql")

TURN_MAX = 240  # tickets of one transaction: some 60 ms for which the lanes' events wait
AGAIN = timedelta(seconds=5)  # until a ticket that can't be folded is tried once more


class Held(NamedTuple):
    """The leases under which lanes are worked: who holds them, and {lane: epoch}."""

    holder: UUID
    lanes: Mapping[int, int]


class Done(NamedTuple):
    """What a turn came to in one lane. `woken` is 0 where nothing could be done yet."""

    woken: int
    recorded: int
    head: int
    """The lane's after it; 0 where others have written to it meanwhile."""
    now: datetime
    next: datetime | None
    """When there is something to do again, as far as this turn saw."""


@dataclass(frozen=True)
class Turns:
    """The transactions of the timers of one process."""

    pool: Pool
    shelf: Shelf
    log_time: bool

    async def turn(self, held: Held, now: datetime, ours_up_to: Mapping[int, int]) -> dict[int, Done]:
        """Wakes what is due in these lanes, the earliest of each first. A lane that is not ours any more is missing
        from the answer.

        Where the log tells the time, only a lane whose events are digested is woken: `ours_up_to` is the position up to
        which what follows the cursor was written by timers.
        """
        share = -(-TURN_MAX // len(held.lanes))
        lanes = sorted(held.lanes)
        epochs = [held.lanes[lane] for lane in lanes]
        async with transaction(self.pool) as connection:
            await connection.execute(SQL["lock"], lanes)
            rows = await connection.fetch(SQL["due"], lanes, epochs, held.holder, share + 1)
            until = now if self.log_time or not rows else min(now, rows[0]["now"])
            looks = [
                self._look(lane, list(some), until, share, ours_up_to.get(lane, 0))
                for lane, some in groupby(rows, itemgetter("lane"))
            ]
            due = [row for look in looks for row in look.due]
            work = Work(connection, self.shelf, self.log_time, {look.lane: look.horizon for look in looks})
            return _told(looks, *(await work.wake(due, until) if due else ({}, {})))

    def _look(self, lane: int, rows: Sequence[Any], until: datetime, share: int, ours_up_to: int) -> Look:
        state = rows[0]
        settled = not self.log_time or state["head"] in {state["cursor"], ours_up_to}
        waiting = [row for row in rows if row["ticket"] is not None]
        due = [row for row in waiting[:share] if row["due"] <= until] if settled else []
        left = waiting[len(due)]["due"] if len(waiting) > len(due) else None
        more = left is not None and left <= until
        return Look(
            lane=lane,
            due=due,
            left=left,
            head=state["head"],
            settled=settled,
            now=state["now"],
            horizon=us(due[-1]["due"] if more and due else until),
        )


class Look(NamedTuple):
    """One lane under its lock."""

    lane: int
    due: Sequence[Any]
    """The rows to wake."""
    left: datetime | None
    """When the first row behind them is due."""
    head: int
    settled: bool
    now: datetime
    horizon: int
    """Up to when facts are recorded in this turn: with more rows to come, not beyond the last of these, so that after
    downtime the lane's facts stand in the order in which they came true."""


class Written(NamedTuple):
    """The facts of a lane: how many, and where the last one stands."""

    facts: int = 0
    head: int = 0


def _told(looks: Sequence[Look], recorded: Mapping[int, Written], armed: Mapping[int, datetime]) -> dict[int, Done]:
    found = {}
    for look in looks:
        count, head = recorded.get(look.lane, Written())
        alone = look.settled and (not count or head == look.head + count)
        later = [at for at in (look.left, armed.get(look.lane)) if at is not None]
        found[look.lane] = Done(
            len(look.due), count, (head or look.head) if alone else 0, look.now, min(later, default=None)
        )
    return found


@dataclass
class Work:
    """One transaction's work. `horizons` say up to when facts of each lane are recorded."""

    connection: Connection
    shelf: Shelf
    log_time: bool
    horizons: Mapping[int, int]

    async def wake(self, rows: Sequence[Any], until: datetime) -> tuple[dict[int, Written], dict[int, datetime]]:
        """Records and moves on. Returns for each lane what was recorded, and the earliest time of what wakes again."""
        books = await self.shelf.books(self.connection, {row["client"] for row in rows})
        plans, recorded = await self._record([row["ticket"] for row in rows], books)
        arms: list[tuple[int, UUID, datetime, datetime | None]] = []
        ended: list[tuple[int, UUID, datetime]] = []
        for lane, ticket, was in ((row["lane"], row["ticket"], row["due"]) for row in rows):
            found = plans.get(ticket)
            if found is not None and found.ended:
                ended.append((lane, ticket, was))
            else:
                arms.append((lane, ticket, was, until + AGAIN if found is None else found.due))
        if arms:
            await self.connection.execute(SQL["arm"], *zip(*arms, strict=True))
        if ended:
            await self.connection.execute(SQL["forget"], *zip(*ended, strict=True))
        return recorded, _earliest(arms)

    async def _record(
        self, tickets: list[UUID], books: Mapping[str, Books]
    ) -> tuple[dict[UUID, Plan], dict[int, Written]]:
        """Folds and appends; what had grown meanwhile once more, now that the append has locked the lanes."""
        plans: dict[UUID, Plan] = {}
        recorded: dict[int, Written] = {}
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
                        count, head = recorded.get(result.lane, Written())
                        recorded[result.lane] = Written(count + len(append.events), max(head, result.position))
            if not tickets:
                return plans, recorded
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
            return plan(story, books, self.horizons[lane_of(ticket)])
        except (RunsBackwards, NoCalendar, Refused) as error:
            _cannot_tell(ticket, error)
            return None


def _cannot_tell(ticket: UUID, error: Exception) -> None:
    log_message(LOG, "cannot_fold", logging.ERROR, stream=ticket, error=describe(error))


def _in_order(
    stories: Mapping[UUID, Story], plans: Mapping[UUID, Plan | None], *, log_time: bool
) -> Iterator[list[Append]]:
    """The facts of all these tickets, in each lane in the order in which they came true, as few calls of the append.

    The first call has facts of every lane that has any, so that it takes all locks that the others need, in the order
    in which everybody takes them.
    """
    lanes: dict[int, list[tuple[int, UUID, NewEvent]]] = {}
    for ticket, found in plans.items():
        if found is None or not found.facts:
            continue
        events = new_events(ticket, stories[ticket], found, log_time=log_time)
        dated = lanes.setdefault(lane_of(ticket), [])
        dated += [(fact.true_at, ticket, event) for fact, event in zip(found.facts, events, strict=True)]
    for calls in zip_longest(*(_calls(sorted(dated, key=itemgetter(0))) for dated in lanes.values()), fillvalue={}):
        yield [Append(stories[ticket].client, events) for call in calls for ticket, events in call.items()]


def _calls(dated: Sequence[tuple[int, UUID, NewEvent]]) -> Iterator[dict[UUID, list[NewEvent]]]:
    """In one call a ticket stands once, so a ticket whose next fact comes behind another ticket's begins a new one."""
    call: dict[UUID, list[NewEvent]] = {}
    last: UUID | None = None
    for _, ticket, event in dated:
        if ticket in call and ticket != last:
            yield call
            call = {}
        call.setdefault(ticket, []).append(event)
        last = ticket
    if call:
        yield call


def _earliest(arms: Sequence[tuple[int, UUID, datetime, datetime | None]]) -> dict[int, datetime]:
    found: dict[int, datetime] = {}
    for lane, _, _, due in arms:
        if due is not None and due < found.get(lane, due + AGAIN):
            found[lane] = due
    return found
