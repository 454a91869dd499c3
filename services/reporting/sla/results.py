"""A ticket's tale -> the rows that reports are made of: judged cycles, pauses, and how the whole ticket felt. Pure.

A cycle is judged when it ended, when the log holds its breach, or when its ticket is left out of the count. A clock
that still runs has no row: the queue shows it, by its due time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from itertools import pairwise
from typing import NamedTuple
from uuid import UUID

from contracts.sla import Metric
from contracts.subjects import lane_of
from contracts.ticket import Held
from services.kit.rules.clock_cycle import Cycle, End, Kind
from services.kit.rules.clock_words import overdue
from services.kit.rules.open_time import SECOND, instant, us
from services.reporting.line import utc_day
from services.reporting.sla.tale import ENDED, Pause, Tale, first_breach

COUNTED = ("met", "breached", "waived")


class CycleRow(NamedTuple):
    """What became of one cycle of one clock."""

    lane: int
    ticket: UUID
    cycle: str
    client: str
    metric: str
    outcome: str
    """met, breached, waived, moved (a promise that another one replaced in time), spam, duplicate or merged."""
    judged_at: datetime
    started_at: datetime
    due_at: datetime | None
    ended_at: datetime | None
    final_at: datetime | None
    """Until when it may still go on, because the ticket may be opened again."""
    breached_at: datetime | None
    breach: str | None
    """ran_out, by_change, promise (an update that a promise called for earlier) or pinned."""
    changed_by: UUID | None
    waived_at: datetime | None
    excluded_at: datetime | None
    agent: UUID | None
    team: str | None
    category: str | None
    priority: str | None
    cause: str | None
    policy: str
    calendar: str
    target_seconds: int | None
    consumed_seconds: int
    paused_seconds: int
    overdue_seconds: int
    running_from: datetime | None
    """Set where it still runs: its overdue time grows from here."""


class PauseRow(NamedTuple):
    lane: int
    ticket: UUID
    started_at: datetime
    client: str
    waits_for: str
    asked: bool
    ended_at: datetime | None
    ended_by: str | None
    messages: int
    answered_at: datetime | None
    open_seconds: int | None
    """Open time within it; absent while it lasts."""
    unread_seconds: int | None
    """Open time that it went on after the customer had answered."""
    agent: UUID | None
    team: str | None
    category: str | None
    priority: str | None
    origin: str


class StoryRow(NamedTuple):
    """A ticket that has ended: time to solution, and the longest time without news (F55)."""

    lane: int
    ticket: UUID
    client: str
    solved_at: datetime
    opened_at: datetime
    solution_seconds: int
    open_seconds: int
    silence_seconds: int
    news: int
    excluded: str | None
    agent: UUID | None
    team: str | None
    category: str | None
    priority: str | None


Tally = tuple[str, str, str, date, str, str]
"""What is counted together: facet, value, client, UTC day, metric, outcome."""


class Results(NamedTuple):
    """Everything that one ticket gives to reports."""

    cycles: tuple[CycleRow, ...] = ()
    pauses: tuple[PauseRow, ...] = ()
    stories: tuple[StoryRow, ...] = ()


def results(tale: Tale) -> Results:
    """The rows of a ticket as its events leave them."""
    held = tale.ticket
    if not isinstance(held, Held) or tale.fault is not None:
        return Results()
    cycles = tuple(_cycle(cycle, tale, held) for cycle in tale.fold.cycles if _is_judged(cycle, tale))
    pauses = {pause.started: _pause(pause, tale, held) for pause in tale.pauses if pause.ended != pause.started}
    story = (_story(tale, held),) if held.status in ENDED else ()
    return Results(cycles, tuple(pauses.values()), story)


def tallies(rows: Iterable[CycleRow]) -> Counter[Tally]:
    """Where cycles are counted: for their client, promises once more for the agent whose they were, and both for all
    clients together."""
    found: Counter[Tally] = Counter()
    for row in rows:
        day = utc_day(row.judged_at)
        found["", "", row.client, day, row.metric, row.outcome] += 1
        found["desk", "", "", day, row.metric, row.outcome] += 1
        if row.metric == Metric.PROMISE:
            agent = str(row.agent) if row.agent else ""
            found["agent", agent, row.client, day, row.metric, row.outcome] += 1
            found["desk_agent", agent, "", day, row.metric, row.outcome] += 1
    return found


def _is_judged(cycle: Cycle, tale: Tale) -> bool:
    if cycle.aim.length is None and cycle.pin is None:
        return False  # only measured: the ticket's own row has its times
    if cycle.end is End.CANCELLED and not cycle.breached:
        return cycle.metric is Metric.PROMISE and cycle.part_from > cycle.started
    over = cycle.end is not None or cycle.kind is Kind.RESOLVED
    return over or "breached" in cycle.recorded or tale.excluded is not None


def _cycle(cycle: Cycle, tale: Tale, held: Held) -> CycleRow:
    due, breach = cycle.due(), first_breach(cycle, tale)
    over = cycle.end is not None or cycle.kind is Kind.RESOLVED
    ended = cycle.part_from if over else None
    judged = next(at for at in (breach and breach[0], ended, tale.excluded_at, cycle.started) if at is not None)
    waived = tale.waived.get(cycle.id) if breach else None
    final = cycle.provisional_until if cycle.end is None and over else ended
    return CycleRow(
        lane_of(held.id), held.id, cycle.id, held.client, cycle.metric.value,
        _outcome(cycle, tale, breached=breach is not None, waived=waived is not None),
        instant(judged), instant(cycle.started), _at(due), _at(ended), _at(final),
        instant(breach[0]) if breach else None,
        _breach(cycle, due, by_change=breach[1]) if breach else None,
        _changed_by(cycle, breach[0]) if breach and breach[1] else None,
        _at(waived), _at(tale.excluded_at), *tale.whose(judged), held.cause.value if held.cause else None,
        cycle.aim.policy, cycle.aim.open.version,
        None if cycle.aim.length is None else cycle.aim.length // SECOND,
        cycle.consumed // SECOND, _paused(cycle) // SECOND, overdue(cycle, due, cycle.part_from) // SECOND,
        instant(cycle.part_from) if not over and cycle.kind is Kind.RUN else None,
    )  # fmt: skip


def _outcome(cycle: Cycle, tale: Tale, *, breached: bool, waived: bool) -> str:
    if tale.excluded is not None:
        return tale.excluded
    if breached:
        return "waived" if waived else "breached"
    return "moved" if cycle.end is End.CANCELLED else "met"


def _breach(cycle: Cycle, due: int | None, *, by_change: bool) -> str:
    if by_change:
        return "by_change"
    if cycle.pin is not None:
        return "pinned"
    return "promise" if cycle.at_promise or (cycle.cap is not None and cycle.cap == due) else "ran_out"


def _changed_by(cycle: Cycle, at: int) -> UUID | None:
    return next((mark.cause for mark in reversed(cycle.marks) if mark.what == "apply" and mark.at == at), None)


def _paused(cycle: Cycle) -> int:
    return sum(cycle.aim.open.between(part.start, part.end) for part in cycle.parts if part.kind is Kind.PAUSE)


def _pause(pause: Pause, tale: Tale, held: Held) -> PauseRow:
    hours, ended = tale.hours, pause.ended
    unread = None if ended is None or pause.answered is None else hours.between(pause.answered, ended) // SECOND
    return PauseRow(
        lane_of(held.id), held.id, instant(pause.started), held.client, pause.waits_for, pause.asked, _at(ended),
        pause.ended_by, pause.messages, _at(pause.answered),
        None if ended is None else hours.between(pause.started, ended) // SECOND, unread,
        *tale.whose(pause.started), held.origin,
    )  # fmt: skip


def _story(tale: Tale, held: Held) -> StoryRow:
    solved = held.resolved_at or held.closed_at or held.updated_at
    opened, end = us(held.opened_at), us(solved)
    words = [opened, *sorted(at for at in tale.news if opened <= at <= end), end]
    silence = max(after - before for before, after in pairwise(words))
    consumed = sum(cycle.consumed for cycle in tale.fold.cycles if cycle.metric is Metric.RESOLUTION)
    return StoryRow(
        lane_of(held.id), held.id, held.client, solved, held.opened_at,
        (end - opened) // SECOND, consumed // SECOND, silence // SECOND, len(words) - 2,
        tale.excluded, *tale.whose(end),
    )  # fmt: skip


def _at(at: int | None) -> datetime | None:
    return None if at is None else instant(at)
