"""(a step tried, a finding, an escalation; Ticket) -> [Event]. Pure."""

from __future__ import annotations

from typing import assert_never

from contracts import ticket_commands as ask
from contracts import tickets as tell
from contracts.model import Event
from contracts.terms import CauseClass
from contracts.ticket_state import Held
from services.intake.given import refuse_closed, refuse_ended
from services.kit.refused import Refused

FirstLineCommand = ask.Escalate | ask.RecordStep | ask.RecordFinding


def first_line(command: FirstLineCommand, ticket: Held) -> list[Event]:
    """The events that answer what the first line did and found. Raises Refused."""
    match command:
        case ask.Escalate():
            return escalate(command, ticket)
        case ask.RecordStep():
            refuse_closed(ticket)
            return [tell.StepRecorded(step=command.step, result=command.result, remark=command.remark)]
        case ask.RecordFinding():
            return record_finding(command, ticket)
        case _:
            assert_never(command)


def record_finding(command: ask.RecordFinding, ticket: Held) -> list[Event]:
    """Why it happened. Bad data is a cause of its own, and nobody mends it without the record's name (F9)."""
    refuse_closed(ticket)
    if command.cause is CauseClass.BAD_DATA and command.record is None:
        raise Refused("record_missing", "where bad data is the cause, the bad record is named", "record")
    if command.cause is not CauseClass.BAD_DATA and command.record is not None:
        raise Refused("record_without_bad_data", f"the cause is {command.cause}, and a record is named", "record")
    return [
        tell.FindingRecorded(
            finding=command.finding, cause=command.cause, text=command.text, record=command.record
        )
    ]  # fmt: skip


def escalate(command: ask.Escalate, ticket: Held) -> list[Event]:
    """To another level, with the reason for it. To where it is already only with something more that was ruled out."""
    refuse_ended(ticket)
    if command.level == ticket.level and command.team in (None, ticket.team) and not command.ruled_out:
        return []
    return [
        tell.TicketEscalated(
            level=command.level, team=command.team, reason=command.reason, ruled_out=command.ruled_out
        )
    ]  # fmt: skip
