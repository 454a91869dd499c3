"""The answers of the query API, for its OpenAPI document and for whoever reads it. Pure data.

Answers are written as plain JSON, without passing through these models: a page of the queue would spend half its time
there. A test holds the two together.
"""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.clients import Tier
from contracts.envelope import CloudEvent
from contracts.people import Level, Role
from contracts.sla import Metric
from contracts.terms import Channel, Priority, Status, Urgency
from services.reporting.shape import POSITION, Shape, Text
from services.reporting.shapes_judged import ClassificationShape, PriorityShape


class IncidentBadge(Shape):
    id: UUID
    status: str = Field(description="confirmed, or suspected")


class QueueItem(Shape):
    id: UUID
    reference: str = Field(examples=["ACME-1042"])
    client: str
    client_name: str | None
    subject: Text
    requester_name: Text
    status: Status
    priority: Priority | None
    category: str | None
    assignee_id: UUID | None
    assignee_name: Text
    team: str | None
    tags: list[str]
    exchanges: int = Field(description="messages and public replies")
    opened_at: AwareDatetime
    updated_at: AwareDatetime
    next_update_by: AwareDatetime | None = Field(description="the promised next update, while the ticket is active")
    next_deadline: AwareDatetime | None = Field(description="what is due first, that promise or a running clock")
    next_deadline_of: str | None = Field(description="promise, or the clock's metric", examples=["first_reply"])
    source_status: str | None = Field(description="the other desk's word for it, where it was imported")
    position: str = Field(description=POSITION, examples=["3:1042", "1042"])
    version: int
    incident: IncidentBadge | None = Field(description="the open incident that the ticket belongs to now")


class Counts(Shape):
    """For each value, how many tickets a click on it would show: counted under all the other filters."""

    status: dict[str, int]
    priority: dict[str, int] = Field(description="P1 to P4; none: not judged yet")


class QueueShape(Shape):
    items: list[QueueItem]
    next_cursor: str | None
    total: int
    total_is_least: bool = Field(description="there may be more than total: not all were counted")
    counts: Counts
    as_of: AwareDatetime | None
    fresh_at: AwareDatetime = Field(description="everything recorded up to then is shown")


class ClientFigures(Shape):
    client: str
    name: str | None
    open: int
    overdue: int


class DayFigures(Shape):
    day: date
    created: int
    resolved: int


class Attainment(Shape):
    metric: Metric
    met: int
    breached: int
    waived: int
    attained: float | None = Field(description="met, of met, breached and waived")
    attained_with_waived: float | None


class Promises(Shape):
    key: str | None = Field(description="a client, or an agent's id; absent: nobody had the ticket")
    name: Text
    kept: int
    moved: int
    missed: int


class DashboardShape(Shape):
    fresh_at: AwareDatetime
    as_of: AwareDatetime | None
    open: int = Field(description="new, open or waiting")
    unassigned: int
    overdue: int = Field(description="active, and the promised next update or a clock's due time has passed")
    next_due_at: AwareDatetime | None
    by_status: dict[str, int]
    by_priority: dict[str, int] = Field(description="of active tickets; none: not judged yet")
    by_client: list[ClientFigures]
    per_day: list[DayFigures] = Field(description="the last 30 days (UTC)")
    breaching_soon: list[QueueItem] = Field(description="whose promise or clock is due next")
    attainment: list[Attainment] = Field(description="of clocks judged in the last 30 days (UTC)")
    promises_by_client: list[Promises] = Field(description="of the last 30 days, the most missed first")
    promises_by_agent: list[Promises]


class Somebody(Shape):
    id: UUID
    name: Text
    address: Text


class Assignee(Shape):
    id: UUID
    name: Text


class CheckpointShape(Shape):
    due_at: AwareDatetime
    text: Text
    by: str = Field(description="policy or agent")
    promised_at: AwareDatetime
    outcome: str | None = Field(description="kept, missed, or null while it is open")


class LinkShape(Shape):
    ticket: UUID
    kind: str


class TicketShape(Shape):
    id: UUID
    reference: str
    client: str
    client_name: str | None
    status: Status
    subject: Text
    requester: Somebody
    channel: Channel
    urgency: Urgency | None
    category: str | None
    classification: ClassificationShape | None
    service: str | None
    language: str | None
    tone: str | None
    tone_degree: float
    priority: PriorityShape | None
    suggested: PriorityShape | None = Field(
        description="a lower priority that newer facts would give; a person decides"
    )
    checkpoint: CheckpointShape | None
    next_update_by: AwareDatetime | None
    assignee: Assignee | None
    team: str | None
    level: str | None
    tags: list[str]
    exchanges: int
    reopened: int
    collaborators: list[Somebody]
    links: list[LinkShape]
    merged_into: UUID | None
    split_from: UUID | None
    split_off: list[UUID]
    adopted: bool
    cause: str | None
    close_reason: str | None
    opened_at: AwareDatetime
    updated_at: AwareDatetime
    first_reply_at: AwareDatetime | None
    resolved_at: AwareDatetime | None
    closed_at: AwareDatetime | None
    source: dict[str, Any] | None
    source_status: str | None
    origin: str
    version: int
    intake_version: int = Field(description="what If-Match is held against")
    position: str
    as_of: str | None
    incident: IncidentBadge | None = Field(description="the open incident that the ticket belongs to now")


class TimelineItem(CloudEvent):
    """An event with its data opened; names of whom the data names are added to it."""

    actor_name: Text


class TimelineShape(Shape):
    items: list[TimelineItem]
    next_cursor: str | None


class GuestEntry(Shape):
    at: AwareDatetime
    kind: str = Field(description="submitted, message, reply, status, promised, assigned, resolved, reopened or closed")
    who: Text
    text: Text
    status: Status | None = None
    due_at: AwareDatetime | None = None


class GuestTicketShape(Shape):
    reference: str
    client: str
    client_name: str | None
    subject: Text
    status: Status
    next_update_by: AwareDatetime | None
    next_update_text: Text
    opened_at: AwareDatetime
    history: list[GuestEntry]


class ClientShape(Shape):
    id: str
    name: str
    prefix: str
    zone: str
    tier: Tier
    languages: list[str]
    practice: bool
    version: int


class ClientsShape(Shape):
    items: list[ClientShape]
    next_cursor: str | None


class AgentShape(Shape):
    id: UUID
    name: Text
    address: Text
    role: Role
    level: Level
    teams: list[str]
    clients: list[str] = Field(description="empty: all")


class AgentsShape(Shape):
    items: list[AgentShape]
    next_cursor: str | None


class LetterShape(Shape):
    id: UUID
    kind: str
    reference: str
    client: str
    ticket: UUID
    sent_at: AwareDatetime
    sender: str | None = Field(alias="from")
    to: Text
    subject: Text
    text: Text
    html: Text


class LettersShape(Shape):
    items: list[LetterShape]
    next_cursor: str | None


class SubscriberShape(Shape):
    """One that follows the log: a consumer of the desk's own, a webhook, a NATS account, or a reader of GET /events."""

    kind: str = Field(description="consumer, webhook, nats or http")
    id: str | None = Field(description="a webhook's id, or that of a reader's token")
    name: str
    client: str | None = Field(description="the one client that it follows")
    clients: list[str] | None = Field(description="several clients that it follows; with `client` absent too: all")
    state: str = Field(description="active, resting, paused; of a reader connected or seen")
    position: int = Field(description="events up to which it is: the client's sequence, or the sum of the lanes'")
    behind: int = Field(description="events that it has not digested")
    lanes: dict[str, int] = Field(description="of a consumer, how far it is behind in each lane")
    retries: int = Field(description="messages that are tried again, or wait behind one")
    dead_letters: int
    streams: int = Field(description="open connections of a reader")
    delivered: int | None
    host: str | None
    last_at: AwareDatetime | None = Field(description="when it was last told, or asked, something")
    last_code: str | None
    pause_reason: str | None


class SubscribersShape(Shape):
    items: list[SubscriberShape]
    may_change: bool = Field(description="whether the caller may pause and replay")
