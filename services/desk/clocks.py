"""Clocks and events of a ticket -> bars to draw and lines to read. Pure; the templates only write them down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.desk import words
from services.desk.measures import Clock, Clocks
from services.desk.shapes import TicketEvent

WIDTH = 1000
"""Of a bar, in its own units; it is stretched to the page."""
LEAST = 4.0
"""What is shorter is drawn this wide, so that it can be seen."""

METRICS = {
    "first_reply": "First reply",
    "next_reply": "Next reply",
    "update": "Update",
    "resolution": "Solution",
    "agent_work": "Our work",
    "promise": "Promise",
}
OUTCOMES = {
    "open": "Running",
    "met": "Met",
    "breached": "Late",
    "waived": "Late, excused",
    "provisional": "Met so far",
    "not_counted": "Not counted",
}
PARTS = {"run": "runs", "pause": "paused", "resolved": "resolved"}
MARKS = {
    "activate": "Starts",
    "pause": "Paused",
    "resume": "Goes on",
    "stop": "Stops",
    "fulfil": "Ends",
    "cancel": "Ends, not counted",
    "apply": "Another target from here",
    "breached": "Due time passed",
}


@dataclass(frozen=True)
class Piece:
    kind: str
    x: float
    width: float


@dataclass(frozen=True)
class Tick:
    """A threshold on the bar: a warning or the due time."""

    kind: str
    x: float


@dataclass(frozen=True)
class Moment:
    """Something that happened to a clock. `link` leads to the event in the timeline."""

    at: datetime
    words: str
    cause: str | None
    link: UUID | None
    late: bool


@dataclass(frozen=True)
class Drawn:
    """A clock with its bar. `told` says in words what the bar shows."""

    clock: Clock
    title: str
    outcome: str
    pieces: tuple[Piece, ...]
    ticks: tuple[Tick, ...]
    now_x: float | None
    start: datetime
    end: datetime
    told: str
    moments: tuple[Moment, ...]


def drawn(shown: Clocks, events: Iterable[TicketEvent]) -> list[Drawn]:
    """Every clock with a target, those that go on first, then the newest."""
    known = {event.id: event for event in events}
    aimed = (clock for clock in shown.clocks if clock.target_seconds is not None or clock.due_at is not None)
    found = [_drawn(clock, shown.now, known) for clock in aimed if clock.outcome != "not_counted"]
    return sorted(found, key=lambda each: (each.clock.ended_at is not None, -each.clock.started_at.timestamp()))


def _drawn(clock: Clock, now: datetime, known: Mapping[UUID, TicketEvent]) -> Drawn:
    last = clock.ended_at or now
    end = max(at for at in (last, clock.due_at, clock.started_at) if at is not None)
    length = max((end - clock.started_at).total_seconds(), 1.0)

    def x(at: datetime) -> float:
        return round(min(max((at - clock.started_at).total_seconds() / length, 0.0), 1.0) * WIDTH, 1)

    pieces: list[Piece] = []
    for part in clock.parts:
        cut = clock.due_at if clock.outcome in ("breached", "waived") else None
        for kind, begin, close in _late(part.kind, part.from_at, part.to_at, cut):
            pieces.append(Piece(kind, x(begin), max(x(close) - x(begin), LEAST)))
    ticks = [Tick("warned", x(mark.at)) for mark in clock.marks if mark.what.startswith("warned")]
    if clock.due_at is not None:
        ticks.append(Tick("due", x(clock.due_at)))
    return Drawn(
        clock=clock,
        title=METRICS.get(clock.metric, words.plain(clock.metric)),
        outcome="Paused" if clock.state == "paused" else OUTCOMES.get(clock.outcome, words.plain(clock.outcome)),
        pieces=tuple(pieces),
        ticks=tuple(ticks),
        now_x=x(now) if clock.ended_at is None and now < end else None,
        start=clock.started_at,
        end=end,
        told=_told(clock),
        moments=tuple(_moment(mark.what, mark.at, mark.event, known) for mark in clock.marks),
    )


def _late(kind: str, begin: datetime, end: datetime, due: datetime | None) -> list[tuple[str, datetime, datetime]]:
    """A running piece is cut at the due time: what lies behind it is late."""
    if kind != "run" or due is None or due >= end:
        return [(kind, begin, end)]
    if due <= begin:
        return [("late", begin, end)]
    return [(kind, begin, due), ("late", due, end)]


def _told(clock: Clock) -> str:
    counts = {word: sum(part.kind == kind for part in clock.parts) for kind, word in PARTS.items()}
    said = [f"{word} {words.count(number, 'time', 'times')}" for word, number in counts.items() if number]
    return ", ".join(said) or "just begun"


def _moment(what: str, at: datetime, event: UUID | None, known: Mapping[UUID, TicketEvent]) -> Moment:
    kind, _, rest = what.partition(":")
    if kind == "warned":
        said = f"{float(rest):.0%} of the time used"
    elif kind == "escalated":
        said = f"Escalation {rest}"
    else:
        said = MARKS.get(kind, words.plain(kind))
    found = known.get(event) if event else None
    cause = words.plain(found.type.partition(".")[2]) if found else None
    return Moment(at, said, cause, event if found else None, kind == "breached")


def share(seconds: float) -> str:
    """A length of working time: `2 h 30 min`, `40 s`."""
    if seconds < 60:
        return f"{int(seconds)} s" if seconds else "0"
    hours, minutes = divmod(int(seconds) // 60, 60)
    if hours >= 1000:
        return f"{hours:,} h"
    return " ".join(filter(None, (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "")))
