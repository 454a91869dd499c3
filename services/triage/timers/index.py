"""Batches of triage's consumer -> the wake-up index, in the transaction of the cursor. I/O; `plan` thinks.

It stands around the handler that answers events: whoever digests an event of a ticket has its wake-up noted, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from contracts.calendars import CalendarCorrected, CalendarSet
from contracts.catalogue import UnknownEvent
from contracts.envelope import Origin, Recorded
from contracts.model import DESK, Event
from contracts.people import ClockTicked
from contracts.policies import PolicySet
from contracts.subjects import LANES, lane_of
from services.kit.bus import AfterCommit, LanesHandler
from services.kit.bus.message import Stored
from services.kit.postgres import Connection, queries
from services.kit.refused import Refused
from services.kit.rules.clocks import RunsBackwards
from services.kit.rules.open_time import NEVER
from services.kit.rules.policies import NoCalendar
from services.triage.judgements import NEW_FACTS
from services.triage.timers.plan import MOVING, OWN, Story, plan
from services.triage.timers.stories import Memory, Shelf, read_stories

SQL = queries("services/triage/sql/timers.sql")

SILENT: Final = OWN - NEW_FACTS - {"sla.escalated"}
"""Facts of timers that nothing in triage answers."""

UNHEARD: Final = ("agent.", "article.", "delivery.", "incident.", "model.", "person.", "similarity.")
"""Families of which no event is answered here or moves a clock; the radar reads the log itself."""

History = Sequence[Recorded[Event]]
Batch = Mapping[int, History]


class Woken(Protocol):
    """Who is told, after the commit, that something is due earlier in some lanes, and what time the log says it is."""

    def digested(self, earliest: Mapping[int, datetime], tick: datetime | None) -> None: ...


class Indexed:
    """The consumer `triage`: a handler's answers, and the wake-ups of the tickets that it saw."""

    def __init__(self, inner: LanesHandler, timers: Woken) -> None:
        self.name = inner.name
        self._inner, self._timers = inner, timers
        self._shelf, self._memory = Shelf(), Memory()

    def ignores(self, event: Stored) -> bool:
        """What timers wrote moved its own row on, and is news to few; of other families nothing is."""
        return event.type in SILENT or event.type.startswith(UNHEARD)

    async def handle(self, lane: int, events: History, connection: Connection) -> AfterCommit | None:
        """As `handle_lanes`, for one lane."""
        return await self.handle_lanes({lane: events}, connection)

    async def handle_lanes(self, batch: Batch, connection: Connection) -> AfterCommit | None:
        """The wake-ups, then what the handler does: its append locks the lanes' heads, for which whoever writes waits
        until the commit, so it comes last. Its answers are events of a batch to come, as anybody's."""
        earliest = await note(batch, connection, self._shelf, self._memory)
        answered = await self._inner.handle_lanes(batch, connection)
        tick = max((event.data.now for event in _all(batch) if isinstance(event.data, ClockTicked)), default=None)
        return _both(answered, lambda: self._timers.digested(earliest, tick))


def _both(first: AfterCommit | None, second: Callable[[], None]) -> AfterCommit:
    def calls() -> None:
        if first is not None:
            first()
        second()

    return calls


def _all(batch: Batch) -> Iterable[Recorded[Event]]:
    return (event for events in batch.values() for event in events)


async def note(batch: Batch, connection: Connection, shelf: Shelf, memory: Memory) -> dict[int, datetime]:
    """Brings the wake-ups of a batch's tickets forward where need be. Returns the earliest written one of each lane."""
    earliest = await _wake_for_new_terms(batch, connection)
    held = _touched(batch)
    if not held:
        return earliest
    stories = await _stories(connection, held, memory)
    return _earliest(earliest, await note_stories(connection, stories, shelf))


Due = tuple[int, datetime | None]
"""A lane, and when something wakes in it."""


async def note_stories(
    connection: Connection, stories: Mapping[UUID, Story], shelf: Shelf, *, faulty: bool = False
) -> list[Due]:
    """Brings the wake-ups of these tickets forward where need be; what was written. With `faulty` a ticket that can't
    be folded wakes at once, and is told of there; without it the error is raised."""
    books = await shelf.books(connection, {story.client for story in stories.values()})
    given: list[tuple[int, UUID, str, datetime | None]] = []
    for ticket, story in stories.items():
        try:
            found = plan(story, books[story.client], -NEVER)
        except (RunsBackwards, NoCalendar, Refused):
            if not faulty:
                raise
            given.append((lane_of(ticket), ticket, story.client, story.last_at))
            continue
        if not found.ended:
            given.append((lane_of(ticket), ticket, story.client, found.due))
    rows = await connection.fetch(SQL["note"], *zip(*given, strict=True)) if given else ()
    return [(row["lane"], row["due"]) for row in rows]


def earliest_of(found: Iterable[Due]) -> dict[int, datetime]:
    """The earliest of each lane."""
    return _earliest({}, found)


def _touched(batch: Batch) -> dict[UUID, list[Recorded[Event]]]:
    """The events of each ticket that may have to wake earlier than is known."""
    moved = {event.stream for event in _all(batch) if event.type in MOVING and _acts(event)}
    found: dict[UUID, list[Recorded[Event]]] = {ticket: [] for ticket in moved}
    for event in _all(batch):
        if event.stream in found:
            found[event.stream].append(event)
    return found


def _acts(event: Recorded[Event]) -> bool:
    """An import records no facts before somebody adopts the ticket."""
    return event.origin != Origin.IMPORT or event.type == "ticket.adopted"


async def _stories(connection: Connection, held: Mapping[UUID, History], memory: Memory) -> dict[UUID, Story]:
    """Of new tickets and those that are remembered what the batch adds, of others all that the log holds. Raises
    UnknownEvent."""
    told = ((ticket, memory.told(ticket, events)) for ticket, events in held.items())
    stories = {ticket: story for ticket, story in told if story is not None}
    old = [ticket for ticket in held if ticket not in stories]
    for ticket, story in (await read_stories(connection, old)).items() if old else ():
        if isinstance(story, UnknownEvent):
            raise story
        stories[ticket] = story
    return stories


async def _wake_for_new_terms(batch: Batch, connection: Connection) -> dict[int, datetime]:
    """A policy or calendar for running clocks writes nothing to tickets: they wake when it begins to hold."""
    earliest: dict[int, datetime] = {}
    for event in _all(batch):
        since = _changes_running_clocks(event)
        if since is None:
            continue
        if event.client == DESK:
            await connection.execute(SQL["change_books"])
            await connection.execute(SQL["wake_all"], since)
            earliest = _earliest(earliest, ((lane, since) for lane in range(LANES)))
        else:
            await connection.execute(SQL["wake_client"], event.lane, event.client, since)
            earliest = _earliest(earliest, [(event.lane, since)])
    return earliest


def _changes_running_clocks(event: Recorded[Event]) -> datetime | None:
    match event.data:
        case PolicySet(apply_to_open=True) | CalendarSet(apply_to_open=True) as told:
            return told.holds_from
        case CalendarCorrected():
            return event.occurred_at
        case _:
            return None


def _earliest(known: Mapping[int, datetime], more: Iterable[Due]) -> dict[int, datetime]:
    found = dict(known)
    for lane, due in more:
        if due is not None:
            found[lane] = min(found.get(lane, due), due)
    return found
