"""What merges and splits do to a ticket: (Held, Recorded, event) -> Change. Pure; `contracts.ticket` folds with it."""

from __future__ import annotations

from typing import Any

from contracts import tickets
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.terms import Status
from contracts.ticket_state import STATES, Closed, Held

Change = tuple[type[Held] | None, dict[str, Any]]
"""The state that follows (None: the same one) and the facts that differ."""


def merged(ticket: Held, event: Recorded[Event], data: tickets.TicketMerged) -> Change:
    before = ticket.before_merge or (ticket.status, ticket.closed_at)
    return Closed, {"merged_into": data.into, "closed_at": event.occurred_at, "before_merge": before}


def unmerged(ticket: Held, _: Recorded[Event], __: tickets.TicketUnmerged) -> Change:
    """As if it had not been merged."""
    status, closed_at = ticket.before_merge or (Status.OPEN, None)
    return STATES[status], {"merged_into": None, "closed_at": closed_at, "before_merge": None}


def split(ticket: Held, _: Recorded[Event], data: tickets.TicketSplit) -> Change:
    return None, {
        "messages": ticket.messages - len(data.messages),
        "split_off": (*ticket.split_off, (data.into, data.messages)),
    }


def unsplit(ticket: Held, _: Recorded[Event], data: tickets.TicketUnsplit) -> Change:
    return None, {
        "messages": ticket.messages + len(data.messages),
        "split_off": tuple(split for split in ticket.split_off if split[0] != data.out_of),
    }


def split_off(_: Held, __: Recorded[Event], data: tickets.TicketSplitOff) -> Change:
    return None, {"split_from": data.out_of}
