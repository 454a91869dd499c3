"""(Line | None, events of one ticket) -> Line, and what it leaves behind: superseded versions and counts. Pure.

A line is a ticket as the queue shows it: the shared fold, and since when it looks like that. Several events of one
instant make one version, so a version is what somebody could see at some time, and the batches in which events arrive
leave no trace.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from pydantic_core import to_json

from contracts.envelope import Recorded, microseconds
from contracts.model import Event, Sealed
from contracts.sla import Metric
from contracts.subjects import lane_of
from contracts.terms import Status
from contracts.ticket import INITIAL, Absent, Closed, Held, Open, Resolved, Ticket, Waiting, evolve
from services.kit.rules.open_time import instant

ACTIVE: Final = frozenset({Status.NEW, Status.OPEN, Status.WAITING_FOR_CUSTOMER, Status.WAITING_FOR_SUPPLIER})
"""Worked, or waiting for somebody: the desk owes these tickets a next update."""

NEVER: Final = 1 << 57
"""The sort key of a ticket without a deadline, in microseconds since 2000: the year 6567, behind every real one."""

WITHOUT_PRIORITY: Final = 9
"""The rank of a ticket that triage has not judged yet; P1 to P4 rank 1 to 4."""


Living = Open | Waiting | Resolved | Closed


Due = tuple[datetime, str]
"""When the first of a ticket's clocks runs out or ran out, and of which metric it is."""


class Clocked(Protocol):
    """A ticket's clocks, event by event (services/reporting/sla/tale.py)."""

    def take(self, event: Recorded[Event]) -> None: ...

    def due(self) -> tuple[int, Metric] | None: ...


class Line(NamedTuple):
    """A ticket in the queue. `was_active`: whether the version before this one was active; True where there is none."""

    held: Living
    position: int
    was_active: bool
    clock: Due | None = None
    """Of the clocks that run by a policy's target; None where none does, and where the client has no policy."""

    @property
    def active(self) -> bool:
        return self.held.status in ACTIVE

    @property
    def deadline(self) -> datetime | None:
        """When the requester is to hear next; None once the ticket is resolved or closed."""
        promise = self.held.promise
        return promise.due_at if promise and self.held.status in ACTIVE else None

    @property
    def next_deadline(self) -> datetime | None:
        """The promise or the clock, whichever is due first."""
        due = [at for at in (self.deadline, self.clock and self.clock[0]) if at is not None]
        return min(due, default=None) if self.active else None

    @property
    def ended(self) -> bool:
        """Whether this version is the one in which the ticket left the active ones."""
        return self.was_active and self.held.status not in ACTIVE


class Version(NamedTuple):
    """What a line looked like from `valid_from` up to, not including, `valid_to`: a row of the history."""

    lane: int
    ticket: UUID
    client: str
    valid_from: datetime
    valid_to: datetime
    position: int
    version: int
    status: str
    priority: str | None
    category: str | None
    agent: UUID | None
    team: str | None
    tags: list[str]
    exchanges: int
    deadline: datetime | None
    source_status: str | None
    ended: bool
    by_age: int
    clock_due: datetime | None
    clock: str | None


class Row(NamedTuple):
    """What a line looks like now: a row of the queue."""

    lane: int
    ticket: UUID
    client: str
    number: int
    prefix: str
    requester: UUID
    subject: str
    opened_at: datetime
    valid_from: datetime
    position: int
    version: int
    status: str
    priority: str | None
    category: str | None
    agent: UUID | None
    team: str | None
    tags: list[str]
    exchanges: int
    deadline: datetime | None
    source_status: str | None
    was_active: bool
    by_age: int
    by_deadline: int
    by_priority: int
    clock_due: datetime | None
    clock: str | None


Cell = tuple[str, str, str, str, str]
"""What is counted together: client, facet, value, status, priority. Facet and value are empty for the ticket itself."""


class Changes:
    """What some events change in the view. Filled by `follow`, written by the view.

    `tales` are those of tickets whose clocks have targets, each as far as the ticket's line.
    """

    def __init__(self) -> None:
        self.tales: dict[UUID, Clocked] = {}
        self.lines: dict[UUID, Line] = {}
        self.history: list[Version] = []
        self.counts: Counter[Cell] = Counter()
        self.created: Counter[tuple[str, date]] = Counter()
        self.ended: Counter[tuple[str, date]] = Counter()

    def follow(self, stream: UUID, line: Line | None, events: Iterable[Recorded[Event]]) -> None:
        """Takes in the next events of one ticket, whose line was `line` before."""
        after = self._advance(line, events, self.tales.get(stream))
        if after is None:
            return
        self.lines[stream] = after
        if line is None or _counted(line.held) != _counted(after.held):
            if line is not None:
                self.counts.subtract(cells(line.held))
            self.counts.update(cells(after.held))

    def _advance(
        self, line: Line | None, events: Iterable[Recorded[Event]], tale: Clocked | None = None
    ) -> Line | None:
        ticket: Ticket = INITIAL
        position, was_active, ended = 0, True, False
        if line is not None:
            ticket, position, was_active, _ = line
            ended = line.ended
        for event in events:
            before, ticket = ticket, evolve(ticket, event)
            if isinstance(before, Held) and event.occurred_at > before.updated_at:
                superseded = Line(before, position, was_active, due_of(tale))
                self.history.append(version_of(superseded, event.occurred_at))
                was_active, ended = before.status in ACTIVE, False
            if tale is not None:
                tale.take(event)
            if isinstance(ticket, Absent):
                continue
            if isinstance(before, Absent):
                self.created[ticket.client, utc_day(event.occurred_at)] += 1
            position = event.position
            if ended != (was_active and ticket.status not in ACTIVE):
                self.ended[ticket.client, utc_day(event.occurred_at)] += -1 if ended else 1
                ended = not ended
        return None if isinstance(ticket, Absent) else Line(ticket, position, was_active, due_of(tale))


def line_of(events: Iterable[Recorded[Event]]) -> Line | None:
    """The line after all of a ticket's events; None where the ticket has not been born."""
    return Changes()._advance(None, events)  # noqa: SLF001  the same module's own


def due_of(tale: Clocked | None) -> Due | None:
    """What a ticket's clocks say; without one to ask nothing is due."""
    due = tale.due() if tale is not None else None
    return None if due is None else (instant(due[0]), due[1].value)


def utc_day(at: datetime) -> date:
    """The day by which the dashboard counts."""
    return at.astimezone(UTC).date()


def _counted(held: Held) -> tuple[object, ...]:
    return held.status, held.priority, held.category, held.agent, held.tags


def cells(held: Held) -> Iterable[Cell]:
    """Where a ticket is counted: once for itself, once for each value that the queue can be filtered by."""
    client, status, priority = held.client, held.status.value, held.priority.value if held.priority else ""
    yield client, "", "", status, priority
    yield client, "category", held.category or "", status, priority
    yield client, "assignee", str(held.agent) if held.agent else "", status, priority
    for tag in held.tags:
        yield client, "tag", tag, status, priority


def version_of(line: Line, valid_to: datetime) -> Version:
    """A line that was superseded at an instant, as a row of the history."""
    held = line.held
    priority = held.priority.value if held.priority else None
    return Version(
        lane_of(held.id), held.id, held.client, held.updated_at, valid_to, line.position, held.version,
        held.status.value, priority, held.category, held.agent, held.team, list(held.tags), held.exchanges,
        line.deadline, held.source_status, line.ended, microseconds(held.opened_at), *(line.clock or (None, None)),
    )  # fmt: skip


def row_of(line: Line) -> Row:
    """A line as a row of the queue, with its sort keys."""
    held, deadline = line.held, line.next_deadline
    priority = held.priority.value if held.priority else None
    by_deadline = microseconds(deadline) if deadline else NEVER
    rank = int(priority[1]) if priority else WITHOUT_PRIORITY
    return Row(
        lane_of(held.id), held.id, held.client, held.number, held.prefix, held.requester, stored_text(held.subject),
        held.opened_at, held.updated_at, line.position, held.version, held.status.value, priority, held.category,
        held.agent, held.team, list(held.tags), held.exchanges, line.deadline, held.source_status,
        line.was_active, microseconds(held.opened_at), by_deadline, priority_key(rank, by_deadline),
        *(line.clock or (None, None)),
    )  # fmt: skip


def priority_key(rank: int, by_deadline: int) -> int:
    """Sorts by priority first, then by deadline. A deadline before the year 2000 counts as if it were then."""
    return rank * 2 * NEVER + max(0, by_deadline)


def priority_range(priorities: Iterable[str]) -> tuple[int, int]:
    """The sort keys between which all tickets of these priorities stand, and perhaps others."""
    ranks = [int(priority[1]) for priority in priorities]
    return min(ranks) * 2 * NEVER, (max(ranks) + 1) * 2 * NEVER - 1


def stored_text(value: str | Sealed) -> str:
    """A personal value as a view stores it: the JSON that the event holds, sealed as it is."""
    return to_json(value).decode()


def array(values: Iterable[str]) -> str:
    """Texts as PostgreSQL writes an array of them."""
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"
