"""(Command, Ticket, Given) -> [Event]. Pure.

The answer is what happened; no event means that nothing is new. What may not happen is Refused by name. An open ticket
is never without a promise: whatever opens one, or speaks to its requester, promises the next checkpoint with it.
"""

from __future__ import annotations

from contracts import ticket_commands as ask
from contracts import tickets as tell
from contracts.envelope import Origin
from contracts.model import Event
from contracts.terms import Channel, Status
from contracts.ticket_state import Absent, Held, Open, Resolved, Ticket, Waiting
from services.intake.decide_clocks import ClockCommand, decide_clock
from services.intake.decide_course import adopt, adopted, close, merge, reopen, resolve, unmerge
from services.intake.decide_first_line import FirstLineCommand, first_line
from services.intake.decide_promise import (
    about,
    about_new,
    brought_forward_to,
    default,
    is_over,
    move_promise,
    promised,
)
from services.intake.given import Given, refuse_closed, refuse_ended, refuse_merged
from services.kit.refused import Refused
from services.kit.rules.promise import After

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
    | FirstLineCommand
    | ask.MergeTicket
    | ask.UnmergeTicket
    | ask.AdoptTicket
    | ClockCommand
)


def decide(command: TicketCommand, ticket: Ticket, given: Given) -> list[Event]:
    """The events that answer a command. Raises Refused."""
    if isinstance(command, ask.SubmitTicket):
        return submit(command, ticket, given)
    if isinstance(ticket, Absent):
        raise Refused("not_found", "there is no such ticket")
    decided = _decide(command, ticket, given)
    return adopted(ticket, decided) if ticket.origin == Origin.IMPORT else decided


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
            return set_priority(command, ticket, given)
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
        case ask.Escalate() | ask.RecordStep() | ask.RecordFinding():
            return first_line(command, ticket)
        case ask.MergeTicket():
            return merge(ticket, given)
        case ask.UnmergeTicket():
            return unmerge(command, ticket, given)
        case ask.AdoptTicket():
            return adopt(ticket, given)
        case ask.SubmitTicket():
            raise Refused("exists", f"ticket {ticket.reference} is there already")
        case _:
            return decide_clock(command, ticket, given)


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
    return [born, default(given, about_new(command.client, command.urgency, command.category), After.ASKED)]


def receive(command: ask.ReceiveMessage, ticket: Held, given: Given) -> list[Event]:
    """The requester's words. They bring a waiting ticket back to the desk and open a resolved one again."""
    refuse_closed(ticket)
    message = tell.MessageReceived(
        author=given.person or ticket.requester,
        body=command.body,
        channel=command.channel,
        attachments=given.attachments,
    )
    if isinstance(ticket, Resolved):
        return [message, tell.TicketReopened(), default(given, about(ticket), After.ASKED_AGAIN)]
    events: list[Event] = [message]
    if isinstance(ticket, Waiting):
        events.append(tell.StatusChanged(status=Status.OPEN))
    anew = default(given, about(ticket), After.ASKED_AGAIN if ticket.replies else After.ASKED)
    promise = ticket.promise
    answered_late = isinstance(ticket, Waiting) and promise is not None and promise.due_at > anew.due_at
    if promise is None or is_over(promise, given.now) or answered_late:
        events.append(anew)
    return events


def reply(command: ask.SendReply, ticket: Held, given: Given) -> list[Event]:
    """The agent's public words, and the next promise unless they resolve the ticket."""
    refuse_ended(ticket)
    sent = _sent(command, given)
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
    return [sent, *changed, promised(command.checkpoint, ticket, given)]


def _sent(command: ask.SendReply, given: Given) -> tell.ReplySent:
    """What was said on the phone was said when the call began."""
    if command.answered_at is None:
        return tell.ReplySent(body=command.body, channel=command.channel)
    if command.channel is not Channel.PHONE:
        raise Refused("not_a_call", "only a call has been answered before it is logged", "answered_at")
    if command.answered_at > given.now:
        raise Refused("answered_in_future", f"{command.answered_at.isoformat()} is still to come", "answered_at")
    return tell.ReplySent(body=command.body, channel=Channel.PHONE, answered_at=command.answered_at)


def change_status(command: ask.ChangeStatus, ticket: Held, given: Given) -> list[Event]:
    """Who holds the ball now, said to the requester with the reason and the next checkpoint (F53)."""
    if command.status in {Status.NEW, Status.RESOLVED, Status.CLOSED}:
        raise _not_a_status(command.status)
    refuse_ended(ticket)
    if command.status is ticket.status:
        return [] if command.checkpoint is None else move_promise(command.checkpoint, ticket, given, "checkpoint.")
    if command.explanation is None:
        raise Refused("explanation_missing", "a change of status tells the requester why", "explanation")
    changed = tell.StatusChanged(status=command.status, explanation=command.explanation)
    return [changed, promised(command.checkpoint, ticket, given)]


def assign(command: ask.Assign, ticket: Held) -> list[Event]:
    refuse_closed(ticket)
    if (command.agent, command.team) == (ticket.agent, ticket.team):
        return []
    return [tell.TicketAssigned(agent=command.agent, team=command.team, reason=command.reason)]


def set_priority(command: ask.SetPriority, ticket: Held, given: Given) -> list[Event]:
    """A person's judgement. To confirm what the rules found is news: from then on the rules don't change it. A higher
    one brings forward what the policy promised."""
    refuse_closed(ticket)
    by_a_person = ticket.judgement is not None and ticket.judgement.rule_version is None
    if command.priority == ticket.priority and by_a_person:
        return []
    said = tell.PrioritySet(priority=command.priority, reason=command.reason)
    return [said, *brought_forward_to(about(ticket)._replace(priority=command.priority), ticket, given)]


def set_category(command: ask.SetCategory, ticket: Held) -> list[Event]:
    refuse_closed(ticket)
    return (
        []
        if command.category == ticket.category
        else [tell.CategorySet(category=command.category, reason=command.reason)]
    )


def change_tags(command: ask.ChangeTags, ticket: Held) -> list[Event]:
    """What is there is not added, what is not there is not removed. A closed ticket can be tagged, one that goes on
    elsewhere can't."""
    refuse_merged(ticket)
    both = set(command.add) & set(command.remove)
    if both:
        raise Refused("tag_added_and_removed", f"the tag {min(both)!r} is added and removed at once", "remove")
    added = tuple(sorted(set(command.add) - set(ticket.tags)))
    removed = tuple(sorted(set(command.remove) & set(ticket.tags)))
    if len(ticket.tags) + len(added) - len(removed) > ask.TAGS_MAX:
        raise Refused("too_many_tags", f"a ticket has at most {ask.TAGS_MAX} tags", "add")
    return [tell.TagsChanged(added=added, removed=removed)] if added or removed else []


def _not_a_status(status: Status) -> Refused:
    return Refused("status_not_set_here", f"the status {status} can't be set this way", "status")
