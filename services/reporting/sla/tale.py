"""Events of one ticket -> its clocks, pauses and silences, as far as reports are made of them. Pure.

A tale follows one ticket event by event and is never told the time: what it holds changes with events alone, so the
batches in which they arrive leave no trace. Instants are microseconds since 1970 (open_time).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

from contracts import sla, tickets
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.sla import Metric
from contracts.terms import Status
from contracts.ticket import INITIAL, Absent, Held, Ticket, evolve
from services.kit.configuration import Books
from services.kit.rules.clock_cycle import Cycle, Kind
from services.kit.rules.clock_rules import RULES
from services.kit.rules.clocks import Fold, RunsBackwards
from services.kit.rules.open_time import OpenTime, us
from services.kit.rules.policies import WALL, NoCalendar

WAITING: Final = {Status.WAITING_FOR_CUSTOMER: "customer", Status.WAITING_FOR_SUPPLIER: "supplier"}
ENDED: Final = frozenset({Status.RESOLVED, Status.CLOSED})
MATTERS: Final = frozenset({*RULES, "ticket.assigned", "ticket.escalated", "ticket.finding_recorded"})
"""Every other event changes no row that a report is made of."""


class Whose(NamedTuple):
    """What a result is grouped by: as it was when the result came about."""

    agent: UUID | None
    team: str | None
    category: str | None
    priority: str | None


@dataclass
class Pause:
    """A time in which the ticket waited for somebody else, and what the customer did meanwhile."""

    waits_for: str
    started: int
    asked: bool
    """Whether the desk had said something since the customer's last word: else it waits for an answer to nothing."""
    ended: int | None = None
    ended_by: str | None = None
    """customer (they wrote), desk, or solved."""
    messages: int = 0
    answered: int | None = None
    """The customer's first message within it."""


class Tale:
    """One ticket up to `version`. Only whoever is as far as that may feed it the next event."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.fold = Fold(books.policies, books.calendars)
        self.ticket: Ticket = INITIAL
        self.version = 0
        self.owners: list[tuple[int, Whose]] = []
        self.waived: dict[str, int] = {}
        self.true_at: dict[str, int] = {}
        """Breaches that the log holds, by cycle: a target that became looser does not undo them."""
        self.pauses: list[Pause] = []
        self.news: list[int] = []
        """When the customer heard something from a person."""
        self.excluded_at: int | None = None
        self.spoken = False
        """Whether the desk has said something since the customer's last word."""
        self.fault: str | None = None

    def take(self, event: Recorded[Event]) -> None:
        """One more event, the one behind `version`."""
        at, before = us(event.occurred_at), self.ticket
        self.ticket = evolve(before, event)
        self.version = event.version
        if isinstance(self.ticket, Absent) or event.type not in MATTERS:
            return
        self._turn_clocks(event, at)
        if isinstance(before, Held):
            self._wait(event, at, before.status, self.ticket.status)
        self._hear(event, at)
        self._note(event, at, self.ticket)

    def due(self) -> tuple[int, Metric] | None:
        """The clock that runs out first of those that run: its due time, past or coming. Promises are told apart."""
        if self.fold.merged or self.fold.ended_at is not None:
            return None
        found = [
            (due, cycle.metric)
            for metric, cycle in self.fold.open.items()
            if metric is not Metric.PROMISE
            and cycle.kind is Kind.RUN
            and cycle.id not in self.waived
            and (due := cycle.due()) is not None
        ]
        return min(found, default=None)

    @property
    def excluded(self) -> str | None:
        """Why nothing of this ticket counts."""
        return "merged" if self.fold.merged else self.fold.excluded.value if self.fold.excluded else None

    @property
    def hours(self) -> OpenTime:
        """The calendar by which open time of the whole ticket is told: that of its newest solution clock."""
        solutions = [cycle for cycle in self.fold.cycles if cycle.metric is Metric.RESOLUTION]
        return solutions[-1].aim.open if solutions else WALL

    def whose(self, at: int) -> Whose:
        """Whose the ticket was at an instant."""
        return next((whose for since, whose in reversed(self.owners) if since <= at), self.owners[0][1])

    def _turn_clocks(self, event: Recorded[Event], at: int) -> None:
        """A history or a policy that makes no sense costs this ticket its clocks, and its lane nothing."""
        if self.fault is not None:
            return
        try:
            self.fold.take(event, at)
        except (RunsBackwards, NoCalendar) as error:
            self.fault = str(error)

    def _wait(self, event: Recorded[Event], at: int, before: Status, after: Status) -> None:
        pause = self.pauses[-1] if self.pauses and self.pauses[-1].ended is None else None
        if pause is not None and isinstance(event.data, tickets.MessageReceived):
            pause.messages += 1
            pause.answered = at if pause.answered is None else pause.answered
        if before is after:
            return
        if pause is not None:
            pause.ended = at
            wrote = pause.answered == at or event.actor.startswith("requester:")
            pause.ended_by = "solved" if after in ENDED else "customer" if wrote else "desk"
        if after in WAITING:
            self.pauses.append(Pause(WAITING[after], at, self.spoken))

    def _hear(self, event: Recorded[Event], at: int) -> None:
        match event.data:
            case tickets.ReplySent() if not event.actor.startswith("system:"):
                self.news.append(at)
                self.spoken = True
            case tickets.StatusChanged(explanation=words) if words is not None:
                self.news.append(at)
                self.spoken = True
                if self.pauses and self.pauses[-1].started == at:
                    self.pauses[-1].asked = True
            case tickets.MessageReceived(thanks=False):
                self.spoken = False
            case _:
                pass

    def _note(self, event: Recorded[Event], at: int, held: Held) -> None:
        whose = Whose(held.agent, held.team, held.category, held.priority.value if held.priority else None)
        if not self.owners or self.owners[-1][1] != whose:
            self.owners.append((at, whose))
        match event.data:
            case sla.SlaWaived(cycle=cycle):
                self.waived.setdefault(cycle, at)
            case sla.SlaBreached(cycle=cycle, true_at=true_at):
                self.true_at.setdefault(cycle, us(true_at))
            case _:
                pass
        if self.excluded is None:
            self.excluded_at = None
        elif self.excluded_at is None:
            self.excluded_at = at


def told(tale: Tale, events: Iterable[Recorded[Event]]) -> Tale:
    """The tale after those of some events that it has not heard."""
    for event in events:
        if event.version > tale.version:
            tale.take(event)
    return tale


def first_breach(cycle: Cycle, tale: Tale) -> tuple[int, bool] | None:
    """When a cycle broke its target, and whether by a change of it; None where it has not, as far as events tell."""
    if not cycle.breached:
        return None
    for firing in cycle.firings:
        if firing.threshold.key == "breached":
            return firing.at, firing.by_change
    told: Any = tale.true_at.get(cycle.id)
    due = cycle.due()
    at = told if told is not None else due if due is not None else cycle.part_from
    return at, False
