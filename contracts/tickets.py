"""Events of a ticket, in the order of its life. Pure data; `contracts.ticket_commands` asks for them."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.model import Event, Personal
from contracts.people import Level
from contracts.terms import (
    Attachment,
    CauseClass,
    Channel,
    CloseReason,
    Finding,
    Inputs,
    LinkKind,
    Priority,
    PromisedBy,
    Reason,
    Source,
    Status,
    StepResult,
    Tone,
    Urgency,
)


class TicketSubmitted(Event):
    """A ticket's birth. Its reference is `prefix` and the envelope's number."""

    type: ClassVar[str] = "ticket.submitted"
    prefix: str
    requester: UUID
    subject: Personal
    body: Personal
    channel: Channel
    category: str | None = None
    answers: dict[str, Personal] = Field(default_factory=dict)
    urgency: Urgency | None = None
    language: str | None = None
    attachments: tuple[Attachment, ...] = ()
    source: Source | None = None


class CheckpointPromised(Event):
    """The one next instant at which the requester hears from the desk. Replaces the promise before it."""

    type: ClassVar[str] = "ticket.checkpoint_promised"
    due_at: AwareDatetime
    by: PromisedBy
    text: Personal | None = None


class TicketClassified(Event):
    """What a ticket is about. Without a category the rules are unsure, and `candidates` says between what.

    `source` is choice, form, text, learned or unsure; `learned_from` is from how many corrections of people.
    """

    type: ClassVar[str] = "ticket.classified"
    schema_version: ClassVar[int] = 3
    category: str | None = None
    service: str | None = None
    confidence: float
    rule_version: str
    words: tuple[Personal, ...] = ()
    source: str | None = None
    candidates: tuple[tuple[str, float], ...] | None = None
    learned_from: int | None = None


class ToneDetected(Event):
    type: ClassVar[str] = "ticket.tone_detected"
    message: UUID
    tone: Tone
    degree: float
    language: str | None = None
    rule_version: str
    words: tuple[Personal, ...] = ()


class Judged(Event):
    """A judgement of the rules, with the numbers it was made from, so that it replays without the text."""

    priority: Priority
    urgency: float
    impact: float
    reasons: tuple[Reason, ...]
    rule_version: str
    smallest_change: str | None = None
    inputs: Inputs | None = None


class TicketPrioritised(Judged):
    """Triage's judgement: it holds from now on."""

    type: ClassVar[str] = "ticket.prioritised"
    schema_version: ClassVar[int] = 2


class PrioritySuggested(Judged):
    """A lower priority that the newer facts would give. Nothing is lowered before a person does it."""

    type: ClassVar[str] = "ticket.priority_suggested"


class MessageReceived(Event):
    type: ClassVar[str] = "ticket.message_received"
    author: UUID
    body: Personal
    channel: Channel
    attachments: tuple[Attachment, ...] = ()
    thanks: bool = False


class ReplySent(Event):
    """An agent's public answer; `answered_at` is the call's start where it was given by phone."""

    type: ClassVar[str] = "ticket.reply_sent"
    body: Personal
    channel: Channel = Channel.MAIL
    answered_at: AwareDatetime | None = None


class NoteAdded(Event):
    type: ClassVar[str] = "ticket.note_added"
    body: Personal


class TicketAssigned(Event):
    """`reason` is why: a person's word, or how the routes led there."""

    type: ClassVar[str] = "ticket.assigned"
    schema_version: ClassVar[int] = 2
    agent: UUID | None = None
    team: str | None = None
    reason: Personal | None = None


class PrioritySet(Event):
    """A person's judgement; it stays until a person or an incident changes it."""

    type: ClassVar[str] = "ticket.priority_set"
    priority: Priority
    reason: Personal | None = None


class CategorySet(Event):
    type: ClassVar[str] = "ticket.category_set"
    schema_version: ClassVar[int] = 2
    category: str
    reason: Personal | None = None


class StatusChanged(Event):
    """`source_status` is the other desk's own word for it, where it was imported."""

    type: ClassVar[str] = "ticket.status_changed"
    status: Status
    explanation: Personal | None = None
    source_status: str | None = None


class CheckpointKept(Event):
    type: ClassVar[str] = "ticket.checkpoint_kept"
    due_at: AwareDatetime
    kept_by: UUID


class CheckpointMissed(Event):
    type: ClassVar[str] = "ticket.checkpoint_missed"
    due_at: AwareDatetime


class TicketEscalated(Event):
    type: ClassVar[str] = "ticket.escalated"
    schema_version: ClassVar[int] = 2
    level: Level
    team: str | None = None
    reason: Personal
    ruled_out: tuple[Personal, ...] = ()
    """What was tried or excluded: free words, so sealed since version 2."""


class StepRecorded(Event):
    type: ClassVar[str] = "ticket.step_recorded"
    step: str
    result: StepResult
    remark: Personal | None = None


class FindingRecorded(Event):
    type: ClassVar[str] = "ticket.finding_recorded"
    finding: Finding
    cause: CauseClass
    text: Personal
    record: Personal | None = None


class CollaboratorAdded(Event):
    type: ClassVar[str] = "ticket.collaborator_added"
    person: UUID


class TicketLinked(Event):
    type: ClassVar[str] = "ticket.linked"
    other: UUID
    kind: LinkKind


class TicketUnlinked(Event):
    type: ClassVar[str] = "ticket.unlinked"
    other: UUID


class TagsChanged(Event):
    type: ClassVar[str] = "ticket.tags_changed"
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class TicketResolved(Event):
    type: ClassVar[str] = "ticket.resolved"
    summary: Personal | None = None
    cause: CauseClass = CauseClass.UNKNOWN
    solved_for_good: bool | None = None
    source_status: str | None = None


class TicketReopened(Event):
    type: ClassVar[str] = "ticket.reopened"
    reason: Personal | None = None
    source_status: str | None = None


class TicketClosed(Event):
    type: ClassVar[str] = "ticket.closed"
    reason: CloseReason = CloseReason.DONE
    remark: Personal | None = None
    source_status: str | None = None


class TicketMerged(Event):
    """This ticket goes on in another one, which lives."""

    type: ClassVar[str] = "ticket.merged"
    into: UUID


class TicketUnmerged(Event):
    type: ClassVar[str] = "ticket.unmerged"
    out_of: UUID
    reason: Personal | None = None


class TicketSplit(Event):
    """Messages of this ticket went on as a ticket of their own."""

    type: ClassVar[str] = "ticket.split"
    into: UUID
    messages: tuple[UUID, ...]


class TicketSplitOff(Event):
    """This ticket was made of messages of another one; its clocks count from the oldest of them that nobody has
    answered there, and from now on where all of them were."""

    type: ClassVar[str] = "ticket.split_off"
    out_of: UUID
    messages: tuple[UUID, ...]
    asked_at: AwareDatetime | None = None


class TicketUnsplit(Event):
    """The messages of a split are this ticket's again, as if it had not been split; the other ticket is merged.
    `answered` where a person has answered them there."""

    type: ClassVar[str] = "ticket.unsplit"
    out_of: UUID
    messages: tuple[UUID, ...]
    answered: bool = False
    reason: Personal | None = None


class TicketAdopted(Event):
    """An imported ticket, open at the import's end, is worked here from now on: promises and clocks are live."""

    type: ClassVar[str] = "ticket.adopted"
