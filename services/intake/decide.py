"""(Command, Ticket, Given) -> [Event]. Pure.

The answer is what happened; no event means that nothing is new. What may not happen is Refused by name. An open ticket
is never without a promise: whatever opens one, or speaks to its requester, promises the next checkpoint with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import assert_never
from uuid import UUID

from contracts import ticket_commands as ask
from contracts import tickets as tell
from contracts.clients import Tier
from contracts.model import Event
from contracts.terms import Attachment, CloseReason, PromisedBy, Status, Urgency
from contracts.ticket_state import Absent, Closed, Held, Open, Resolved, Ticket, Waiting
from services.kit.refused import Refused
from services.kit.rules.promise import default_checkpoint

__all__ = ["Given", "Refused", "TicketCommand", "decide"]

TicketCommand = (
    ask.SubmitTicket
    | ask.ReceiveMessage
    | ask.SendReply
    | ask.AddNote
    | ask.ChangeStatus
    | ask.Assign
    | ask.SetPriority
    | ask.SetCategory
    | ask.ChangeTags
    | ask.PromiseCheckpoint
    | ask.ResolveTicket
    | ask.ReopenTicket
    | ask.CloseTicket
)


@dataclass(frozen=True, slots=True)
class Given:
    """What the edge knows besides the ticket: the instant, the client's terms, who is meant, and the files kept."""

    now: datetime
    prefix: str
    tier: Tier
    person: UUID | None = None
    """The requester who submits, or the author of a message where it is not the ticket's requester."""
    attachments: tuple[Attachment, ...] = ()


def decide(command: TicketCommand, ticket: Ticket, given: Given) -> list[Event]:
    """The events that answer a command. Raises Refused."""
    if isinstance(command, ask.SubmitTicket):
        return submit(command, ticket, given)
    if isinstance(ticket, Absent):
        raise Refused("not_found", "there is no such ticket")
    return _decide(command, ticket, given)


def _decide(command: TicketCommand, ticket: Held, given: Given) -> list[Event]:  # noqa: C901, PLR0911, PLR0912  one row a command
    match command:
        case ask.ReceiveMessage():
            return receive(command, ticket, given)
        case ask.SendReply():
            return reply(command, ticket, given)
        case ask.AddNote():
            return [tell.NoteAdded(body=command.body)]
        case ask.ChangeStatus():
            return change_status(command, ticket, given)
        case ask.Assign():
            return assign(command, ticket)
        case ask.SetPriority():
            return set_priority(command, ticket)
        case ask.SetCategory():
            return set_category(command, ticket)
        case ask.ChangeTags():
            return change_tags(command, ticket)
        case ask.PromiseCheckpoint():
            return move_promise(command, ticket, given)
        case ask.ResolveTicket():
            return resolve(command, ticket)
        case ask.ReopenTicket():
            return reopen(command, ticket, given)
        case ask.CloseTicket():
            return close(command, ticket)
        case ask.SubmitTicket():
            raise Refused("exists", f"ticket {ticket.reference} is there already")
        case _:
            assert_never(command)


def submit(command: ask.SubmitTicket, ticket: Ticket, given: Given) -> list[Event]:
    """A ticket's birth and its first promise, in one append."""
    if not isinstance(ticket, Absent):
        raise Refused("exists", f"ticket {ticket.reference} is there already")
    if given.person is None:
        raise Refused("missing_field", "a ticket needs its requester", "requester")
    born = tell.TicketSubmitted(
        prefix=given.prefix,
        requester=given.person,
        subject=command.subject,
        body=command.body,
        channel=command.channel,
        category=command.category,
        answers=dict(command.answers),
        urgency=command.urgency,
        language=command.language,
        attachments=given.attachments,
    )
    return [born, _default(given, command.urgency)]


def receive(command: ask.ReceiveMessage, ticket: Held, given: Given) -> list[Event]:
    """The requester's words. They bring a waiting ticket back to the desk and open a resolved one again."""
    _refuse_closed(ticket)
    message = tell.MessageReceived(
        author=given.person or ticket.requester,
        body=command.body,
        channel=command.channel,
        attachments=given.attachments,
    )
    if isinstance(ticket, Resolved):
        return [message, tell.TicketReopened(), _default(given, ticket.urgency)]
    events: list[Event] = [message]
    if isinstance(ticket, Waiting):
        events.append(tell.StatusChanged(status=Status.OPEN))
    due = default_checkpoint(given.tier, ticket.urgency, given.now)
    promise = ticket.promise
    answered_late = isinstance(ticket, Waiting) and promise is not None and promise.due_at > due
    if promise is None or promise.outcome is not None or answered_late:
        events.append(tell.CheckpointPromised(due_at=due, by=PromisedBy.POLICY))
    return events


def reply(command: ask.SendReply, ticket: Held, given: Given) -> list[Event]:
    """The agent's public words, and the next promise unless they resolve the ticket."""
    _refuse_ended(ticket)
    sent = tell.ReplySent(body=command.body)
    match command.status:
        case Status.RESOLVED:
            if command.checkpoint is not None:
                raise Refused("checkpoint_on_resolved", "a resolved ticket has no next checkpoint", "checkpoint")
            return [sent, tell.TicketResolved()]
        case Status.NEW | Status.CLOSED:
            raise _not_a_status(command.status)
        case None:
            changed: list[Event] = []
        case status:
            # A first reply takes a new ticket to open by itself (contracts.ticket).
            known = {ticket.status} | ({Status.OPEN} if isinstance(ticket, Open) else set())
            changed = [] if status in known else [tell.StatusChanged(status=status)]
    return [sent, *changed, _promise(command.checkpoint, ticket, given)]


def change_status(command: ask.ChangeStatus, ticket: Held, given: Given) -> list[Event]:
    """Who holds the ball now, said to the requester with the reason and the next checkpoint (F53)."""
    if command.status in {Status.NEW, Status.RESOLVED, Status.CLOSED}:
        raise _not_a_status(command.status)
    _refuse_ended(ticket)
    if command.status is ticket.status:
        return [] if command.checkpoint is None else move_promise(command.checkpoint, ticket, given, "checkpoint.")
    if command.explanation is None:
        raise Refused("explanation_missing", "a change of status tells the requester why", "explanation")
    changed = tell.StatusChanged(status=command.status, explanation=command.explanation)
    return [changed, _promise(command.checkpoint, ticket, given)]


def assign(command: ask.Assign, ticket: Held) -> list[Event]:
    _refuse_closed(ticket)
    if (command.agent, command.team) == (ticket.agent, ticket.team):
        return []
    return [tell.TicketAssigned(agent=command.agent, team=command.team)]


def set_priority(command: ask.SetPriority, ticket: Held) -> list[Event]:
    """A person's judgement. To confirm what the rules found is news: from then on the rules don't change it."""
    _refuse_closed(ticket)
    by_a_person = ticket.judgement is not None and ticket.judgement.rule_version is None
    if command.priority == ticket.priority and by_a_person:
        return []
    return [tell.PrioritySet(priority=command.priority, reason=command.reason)]


def set_category(command: ask.SetCategory, ticket: Held) -> list[Event]:
    _refuse_closed(ticket)
    return [] if command.category == ticket.category else [tell.CategorySet(category=command.category, reason=command.reason)]


def change_tags(command: ask.ChangeTags, ticket: Held) -> list[Event]:
    """What is there is not added, what is not there is not removed. A closed ticket can be tagged, one that goes on
    elsewhere can't."""
    if ticket.merged_into is not None:
        raise _merged(ticket)
    both = set(command.add) & set(command.remove)
    if both:
        raise Refused("tag_added_and_removed", f"the tag {min(both)!r} is added and removed at once", "remove")
    added = tuple(sorted(set(command.add) - set(ticket.tags)))
    removed = tuple(sorted(set(command.remove) & set(ticket.tags)))
    if len(ticket.tags) + len(added) - len(removed) > ask.TAGS_MAX:
        raise Refused("too_many_tags", f"a ticket has at most {ask.TAGS_MAX} tags", "add")
    return [tell.TagsChanged(added=added, removed=removed)] if added or removed else []


def move_promise(command: ask.Checkpoint, ticket: Held, given: Given, path: str = "") -> list[Event]:
    """A new checkpoint in place of the old one; a later one needs its explanation."""
    _refuse_ended(ticket)
    _refuse_bad_checkpoint(command, given.now, path)
    promise = ticket.promise
    if promise is not None and promise.outcome is None:
        if command.due_at == promise.due_at and command.text is None:
            return []
        if command.due_at > promise.due_at and command.text is None:
            raise Refused("explanation_missing", "a promise that moves later tells the requester why", f"{path}text")
    return [tell.CheckpointPromised(due_at=command.due_at, by=PromisedBy.AGENT, text=command.text)]


def resolve(command: ask.ResolveTicket, ticket: Held) -> list[Event]:
    _refuse_ended(ticket)
    return [
        tell.TicketResolved(summary=command.summary, cause=command.cause, solved_for_good=command.solved_for_good)
    ]  # fmt: skip


def reopen(command: ask.ReopenTicket, ticket: Held, given: Given) -> list[Event]:
    """Back to work, with a promise. What is open stays as it is; what was merged goes on elsewhere."""
    if ticket.merged_into is not None:
        raise _merged(ticket)
    if not isinstance(ticket, Resolved | Closed):
        return []
    return [tell.TicketReopened(reason=command.reason), _default(given, ticket.urgency)]


def close(command: ask.CloseTicket, ticket: Held) -> list[Event]:
    """The end. `done` needs a resolution before it; spam, duplicates and withdrawn tickets do not."""
    if isinstance(ticket, Closed):
        return []
    if command.reason is CloseReason.DONE and not isinstance(ticket, Resolved):
        raise Refused("not_resolved", f"ticket {ticket.reference} is not resolved yet", "reason")
    return [tell.TicketClosed(reason=command.reason, remark=command.remark)]


def _promise(checkpoint: ask.Checkpoint | None, ticket: Held, given: Given) -> tell.CheckpointPromised:
    """The agent's checkpoint, or the default. Beside a reply or an explanation it needs no text of its own."""
    if checkpoint is None:
        return _default(given, ticket.urgency)
    _refuse_bad_checkpoint(checkpoint, given.now, "checkpoint.")
    return tell.CheckpointPromised(due_at=checkpoint.due_at, by=PromisedBy.AGENT, text=checkpoint.text)


def _default(given: Given, urgency: Urgency | None) -> tell.CheckpointPromised:
    due = default_checkpoint(given.tier, urgency, given.now)
    return tell.CheckpointPromised(due_at=due, by=PromisedBy.POLICY)


def _refuse_bad_checkpoint(checkpoint: ask.Checkpoint, now: datetime, path: str) -> None:
    if checkpoint.due_at <= now:
        raise Refused("checkpoint_past", f"{checkpoint.due_at.isoformat()} is over already", f"{path}due_at")
    if checkpoint.due_at - now > ask.CHECKPOINT_MAX:
        days = ask.CHECKPOINT_MAX.days
        raise Refused("checkpoint_too_far", f"a checkpoint is at most {days} days ahead", f"{path}due_at")


def _refuse_ended(ticket: Held) -> None:
    _refuse_closed(ticket)
    if isinstance(ticket, Resolved):
        raise Refused("resolved", f"ticket {ticket.reference} was resolved at {ticket.resolved_at:%Y-%m-%d %H:%MZ}")


def _refuse_closed(ticket: Held) -> None:
    if ticket.merged_into is not None:
        raise _merged(ticket)
    if isinstance(ticket, Closed):
        raise Refused("closed", f"ticket {ticket.reference} was closed at {ticket.closed_at:%Y-%m-%d %H:%MZ}")


def _merged(ticket: Held) -> Refused:
    return Refused("merged", f"ticket {ticket.reference} was merged and goes on as {ticket.merged_into}")


def _not_a_status(status: Status) -> Refused:
    return Refused("status_not_set_here", f"the status {status} can't be set this way", "status")
