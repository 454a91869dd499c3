"""(SplitTicket or UnsplitTicket, tickets, Given) -> what happens to both tickets. Pure.

Words of the requester go on as a ticket of their own, with their authors, files and seals as they were written. Whoever
asked has waited since then: the new ticket's clocks count from the oldest of them that nobody has answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from contracts import ticket_commands as ask
from contracts import tickets as tell
from contracts.envelope import Origin, Recorded
from contracts.model import Event
from contracts.ticket import fold
from contracts.ticket_state import Absent, Held
from services.intake.decide_course import adopted
from services.intake.decide_promise import about, after_of, default, is_over
from services.intake.given import Given, refuse_closed, refuse_ended
from services.kit.refused import Refused
from services.kit.rules.promise import About, After

History = Sequence[Recorded[Event]]


class Both(NamedTuple):
    """What happens to the ticket that was named, and to the one that is split off."""

    here: list[Event]
    there: list[Event]


def split(command: ask.SplitTicket, ticket: Held, history: History, there: UUID, given: Given) -> Both:
    """The named messages as a ticket of their own, which is born with a promise. Raises Refused."""
    refuse_ended(ticket)
    chosen = _chosen(command, ticket, history)
    ids = tuple(event.id for event, _ in chosen)
    first = chosen[0][1]
    born = tell.TicketSubmitted(
        prefix=given.prefix,
        requester=first.author,
        subject=command.subject,
        body=first.body,
        channel=first.channel,
        category=ticket.category,
        urgency=ticket.urgency,
        language=ticket.language,
        attachments=first.attachments,
    )
    origin = tell.TicketSplitOff(out_of=ticket.id, messages=ids, asked_at=_asked_at(chosen, history))
    whom = About(ticket.client, ticket.urgency, ticket.category)
    return Both(
        [tell.TicketSplit(into=there, messages=ids)],
        [born, origin, default(given, whom, After.ASKED), *(message for _, message in chosen[1:])],
    )


Message = tuple[Recorded[Event], tell.MessageReceived]


def _chosen(command: ask.SplitTicket, ticket: Held, history: History) -> list[Message]:
    """The messages in the order in which they came."""
    known = {event.id: (event, event.data) for event in history if isinstance(event.data, tell.MessageReceived)}
    gone = {message for _, messages in ticket.split_off for message in messages}
    wanted = set(command.messages)
    for number, message in enumerate(command.messages):
        field = f"messages.{number}"
        if message == history[0].id:
            raise Refused("first_message", "a ticket keeps the words with which it was opened", field)
        if message not in known:
            raise Refused("unknown_message", f"the requester has written no message {message} here", field)
        if message in gone:
            raise Refused("already_split", f"message {message} goes on as a ticket of its own already", field)
    return [
        (event, data)
        for event in history
        if event.id in wanted and isinstance(data := event.data, tell.MessageReceived)
    ]  # fmt: skip


def _asked_at(chosen: Sequence[Message], history: History) -> datetime | None:
    """When the oldest of these came to which no person has said anything since; None where all were answered."""
    answered = max((event.version for event in history if _answers(event)), default=0)
    return next((event.occurred_at for event, data in chosen if event.version > answered and not data.thanks), None)


def _answers(event: Recorded[Event]) -> bool:
    return isinstance(event.data, tell.ReplySent) and not event.actor.startswith("system:")


def unsplit(command: ask.UnsplitTicket, ticket: Held, there: History, given: Given) -> Both:
    """The messages are this ticket's again, and the other one, whose history is `there`, is merged into it. Raises
    Refused."""
    other = fold(there)
    if isinstance(other, Absent) or other.split_from != ticket.id:
        raise Refused("not_split", f"no such ticket was split off {ticket.reference}", "ticket")
    messages = dict(ticket.split_off).get(other.id)
    if messages is None:
        return Both([], [])
    refuse_ended(ticket)
    if other.merged_into != ticket.id:
        refuse_closed(other)
    answered = any(_answers(event) for event in there)
    back: list[Event] = [
        tell.TicketUnsplit(out_of=other.id, messages=messages, answered=answered, reason=command.reason)
    ]  # fmt: skip
    if ticket.promise is None or is_over(ticket.promise, given.now):
        back.append(default(given, about(ticket), after_of(ticket)))
    if ticket.origin == Origin.IMPORT:
        back = adopted(ticket, back)
    return Both(back, [] if other.merged_into == ticket.id else [tell.TicketMerged(into=ticket.id)])
