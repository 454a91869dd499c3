"""A ticket in any state, and what it is told or refused: for the tests of decisions. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from contracts import ticket_commands as ask
from contracts import tickets as tell
from contracts.clients import Tier
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.people import Requester
from contracts.terms import CloseReason, Status
from contracts.ticket import INITIAL, fold
from contracts.ticket_state import Ticket
from services.intake.decide import Given, Refused, TicketCommand, decide

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ANN, TICKET, OTHER = (UUID(int=n) for n in (1, 2, 3))
SUBMIT = ask.SubmitTicket(client="acme", requester=Requester(email="ann@acme.example"), subject="Printer", body="Off")
REPLY = ask.SendReply(body="We look into it.")
GIVEN = Given(now=NOW, prefix="ACME", tier=Tier.STANDARD, person=ANN)


def after(*commands: TicketCommand, at: datetime = NOW) -> Ticket:
    """The ticket after these commands, the first of which submits it."""
    ticket: Ticket = INITIAL
    for command in commands:
        ticket = told(ticket, decide(command, ticket, GIVEN), at)
    return ticket


def told(ticket: Ticket, events: Sequence[Event], at: datetime = NOW) -> Ticket:
    return fold([recorded(event, ticket.version + n, at) for n, event in enumerate(events, 1)], ticket)


def recorded(event: Event, version: int, at: datetime = NOW) -> Recorded[Event]:
    return Recorded(
        lane=2, position=version, client="acme", sequence=version, number=1 if version == 1 else None, stream=TICKET,
        version=version, id=UUID(int=100 + version), type=event.type, schema_version=1, actor=f"agent:{OTHER}",
        causation=None, origin="live", occurred_at=at, recorded_at=at, trace=None, data=event,
    )  # fmt: skip


def answer(ticket: Ticket, command: TicketCommand, given: Given = GIVEN) -> list[Event]:
    return decide(command, ticket, given)


def refusal(ticket: Ticket, command: TicketCommand) -> Refused:
    with pytest.raises(Refused) as refused:
        decide(command, ticket, GIVEN)
    return refused.value


def promised(events: Sequence[Event]) -> tell.CheckpointPromised:
    (promise,) = [event for event in events if isinstance(event, tell.CheckpointPromised)]
    return promise


def in_hours(hours: float) -> datetime:
    return NOW + timedelta(hours=hours)


RESOLVE = ask.ResolveTicket(summary="Roller replaced.")
SPAM = ask.CloseTicket(reason=CloseReason.SPAM)
WAIT = ask.ChangeStatus(status=Status.WAITING_FOR_CUSTOMER, explanation="Which floor?")
REOPEN = ask.ReopenTicket(reason="It jams again.")
