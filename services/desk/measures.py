"""What the API answers about clocks and promises, as far as the screens need it. Pure data."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from services.desk.shapes import Dashboard, QueueItem, Shape, Text


class ClockPart(Shape):
    kind: str
    from_at: datetime
    to_at: datetime
    event: UUID
    open_microseconds: int


class ClockMark(Shape):
    what: str
    at: datetime
    event: UUID | None = None


class Clock(Shape):
    """One cycle of one clock."""

    metric: str
    cycle: str
    state: str
    outcome: str
    policy_version: str
    row: int | None = None
    calendar_version: str
    target_seconds: int | None = None
    started_at: datetime
    ended_at: datetime | None = None
    due_at: datetime | None = None
    pinned: bool = False
    breached_at: datetime | None = None
    breached_by_change: bool = False
    consumed_microseconds: int = 0
    paused_microseconds: int = 0
    overdue_seconds: int = 0
    parts: tuple[ClockPart, ...] = ()
    marks: tuple[ClockMark, ...] = ()
    sentence: str


class Clocks(Shape):
    reference: str
    now: datetime
    next_at: datetime | None = None
    clocks: tuple[Clock, ...] = ()


class Counts(Shape):
    metric: str
    met: int = 0
    breached: int = 0
    waived: int = 0
    provisional: int = 0
    moved: int = 0
    excluded: int = 0
    spam: int = 0
    duplicate: int = 0
    merged: int = 0
    attained: float | None = None
    attained_with_waived: float | None = None
    overdue_seconds: int = 0


class Breaches(Shape):
    metric: str
    breach: str
    cause: str | None = None
    cycles: int
    waived: int = 0


class GroupCounts(Shape):
    key: str | None = None
    name: Text = None
    metrics: tuple[Counts, ...] = ()


class Spread(Shape):
    median: int | None = None
    p90: int | None = None


class News(Shape):
    tickets: int = 0
    news: int = 0
    solution_seconds: Spread = Spread()
    open_seconds: Spread = Spread()
    silence_seconds: Spread = Spread()


class PauseCounts(Shape):
    waits_for: str
    pauses: int
    open_seconds: int = 0
    lasting: int = 0
    unasked: int = 0
    answered: int = 0
    unread_seconds: int = 0
    by_customer: int = 0
    by_desk: int = 0
    by_solution: int = 0


class Sla(Shape):
    """How clocks and promises were kept in a range."""

    client: str | None = None
    name: Text = None
    since: datetime = Field(alias="from")
    until: datetime = Field(alias="to")
    fresh_at: datetime | None = None
    metrics: tuple[Counts, ...] = ()
    breaches: tuple[Breaches, ...] = ()
    group: str | None = None
    groups: tuple[GroupCounts, ...] = ()
    groups_left_off: bool = False
    news: News = News()
    pauses: tuple[PauseCounts, ...] = ()


class OfTicket(Shape):
    ticket: UUID
    reference: str | None = None
    subject: Text = None
    client: str
    agent_name: Text = None


class Judged(OfTicket):
    metric: str
    outcome: str
    judged_at: datetime
    started_at: datetime
    due_at: datetime | None = None
    ended_at: datetime | None = None
    breach: str | None = None
    cause: str | None = None
    overdue_seconds: int = 0
    consumed_seconds: int = 0


class JudgedPage(Shape):
    items: tuple[Judged, ...] = ()
    next_cursor: str | None = None


class Paused(OfTicket):
    waits_for: str
    started_at: datetime
    asked: bool
    ended_at: datetime | None = None
    ended_by: str | None = None
    messages: int = 0
    answered_at: datetime | None = None
    open_seconds: int | None = None
    unread_seconds: int | None = None


class PausedPage(Shape):
    items: tuple[Paused, ...] = ()
    next_cursor: str | None = None


class Story(OfTicket):
    opened_at: datetime
    solved_at: datetime
    solution_seconds: int
    open_seconds: int
    silence_seconds: int


class StoryPage(Shape):
    items: tuple[Story, ...] = ()
    next_cursor: str | None = None


class Attainment(Shape):
    metric: str
    met: int = 0
    breached: int = 0
    waived: int = 0
    attained: float | None = None
    attained_with_waived: float | None = None


class Promises(Shape):
    key: str | None = None
    name: Text = None
    kept: int = 0
    moved: int = 0
    missed: int = 0


class Board(Dashboard):
    """The dashboard with what clocks and promises add to it."""

    breaching_soon: tuple[QueueItem, ...] = ()
    attainment: tuple[Attainment, ...] = ()
    promises_by_client: tuple[Promises, ...] = ()
    promises_by_agent: tuple[Promises, ...] = ()
