"""What the API answers, as far as the screens need it. Pure data; unknown fields are ignored."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Person(Shape):
    """Somebody with a name: a requester, an agent, an actor. An erased person has no name left."""

    id: str | None = None
    name: str | None = None
    email: str | None = None
    kind: str | None = None


class Agent(Shape):
    id: UUID
    name: str
    role: str = "agent"
    level: str = "L1"


class SignedIn(Shape):
    token: str
    agent: Agent


class QueueItem(Shape):
    id: UUID
    reference: str
    client: str
    client_name: str | None = None
    subject: str | None = None
    requester_name: str | None = None
    status: str
    priority: str | None = None
    category: str | None = None
    assignee_id: UUID | None = None
    assignee_name: str | None = None
    tags: tuple[str, ...] = ()
    exchanges: int = 0
    opened_at: datetime
    updated_at: datetime
    next_update_by: datetime | None = None
    source_status: str | None = None
    version: int = 0


class QueuePage(Shape):
    items: tuple[QueueItem, ...]
    next_cursor: str | None = None
    total: int | None = None
    total_is_least: bool = False
    counts: dict[str, dict[str, int]] = Field(default_factory=dict)
    fresh_at: datetime | None = None


class ClientFigures(Shape):
    client: str
    name: str | None = None
    open: int = 0
    overdue: int = 0


class DayFigures(Shape):
    day: str
    created: int = 0
    resolved: int = 0


class Dashboard(Shape):
    fresh_at: datetime | None = None
    open: int = 0
    unassigned: int = 0
    overdue: int = 0
    next_due_at: datetime | None = None
    by_status: dict[str, int] = Field(default_factory=dict)
    by_priority: dict[str, int] = Field(default_factory=dict)
    by_client: tuple[ClientFigures, ...] = ()
    per_day: tuple[DayFigures, ...] = ()


class PriorityReason(Shape):
    points: float | None = None
    text: str | None = None
    axis: str | None = None
    words: tuple[Any, ...] = ()


class PriorityJudgement(Shape):
    value: str | None = None
    reasons: tuple[PriorityReason, ...] = ()
    set_by: str | Person | None = None
    reason: str | None = None
    urgency: float | None = None
    impact: float | None = None
    rule_version: str | None = None
    smallest_change: str | None = None


class Checkpoint(Shape):
    due_at: datetime
    text: str | None = None
    by: str | None = None
    outcome: str | None = None


class Ticket(Shape):
    """A ticket as it stands, or as it stood."""

    id: UUID
    reference: str
    client: str
    client_name: str | None = None
    subject: str | None = None
    requester: Person = Person()
    status: str
    priority: PriorityJudgement = PriorityJudgement()
    checkpoint: Checkpoint | None = None
    assignee: Person | None = None
    team: str | None = None
    level: str | None = None
    category: str | None = None
    tags: tuple[str, ...] = ()
    channel: str | None = None
    urgency: str | None = None
    exchanges: int = 0
    version: int
    opened_at: datetime
    updated_at: datetime
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    reopened: int = 0
    source_status: str | None = None
    origin: str = "live"


class TicketEvent(Shape):
    """One line of a ticket's log. `data` holds the event's own fields; a text that cannot be opened is no string."""

    id: UUID
    type: str
    time: datetime
    version: int = 0
    actor: Person = Person()
    data: dict[str, Any] = Field(default_factory=dict)


class EventsPage(Shape):
    items: tuple[TicketEvent, ...]
    next_cursor: str | None = None


class Letter(Shape):
    id: str
    to: str | None = None
    sender: str | None = Field(None, alias="from")
    subject: str | None = None
    sent_at: datetime | None = None
    kind: str | None = None
    reference: str | None = None
    text: str | None = None
    html: str | None = None


class LettersPage(Shape):
    items: tuple[Letter, ...]
    next_cursor: str | None = None


class GuestEntry(Shape):
    """One line of a request's history as its requester sees it. `text` is what somebody wrote, if somebody did."""

    at: datetime
    kind: str
    who: str | None = None
    text: str | None = None
    status: str | None = None
    due_at: datetime | None = None


class GuestTicket(Shape):
    """A request as its requester sees it: no internal note, no priority, no name of another client."""

    reference: str
    client: str
    client_name: str | None = None
    subject: str | None = None
    status: str
    next_update_by: datetime | None = None
    next_update_text: str | None = None
    opened_at: datetime
    history: tuple[GuestEntry, ...] = ()
