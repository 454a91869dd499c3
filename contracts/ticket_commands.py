"""Commands of a ticket, in the order of its life. Pure data; `contracts.tickets` has the events that answer them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from contracts.model import ClientId, Command, Word
from contracts.people import Level, Requester
from contracts.sla import Metric
from contracts.terms import CauseClass, Channel, CloseReason, Finding, LinkKind, Priority, Status, StepResult, Urgency


def _not_the_log_s(name: str) -> str:
    if name == "sealed":
        raise ValueError("`sealed` is the log's own word: give the field another name")
    return name


AnswerName = Annotated[Word, AfterValidator(_not_the_log_s)]
"""The name of a form's field. One called `sealed` could pass for a sealed text once it is opened."""
Subject = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200_000)]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]

ATTACHMENTS_MAX = 20
TAGS_MAX = 50
RULED_OUT_MAX = 50
CHECKPOINT_MAX = timedelta(days=90)


class Upload(Command):
    """A file given with a command, base64; at most 10 MB decoded."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    media_type: Annotated[str, StringConstraints(max_length=127)] = "application/octet-stream"
    content: Annotated[str, StringConstraints(max_length=14_000_000)]


class SubmitTicket(Command):
    client: ClientId
    requester: Requester
    subject: Subject
    body: Text
    category: Word | None = None
    answers: dict[AnswerName, ShortText] = Field(default_factory=dict, max_length=50)
    urgency: Urgency | None = None
    channel: Channel = Channel.API
    language: Annotated[str, StringConstraints(max_length=16)] | None = None
    attachments: tuple[Upload, ...] = Field(default=(), max_length=ATTACHMENTS_MAX)


class ReceiveMessage(Command):
    """The requester's words. `author` where another person of the client wrote; the ticket's requester otherwise."""

    body: Text
    author: Requester | None = None
    channel: Channel = Channel.API
    attachments: tuple[Upload, ...] = Field(default=(), max_length=ATTACHMENTS_MAX)


class Checkpoint(Command):
    """When the requester hears next, and what happens until then."""

    due_at: AwareDatetime
    text: ShortText | None = None


class SendReply(Command):
    """The agent's public words. Without a checkpoint the policy's default is promised."""

    body: Text
    checkpoint: Checkpoint | None = None
    status: Status | None = None
    channel: Channel = Channel.MAIL
    answered_at: AwareDatetime | None = Field(default=None, description="a call's start, where it is logged later")


class AddNote(Command):
    body: Text


class Assign(Command):
    """To an agent, a team or both; both absent takes the ticket from whoever had it."""

    agent: UUID | None = None
    team: Word | None = None
    reason: ShortText | None = None


class SetPriority(Command):
    priority: Priority
    reason: ShortText


class ChangeStatus(Command):
    """Open, waiting for the customer or for a supplier. Resolve, reopen and close have commands of their own."""

    status: Status
    explanation: ShortText | None = None
    checkpoint: Checkpoint | None = None


class PromiseCheckpoint(Checkpoint):
    """Moves the promise; a later one needs its explanation in `text`."""


class PromiseAnew(Command):
    """Promises what the policy says now: where the last promise is over, or where the ticket's priority asks for an
    earlier one. Never a later one than stands."""


class Escalate(Command):
    level: Level
    team: Word | None = None
    reason: ShortText
    ruled_out: tuple[ShortText, ...] = Field(
        default=(), max_length=RULED_OUT_MAX, description="what was tried or excluded, so that nobody repeats it (F11)"
    )


class RecordStep(Command):
    """Something that was tried. `step` is a code and never personal; words of one's own go into `remark`."""

    step: Word
    result: StepResult
    remark: ShortText | None = None


class RecordFinding(Command):
    finding: Finding
    cause: CauseClass
    text: ShortText
    record: ShortText | None = Field(default=None, description="the bad record, where the cause is bad data (F9)")


class AddCollaborator(Command):
    person: Requester


class LinkTicket(Command):
    other: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    kind: LinkKind = LinkKind.RELATED


class ChangeTags(Command):
    add: tuple[Word, ...] = Field(default=(), max_length=TAGS_MAX)
    remove: tuple[Word, ...] = Field(default=(), max_length=TAGS_MAX)


class SetCategory(Command):
    category: Word
    reason: ShortText | None = None


class ResolveTicket(Command):
    summary: Text
    cause: CauseClass = CauseClass.UNKNOWN
    solved_for_good: bool | None = None


class ReopenTicket(Command):
    reason: ShortText


class CloseTicket(Command):
    reason: CloseReason = CloseReason.DONE
    remark: ShortText | None = None


class MergeTicket(Command):
    into: Annotated[str, StringConstraints(min_length=1, max_length=80)]


class UnmergeTicket(Command):
    reason: ShortText | None = None


class SplitTicket(Command):
    """Messages of the requester go on as a ticket of their own. `messages` are the ids of their events."""

    messages: tuple[UUID, ...] = Field(min_length=1, max_length=100)
    subject: Subject


class UnsplitTicket(Command):
    """Takes the messages of a split back. `ticket` is the one that was split off, by its id or reference."""

    ticket: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    reason: ShortText | None = None


class AdoptTicket(Command):
    """An imported ticket that is still open is worked here from now on, with a promise and live clocks."""


class WaiveBreach(Command):
    """Excuses a breach that was recorded; reports show both. `cycle` is what GET /tickets/{id}/clocks names it."""

    cycle: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,20}/[1-9][0-9]{0,5}$")]
    reason: ShortText


class PinDeadline(Command):
    """Sets a clock's due time, whatever its policy says, until it is unpinned or the clock's cycle ends."""

    metric: Metric
    due_at: AwareDatetime
    reason: ShortText


class UnpinDeadline(Command):
    metric: Metric


class NotifyAgent(Command):
    """Has one of the desk's people told about a clock, because an escalation says so."""

    agent: UUID
    metric: Metric
    cycle: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,20}/[1-9][0-9]{0,5}$")]
    due_at: AwareDatetime
