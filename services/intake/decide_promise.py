"""(Checkpoint, Ticket, Given) -> the promise of the next word. Pure.

An open ticket is never without one. The policy's default is `services/kit/rules/promise.py`; an agent may promise what
they like, and tell why where it is later than before; triage only ever brings one forward.
"""

from __future__ import annotations

from datetime import datetime

from contracts import ticket_commands as ask
from contracts import tickets as tell
from contracts.model import Event
from contracts.terms import PromisedBy, Urgency
from contracts.ticket_state import Closed, Held, Promise, Resolved
from services.intake.given import Given, refuse_ended
from services.kit.refused import Refused
from services.kit.rules.promise import About, After, brought_forward, next_checkpoint


def move_promise(command: ask.Checkpoint, ticket: Held, given: Given, path: str = "") -> list[Event]:
    """A new checkpoint in place of the old one; a later one needs its explanation."""
    refuse_ended(ticket)
    refuse_bad_checkpoint(command, given.now, path)
    promise = ticket.promise
    if promise is not None and promise.outcome is None:
        if command.due_at == promise.due_at and command.text is None:
            return []
        if command.due_at > promise.due_at and command.text is None:
            raise Refused("explanation_missing", "a promise that moves later tells the requester why", f"{path}text")
    return [tell.CheckpointPromised(due_at=command.due_at, by=PromisedBy.AGENT, text=command.text)]


def promise_anew(ticket: Held, given: Given) -> list[Event]:
    """The policy's checkpoint where the last one is over, or where the ticket's priority asks for an earlier one. What
    an agent has promised for later stays, and an ended ticket needs none."""
    if isinstance(ticket, Resolved | Closed):
        return []
    promise = ticket.promise
    if promise is None or is_over(promise, given.now):
        return [default(given, about(ticket), after_of(ticket))]
    return brought_forward_to(about(ticket), ticket, given)


def brought_forward_to(whom: About, ticket: Held, given: Given) -> list[Event]:
    """The policy's promise for a ticket that is judged anew, where that is sooner than the one that stands."""
    promise = ticket.promise
    ended = isinstance(ticket, Resolved | Closed)
    if ended or promise is None or promise.by is PromisedBy.AGENT or is_over(promise, given.now):
        return []
    due = brought_forward(given.in_force, whom, after_of(ticket), promise.promised_at, given.now)
    return [tell.CheckpointPromised(due_at=due, by=PromisedBy.POLICY)] if due < promise.due_at else []


def is_over(promise: Promise, now: datetime) -> bool:
    """Whether somebody has to promise anew: it was missed or kept, or nobody has noted yet that it was."""
    return promise.outcome is not None or promise.due_at <= now


def promised(checkpoint: ask.Checkpoint | None, ticket: Held, given: Given) -> tell.CheckpointPromised:
    """The agent's checkpoint, or the default. Beside a reply or an explanation it needs no text of its own."""
    if checkpoint is None:
        return default(given, about(ticket), After.ANSWERED)
    refuse_bad_checkpoint(checkpoint, given.now, "checkpoint.")
    return tell.CheckpointPromised(due_at=checkpoint.due_at, by=PromisedBy.AGENT, text=checkpoint.text)


def default(given: Given, whom: About, after: After) -> tell.CheckpointPromised:
    due = next_checkpoint(given.in_force, whom, after, given.now)
    return tell.CheckpointPromised(due_at=due, by=PromisedBy.POLICY)


def about(ticket: Held) -> About:
    return About(ticket.client, ticket.urgency, ticket.category, ticket.service, ticket.priority)


def about_new(client: str, urgency: Urgency | None, category: str | None) -> About:
    return About(client, urgency, category)


def after_of(ticket: Held) -> After:
    """Whose words the next promise follows: the requester's, unless an agent spoke last."""
    if ticket.last_reply_at is None:
        return After.ASKED
    asked = ticket.last_message_at is not None and ticket.last_message_at > ticket.last_reply_at
    return After.ASKED_AGAIN if asked else After.ANSWERED


def refuse_bad_checkpoint(checkpoint: ask.Checkpoint, now: datetime, path: str) -> None:
    if checkpoint.due_at <= now:
        raise Refused("checkpoint_past", f"{checkpoint.due_at.isoformat()} is over already", f"{path}due_at")
    if checkpoint.due_at - now > ask.CHECKPOINT_MAX:
        days = ask.CHECKPOINT_MAX.days
        raise Refused("checkpoint_too_far", f"a checkpoint is at most {days} days ahead", f"{path}due_at")
