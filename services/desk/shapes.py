"""What the API answers, as far as the screens need it. Pure data; unknown fields are ignored."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

ERASED = "[erased]"
"""What the API writes where an erased person's text stood."""


def _readable(value: Any) -> Any:
    """Text that stayed sealed, because its reader may not open it, is as absent as erased text."""
    return None if isinstance(value, dict) or value == ERASED else value


Text = Annotated[str | None, BeforeValidator(_readable)]


class Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Person(Shape):
    """Somebody with a name: a requester, an agent, an actor. An erased person has no name left."""

    id: str | None = None
    name: Text = None
    address: Text = None
    kind: str | None = None


class Agent(Shape):
    id: UUID
    name: str
    role: str = "agent"
    level: str = "L1"


class SignedIn(Shape):
    token: str
    agent: Agent


class IncidentBadge(Shape):
    """The open incident that a ticket belongs to: confirmed, or suspected."""

    id: UUID
    status: str


class QueueItem(Shape):
    id: UUID
    reference: str
    client: str
    client_name: str | None = None
    subject: Text = None
    requester_name: Text = None
    status: str
    priority: str | None = None
    category: str | None = None
    assignee_id: UUID | None = None
    assignee_name: Text = None
    tags: tuple[str, ...] = ()
    exchanges: int = 0
    opened_at: datetime
    updated_at: datetime
    next_update_by: datetime | None = None
    next_deadline: datetime | None = None
    next_deadline_of: str | None = None
    source_status: str | None = None
    version: int = 0
    incident: IncidentBadge | None = None

    @property
    def due(self) -> datetime | None:
        """What the queue is sorted by: the promise or a clock, whichever comes first."""
        return self.next_deadline or self.next_update_by


class QueuePage(Shape):
    items: tuple[QueueItem, ...]
    next_cursor: str | None = None
    total: int | None = None
    total_is_least: bool = False
    counts: dict[str, dict[str, int]] = Field(default_factory=dict)
    fresh_at: datetime | None = None


class ClientFigures(Shape):
    client: str
    name: Text = None
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
    code: str
    axis: str = ""
    points: float = 0
    words: tuple[Any, ...] = ()


class PriorityJudgement(Shape):
    value: str | None = None
    reasons: tuple[PriorityReason, ...] = ()
    set_by: Person | None = None
    reason: Text = None
    urgency: float | None = None
    impact: float | None = None
    rule_version: str | None = None
    smallest_change: str | None = None
    inputs: dict[str, Any] | None = None


class Classification(Shape):
    unsure: bool = False
    confidence: float = 0
    learned_from: int | None = None
    set_by_person: bool = False
    candidates: tuple[dict[str, Any], ...] = ()


class Checkpoint(Shape):
    due_at: datetime
    text: Text = None
    by: str | None = None
    outcome: str | None = None


class Ticket(Shape):
    """A ticket as it stands, or as it stood."""

    id: UUID
    reference: str
    client: str
    client_name: str | None = None
    subject: Text = None
    requester: Person = Person()
    status: str
    priority: PriorityJudgement | None = None
    suggested: PriorityJudgement | None = None
    classification: Classification | None = None
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
    adopted: bool = False
    split_off: tuple[UUID, ...] = ()
    incident: IncidentBadge | None = None


class TicketEvent(Shape):
    """One line of a ticket's log. `data` holds the event's own fields; a text that cannot be opened is no string."""

    id: UUID
    type: str
    time: datetime
    version: int = Field(0, alias="streamversion")
    actor: str = ""
    actor_name: Text = None
    data: dict[str, Any] = Field(default_factory=dict)

    @property
    def actor_kind(self) -> str:
        """requester, agent, token or system."""
        return self.actor.partition(":")[0]


class EventsPage(Shape):
    items: tuple[TicketEvent, ...]
    next_cursor: str | None = None


class Letter(Shape):
    id: UUID
    to: Text = None
    sender: str | None = Field(None, alias="from")
    subject: Text = None
    sent_at: datetime | None = None
    kind: str | None = None
    reference: str | None = None
    text: Text = None
    html: Text = None


class LettersPage(Shape):
    items: tuple[Letter, ...]
    next_cursor: str | None = None


class Subscriber(Shape):
    """One that follows the log: a consumer of the desk's own, a webhook, a NATS account, a reader over HTTP."""

    kind: str
    id: str | None = None
    name: str
    client: str | None = None
    clients: tuple[str, ...] | None = None
    state: str = "active"
    position: int = 0
    behind: int = 0
    lanes: dict[str, int] = Field(default_factory=dict)
    retries: int = 0
    dead_letters: int = 0
    streams: int = 0
    host: str | None = None
    last_at: datetime | None = None
    last_code: str | None = None
    pause_reason: str | None = None


class Subscribers(Shape):
    items: tuple[Subscriber, ...]
    may_change: bool = False


class ClientName(Shape):
    id: str
    name: Text = None


class ClientsPage(Shape):
    items: tuple[ClientName, ...]
    next_cursor: str | None = None


class DeadLetter(Shape):
    """An event that somebody did not take. `code` is a receiver's word, `error` a consumer's."""

    position: str
    subject: UUID
    type: str
    attempts: int = 0
    code: str | None = None
    error: str | None = None
    failed_at: datetime


class DeadLetters(Shape):
    items: tuple[DeadLetter, ...]


class GuestEntry(Shape):
    """One line of a request's history as its requester sees it. `text` is what somebody wrote, if somebody did."""

    at: datetime
    kind: str
    who: Text = None
    text: Text = None
    status: str | None = None
    due_at: datetime | None = None


class GuestTicket(Shape):
    """A request as its requester sees it: no internal note, no priority, no name of another client."""

    reference: str
    client: str
    client_name: str | None = None
    subject: Text = None
    status: str
    next_update_by: datetime | None = None
    next_update_text: Text = None
    opened_at: datetime
    history: tuple[GuestEntry, ...] = ()
