"""What a decision knows besides the command and the ticket, and the refusals that all of them share. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from contracts.clients import Tier
from contracts.sla import Metric
from contracts.terms import Attachment
from contracts.ticket_state import Absent, Closed, Held, Resolved, Ticket
from services.kit.refused import Refused
from services.kit.rules.clocks import Clocks
from services.kit.rules.promise import Terms


@dataclass(frozen=True, slots=True)
class Given:
    """What the edge knows: the instant, the client's terms, who is meant, the files kept, and where it matters the
    ticket's clocks and the other ticket."""

    now: datetime
    prefix: str
    tier: Tier
    person: UUID | None = None
    """The requester who submits, or the author of a message where it is not the ticket's requester."""
    attachments: tuple[Attachment, ...] = ()
    terms: Terms | None = None
    """None: no calendar and no policy."""
    clocks: Clocks | None = None
    pins: Mapping[Metric, datetime] = field(default_factory=dict)
    """The deadlines that a person has set."""
    other: Ticket = Absent()  # noqa: RUF009  it is frozen
    """The ticket into which this one is merged."""

    @property
    def in_force(self) -> Terms:
        return self.terms or Terms(self.tier)


def refuse_ended(ticket: Held) -> None:
    refuse_closed(ticket)
    if isinstance(ticket, Resolved):
        raise Refused("resolved", f"ticket {ticket.reference} was resolved at {ticket.resolved_at:%Y-%m-%d %H:%MZ}")


def refuse_closed(ticket: Held) -> None:
    refuse_merged(ticket)
    if isinstance(ticket, Closed):
        raise Refused("closed", f"ticket {ticket.reference} was closed at {ticket.closed_at:%Y-%m-%d %H:%MZ}")


def refuse_merged(ticket: Held) -> None:
    if ticket.merged_into is not None:
        raise Refused("merged", f"ticket {ticket.reference} was merged and goes on as {ticket.merged_into}")
