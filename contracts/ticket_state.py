"""The states of a ticket and the facts that they hold. Pure data; `contracts.ticket` folds events into them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from contracts.model import Personal
from contracts.terms import (
    CauseClass,
    Channel,
    CloseReason,
    Inputs,
    LinkKind,
    Priority,
    PromisedBy,
    Reason,
    Source,
    Status,
    Tone,
    Urgency,
)


@dataclass(frozen=True)
class Promise:
    """The one customer-visible next checkpoint."""

    due_at: datetime
    by: PromisedBy
    text: Personal | None
    promised_at: datetime
    outcome: str | None = None
    """kept, missed, or None while it is open."""


@dataclass(frozen=True)
class Judgement:
    """A priority with its grounds. `by` is the actor: triage's rules, or a person whose word stays."""

    priority: Priority
    by: str
    at: datetime
    reasons: tuple[Reason, ...] = ()
    urgency: float | None = None
    impact: float | None = None
    rule_version: str | None = None
    reason: Personal | None = None
    smallest_change: str | None = None
    inputs: Inputs | None = None


@dataclass(frozen=True)
class Classification:
    """What the rules take a ticket to be about; without a category they are unsure between the candidates."""

    category: str | None
    service: str | None
    confidence: float
    source: str | None
    candidates: tuple[tuple[str, float], ...] = ()
    learned_from: int | None = None


@dataclass(frozen=True)
class Absent:
    """No ticket yet. `version` counts events of its stream all the same."""

    version: int = 0


@dataclass(frozen=True)
class Held:
    """What every living or ended ticket holds. Times are instants; `version` is that of the stream."""

    status: ClassVar[Status]

    id: UUID
    client: str
    number: int
    prefix: str
    version: int
    intake_version: int
    """The newest version that intake wrote: what an agent's If-Match is held against."""
    origin: str
    requester: UUID
    subject: Personal
    channel: Channel
    urgency: Urgency | None
    language: str | None
    source: Source | None
    source_status: str | None
    opened_at: datetime
    updated_at: datetime
    category: str | None
    service: str | None = None
    category_by: str | None = None
    """The person who set the category; None where it was chosen at the door or found by the rules."""
    classification: Classification | None = None
    tone: Tone | None = None
    tone_degree: float = 0.0
    judgement: Judgement | None = None
    suggested: Judgement | None = None
    """A lower priority that newer facts would give; a person decides."""
    by_rules: Judgement | None = None
    """The newest judgement of the rules, whoever's word holds: what they judge from again."""
    promise: Promise | None = None
    agent: UUID | None = None
    team: str | None = None
    level: str | None = None
    tags: tuple[str, ...] = ()
    collaborators: tuple[UUID, ...] = ()
    links: tuple[tuple[UUID, LinkKind], ...] = ()
    messages: int = 1
    replies: int = 0
    """Public answers; with `messages` the exchange counter."""
    first_reply_at: datetime | None = None
    last_reply_at: datetime | None = None
    last_message_at: datetime | None = None
    reopened: int = 0
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    cause: CauseClass | None = None
    close_reason: CloseReason | None = None
    merged_into: UUID | None = None
    before_merge: tuple[Status, datetime | None] | None = None
    """While it is merged: what it was before, and since when it was closed."""
    split_off: tuple[tuple[UUID, tuple[UUID, ...]], ...] = ()
    """The tickets that were split off this one, each with the messages that went there."""
    split_from: UUID | None = None
    adopted: bool = False
    breaches: int = 0

    @property
    def reference(self) -> str:
        """The client's prefix and number, such as ACME-1042."""
        return f"{self.prefix}-{self.number}"

    @property
    def exchanges(self) -> int:
        """Messages of the requester and public answers together (F71)."""
        return self.messages + self.replies

    @property
    def priority(self) -> Priority | None:
        return self.judgement.priority if self.judgement else None


class Open(Held):
    """Worked, or about to be: the desk holds the ball."""

    status = Status.OPEN


class New(Open):
    """Open, and nobody has touched it yet."""

    status = Status.NEW


class Waiting(Held):
    """For the customer."""

    status = Status.WAITING_FOR_CUSTOMER


class WaitingForSupplier(Waiting):
    status = Status.WAITING_FOR_SUPPLIER


class Resolved(Held):
    status = Status.RESOLVED


class Closed(Held):
    """Ended; where it was merged, `merged_into` names the living ticket."""

    status = Status.CLOSED


Ticket = Absent | Open | Waiting | Resolved | Closed

STATES: dict[Status, type[Open | Waiting | Resolved | Closed]] = {
    Status.NEW: New,
    Status.OPEN: Open,
    Status.WAITING_FOR_CUSTOMER: Waiting,
    Status.WAITING_FOR_SUPPLIER: WaitingForSupplier,
    Status.RESOLVED: Resolved,
    Status.CLOSED: Closed,
}

SILENT: Final = frozenset(
    {
        *("ticket.submitted", "ticket.note_added", "ticket.step_recorded"),
        *("sla.warned", "sla.met", "sla.escalated", "sla.waived", "sla.deadline_pinned", "sla.deadline_unpinned"),
        "sla.agent_notified",
    }
)
"""Events that a living ticket only counts."""
