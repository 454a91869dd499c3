"""(ResolveTicket and what else turns a ticket's course, Ticket, Given) -> [Event]. Pure."""

from __future__ import annotations

from contracts import ticket_commands as ask
from contracts import tickets as tell
from contracts.envelope import Origin
from contracts.model import Event
from contracts.terms import CloseReason
from contracts.ticket_state import Absent, Closed, Held, Resolved
from services.intake.decide_promise import about, after_of, default, is_over
from services.intake.given import Given, refuse_closed, refuse_ended, refuse_merged
from services.kit.refused import Refused
from services.kit.rules.promise import After


def resolve(command: ask.ResolveTicket, ticket: Held) -> list[Event]:
    refuse_ended(ticket)
    return [
        tell.TicketResolved(summary=command.summary, cause=command.cause, solved_for_good=command.solved_for_good)
    ]  # fmt: skip


def reopen(command: ask.ReopenTicket, ticket: Held, given: Given) -> list[Event]:
    """Back to work, with a promise. What is open stays as it is; what was merged goes on elsewhere."""
    refuse_merged(ticket)
    if not isinstance(ticket, Resolved | Closed):
        return []
    return [tell.TicketReopened(reason=command.reason), default(given, about(ticket), After.ASKED_AGAIN)]


def close(command: ask.CloseTicket, ticket: Held) -> list[Event]:
    """The end. `done` needs a resolution before it; spam, duplicates and withdrawn tickets do not."""
    if isinstance(ticket, Closed):
        return []
    if command.reason is CloseReason.DONE and not isinstance(ticket, Resolved):
        raise Refused("not_resolved", f"ticket {ticket.reference} is not resolved yet", "reason")
    return [tell.TicketClosed(reason=command.reason, remark=command.remark)]


def merge(ticket: Held, given: Given) -> list[Event]:
    """This ticket goes on in another one of the same client, which lives."""
    other = given.other
    if isinstance(other, Absent) or other.client != ticket.client:
        raise Refused("unknown_ticket", "there is no such ticket of this client", "into")
    if other.id == ticket.id:
        raise Refused("merged_into_itself", f"ticket {ticket.reference} can't go on in itself", "into")
    if ticket.merged_into == other.id:
        return []
    refuse_closed(ticket)
    if isinstance(other, Closed):
        went_on = f"was merged and goes on as {other.merged_into}" if other.merged_into else "is closed"
        raise Refused("merged_into_closed", f"ticket {other.reference} {went_on}", "into")
    return [tell.TicketMerged(into=other.id)]


def unmerge(command: ask.UnmergeTicket, ticket: Held, given: Given) -> list[Event]:
    """As if it had not been merged, and with a promise where the one of before is over meanwhile."""
    if ticket.merged_into is None:
        return []
    origin = given.other if ticket.split_from == ticket.merged_into else None
    if isinstance(origin, Held) and ticket.id not in dict(origin.split_off):
        raise Refused("split_undone", f"the messages of {ticket.reference} are {origin.reference}'s again")
    back: list[Event] = [tell.TicketUnmerged(out_of=ticket.merged_into, reason=command.reason)]
    status = ticket.before_merge[0] if ticket.before_merge else None
    ended = status in (Resolved.status, Closed.status)
    if not ended and (ticket.promise is None or is_over(ticket.promise, given.now)):
        back.append(default(given, about(ticket), after_of(ticket)))
    return back


def adopt(ticket: Held, given: Given) -> list[Event]:
    """The promise with which the work on an imported ticket begins here; `adopted` says that it does."""
    if ticket.origin != Origin.IMPORT:
        raise Refused("not_imported", f"ticket {ticket.reference} was opened here, and its clocks are live already")
    refuse_ended(ticket)
    return [] if ticket.adopted else [default(given, about(ticket), after_of(ticket))]


def adopted(ticket: Held, decided: list[Event]) -> list[Event]:
    """Who promises something for an imported ticket has taken it over: from then on its clocks are live."""
    first = not ticket.adopted and any(isinstance(event, tell.CheckpointPromised) for event in decided)
    return [tell.TicketAdopted(), *decided] if first else decided
