"""Clocks -> what a person may ask of them: every second with the event that caused it, and one sentence. Pure.

The parts of a clock tile its time from its start to its end (or to now) without gap or overlap, so their open time sums
to the whole exactly; it is given in microseconds, because seconds of parts that end between two would not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from contracts.sla import Metric
from services.kit.rules.clock_cycle import Cycle, End, Kind
from services.kit.rules.clocks import Clocks
from services.kit.rules.open_time import SECOND, instant

NAMES: Final = {
    Metric.FIRST_REPLY: "Our first reply",
    Metric.NEXT_REPLY: "Our reply to your message",
    Metric.UPDATE: "Our next update",
    Metric.RESOLUTION: "The solution",
    Metric.AGENT_WORK: "Our work on it",
    Metric.PROMISE: "The next word that we promised",
}


@dataclass(frozen=True, slots=True)
class ExplainedPart:
    """A piece of a clock's time; `event` is what it began with."""

    kind: str
    from_at: datetime
    to_at: datetime
    event: UUID
    open_microseconds: int
    counts: bool


@dataclass(frozen=True, slots=True)
class ExplainedMark:
    """What happened to the clock: activate, pause, resume, stop, fulfil, cancel, apply; warned:0.5, breached …"""

    what: str
    at: datetime
    event: UUID | None


@dataclass(frozen=True, slots=True)
class Explained:
    """One cycle of one clock. `outcome` is open, met, breached, waived, provisional or not_counted."""

    metric: Metric
    cycle: str
    state: str
    outcome: str
    policy_version: str
    row: int | None
    calendar_version: str
    target_seconds: int | None
    started_at: datetime
    ended_at: datetime | None
    due_at: datetime | None
    pinned: bool
    breached_at: datetime | None
    breached_by_change: bool
    breached_promise: bool
    waived_by: UUID | None
    consumed_microseconds: int
    paused_microseconds: int
    overdue_seconds: int
    parts: tuple[ExplainedPart, ...]
    marks: tuple[ExplainedMark, ...]
    sentence: str


def explain(state: Clocks) -> list[Explained]:
    """Every cycle, the oldest first."""
    return [_explained(cycle, state) for cycle in state.cycles]


def _explained(cycle: Cycle, state: Clocks) -> Explained:
    parts = _parts(cycle, state.now)
    due = cycle.due()
    breach = next((firing for firing in cycle.firings if firing.threshold.key == "breached"), None)
    outcome = outcome_of(cycle, state)
    return Explained(
        metric=cycle.metric,
        cycle=cycle.id,
        state=_state(cycle, state),
        outcome=outcome,
        policy_version=cycle.aim.policy,
        row=None if cycle.aim.row is None else cycle.aim.row + 1,
        calendar_version=cycle.aim.open.version,
        target_seconds=None if cycle.aim.length is None else cycle.aim.length // SECOND,
        started_at=instant(cycle.started),
        ended_at=None if cycle.end is None else instant(cycle.part_from),
        due_at=None if due is None else instant(due),
        pinned=cycle.pin is not None,
        breached_at=None if breach is None else instant(breach.at),
        breached_by_change=breach is not None and breach.by_change,
        breached_promise=cycle.at_promise,
        waived_by=cycle.waived,
        consumed_microseconds=sum(part.open_microseconds for part in parts if part.counts),
        paused_microseconds=sum(part.open_microseconds for part in parts if not part.counts),
        overdue_seconds=overdue(cycle, due, state.now) // SECOND,
        parts=parts,
        marks=_marks(cycle),
        sentence=_sentence(cycle, outcome, due, state),
    )


def _parts(cycle: Cycle, now: int) -> tuple[ExplainedPart, ...]:
    pieces = [(part.kind, part.start, part.end, part.cause) for part in cycle.parts]
    if cycle.end is None and now > cycle.part_from:
        pieces.append((cycle.kind, cycle.part_from, now, cycle.part_cause))
    return tuple(
        ExplainedPart(
            kind, instant(start), instant(end), cause, cycle.aim.open.between(start, end), counts=kind is Kind.RUN
        )
        for kind, start, end, cause in pieces
    )


def _marks(cycle: Cycle) -> tuple[ExplainedMark, ...]:
    found = [(mark.at, mark.what, mark.cause) for mark in cycle.marks]
    found += [(firing.at, firing.threshold.key, cycle.recorded.get(firing.threshold.key)) for firing in cycle.firings]
    return tuple(ExplainedMark(what, instant(at), cause) for at, what, cause in sorted(found, key=lambda mark: mark[0]))


def overdue(cycle: Cycle, due: int | None, now: int) -> int:
    """Open microseconds that the clock ran beyond its due time."""
    if due is None:
        return 0
    ran = [(part.start, part.end) for part in cycle.parts if part.kind is Kind.RUN]
    if cycle.end is None and cycle.kind is Kind.RUN:
        ran.append((cycle.part_from, now))
    return sum(cycle.aim.open.between(max(start, due), end) for start, end in ran)


def _state(cycle: Cycle, state: Clocks) -> str:
    if cycle.end is not None:
        return str(cycle.end)
    if state.merged:
        return "cancelled"
    return {Kind.RUN: "running", Kind.PAUSE: "paused", Kind.RESOLVED: "stopped"}[cycle.kind]


def outcome_of(cycle: Cycle, state: Clocks) -> str:
    if state.merged or state.excluded is not None or (cycle.end is End.CANCELLED and not cycle.breached):
        return "not_counted"
    if cycle.breached:
        return "breached" if cycle.waived is None else "waived"
    if cycle.end is None:
        return "provisional" if cycle.kind is Kind.RESOLVED else "open"
    return "met" if cycle.aim.length is not None else "not_counted"


def _sentence(cycle: Cycle, outcome: str, due: int | None, state: Clocks) -> str:
    name, zone = NAMES[cycle.metric], ZoneInfo(cycle.aim.open.zone)
    by = "" if due is None else f"{instant(due).astimezone(zone):%A %-d %B %Y, %H:%M} ({zone.key})"
    if outcome == "not_counted":
        return f"{name} is not measured against a target{' any more' if cycle.aim.length is not None else ''}."
    if outcome in {"met", "provisional"}:
        return (
            f"{name} came within {length(cycle.consumed)} of our working time{f'; it was due by {by}' if by else ''}."
        )
    if outcome in {"breached", "waived"}:
        late = length(overdue(cycle, due, state.now))
        forgiven = "; this was excused, with a reason" if outcome == "waived" else ""
        verb = "is" if cycle.end is None else "was"
        return f"{name} was due by {by or 'then'} and {verb} {late} of working time late{forgiven}."
    if cycle.kind is Kind.PAUSE:
        return f"{name}: the time stands still while we wait; {length(cycle.consumed)} of our working time are used."
    if due is None:
        return f"{name} has no target."
    return f"{name} is due by {by}; {length(cycle.consumed_at(state.now))} of our working time are used."


def length(microseconds: int) -> str:
    """A length of time as a person says it."""
    minutes, seconds = divmod(microseconds // SECOND, 60)
    hours, minutes = divmod(minutes, 60)
    said = [f"{hours} h"] if hours else []
    said += [f"{minutes} min"] if minutes else []
    return " ".join(said) or f"{seconds} s"
