"""What the SLA's routes answer, as the OpenAPI document shows it. Pure data."""

from __future__ import annotations

from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.sla import Metric
from services.reporting.shape import Shape, Text


class Counts(Shape):
    """Judged clocks. Left out of the share are what may still change, and tickets that do not count."""

    met: int = 0
    breached: int = 0
    waived: int = Field(0, description="breached, and excused by a person with a reason")
    provisional: int = Field(0, description="met so far; the ticket may still be opened again")
    moved: int = Field(0, description="promises that another one replaced before they were due")
    excluded: int = Field(0, description="of spam, duplicates and merged tickets")
    attained: float | None = Field(None, description="met, of met, breached and waived; absent where there are none")
    attained_with_waived: float | None = Field(None, description="the same with waived ones as met")


class MetricFigures(Counts):
    metric: Metric
    spam: int = 0
    duplicate: int = 0
    merged: int = 0
    overdue_seconds: int = Field(0, description="open time beyond the due time, of breached ones, those that run too")


class BreachFigures(Shape):
    metric: Metric
    breach: str = Field(description="ran_out, by_change, promise (an update called for earlier) or pinned")
    cause: str | None = Field(description="what was found of the ticket, where it was")
    cycles: int
    waived: int


class GroupFigures(Shape):
    key: str | None = Field(description="a client, an agent's id, a team …; absent: none")
    name: Text
    metrics: list[MetricCounts]


class MetricCounts(Counts):
    metric: Metric


class Spread(Shape):
    """Seconds: the middle one, and the one that nine of ten stay below."""

    median: int | None
    p90: int | None


class NewsFigures(Shape):
    """How responsive the desk felt, beside how long it took."""

    tickets: int = Field(description="that ended in the range")
    news: int = Field(description="public answers and explained changes of status on the way")
    solution_seconds: Spread = Field(description="from submission to solution, wall time")
    open_seconds: Spread = Field(description="of it the desk's working time without pauses")
    silence_seconds: Spread = Field(description="the longest time without news, wall time")


class PauseFigures(Shape):
    """Paused time, and what the customer did meanwhile."""

    waits_for: str = Field(description="customer or supplier")
    pauses: int
    open_seconds: int = Field(description="working time of the pauses that have ended")
    lasting: int = Field(description="that have not ended")
    unasked: int = Field(description="the desk had said nothing since the customer's last word")
    answered: int = Field(description="the customer wrote meanwhile")
    unread_seconds: int = Field(description="working time that pauses went on after the customer's answer")
    by_customer: int = Field(description="ended by the customer's word")
    by_desk: int
    by_solution: int


class SlaShape(Shape):
    client: str | None
    name: Text
    since: AwareDatetime = Field(alias="from")
    until: AwareDatetime = Field(alias="to", description="not counted any more")
    as_of: AwareDatetime | None
    fresh_at: AwareDatetime = Field(description="everything recorded up to then is counted")
    metrics: list[MetricFigures]
    breaches: list[BreachFigures]
    group: str | None
    groups: list[GroupFigures]
    groups_left_off: bool
    news: NewsFigures
    pauses: list[PauseFigures]


class OfTicket(Shape):
    """A row of a list behind a figure, with its ticket."""

    ticket: UUID
    reference: str | None
    subject: Text
    client: str
    agent: UUID | None
    agent_name: Text
    category: str | None
    priority: str | None


class JudgedCycle(OfTicket):
    cycle: str
    metric: Metric
    outcome: str
    judged_at: AwareDatetime
    started_at: AwareDatetime
    due_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    breached_at: AwareDatetime | None
    breach: str | None
    changed_by: UUID | None = Field(description="the event that made it late, where a change did")
    waived_at: AwareDatetime | None
    team: str | None
    cause: str | None
    policy: str
    calendar: str
    target_seconds: int | None
    consumed_seconds: int
    paused_seconds: int
    overdue_seconds: int


class CyclesShape(Shape):
    items: list[JudgedCycle]
    next_cursor: str | None


class PausedTime(OfTicket):
    waits_for: str
    started_at: AwareDatetime
    asked: bool
    ended_at: AwareDatetime | None
    ended_by: str | None
    messages: int
    answered_at: AwareDatetime | None
    open_seconds: int | None
    unread_seconds: int | None


class PausesShape(Shape):
    items: list[PausedTime]
    next_cursor: str | None


class TicketStory(OfTicket):
    opened_at: AwareDatetime
    solved_at: AwareDatetime
    solution_seconds: int
    open_seconds: int
    silence_seconds: int
    news: int


class StoriesShape(Shape):
    items: list[TicketStory]
    next_cursor: str | None
