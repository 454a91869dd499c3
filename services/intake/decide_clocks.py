"""(what a person says of a clock, Ticket, Given) -> [Event]. Pure: breaches excused, deadlines set, agents told."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, assert_never

from contracts import sla
from contracts import ticket_commands as ask
from contracts.model import Event
from contracts.sla import Metric
from contracts.ticket_state import Held
from services.intake.decide_promise import promise_anew
from services.intake.given import Given, refuse_ended, refuse_merged
from services.kit.refused import Refused

PIN_MAX: Final = timedelta(days=366)

ClockCommand = ask.PromiseAnew | ask.WaiveBreach | ask.PinDeadline | ask.UnpinDeadline | ask.NotifyAgent


def decide_clock(command: ClockCommand, ticket: Held, given: Given) -> list[Event]:
    """The events that answer a command about a clock. Raises Refused."""
    match command:
        case ask.PromiseAnew():
            return promise_anew(ticket, given)
        case ask.WaiveBreach():
            return waive(command, ticket, given)
        case ask.PinDeadline():
            return pin(command, ticket, given)
        case ask.UnpinDeadline():
            return unpin(command, ticket, given)
        case ask.NotifyAgent():
            return notify(command, ticket)
        case _:
            assert_never(command)


def waive(command: ask.WaiveBreach, ticket: Held, given: Given) -> list[Event]:
    """Excuses one breach. The breach stays in the log, and reports show both."""
    refuse_merged(ticket)
    cycles = given.clocks.cycles if given.clocks else ()
    cycle = next((cycle for cycle in cycles if cycle.id == command.cycle), None)
    if cycle is None:
        raise Refused("unknown_cycle", f"ticket {ticket.reference} has no clock {command.cycle}", "cycle")
    if not cycle.breached:
        raise Refused("not_breached", f"{command.cycle} of ticket {ticket.reference} is not breached", "cycle")
    if cycle.waived is not None:
        return []
    return [sla.SlaWaived(metric=cycle.metric, cycle=cycle.id, reason=command.reason)]


def pin(command: ask.PinDeadline, ticket: Held, given: Given) -> list[Event]:
    """A due time that a person sets."""
    refuse_ended(ticket)
    if command.metric is Metric.PROMISE:
        raise Refused("promise_not_pinned", "the promise is moved by a checkpoint, told to the requester", "metric")
    if command.due_at <= given.now:
        raise Refused("deadline_past", f"{command.due_at.isoformat()} is over already", "due_at")
    if command.due_at - given.now > PIN_MAX:
        raise Refused("deadline_too_far", f"a deadline is at most {PIN_MAX.days} days ahead", "due_at")
    if given.pins.get(command.metric) == command.due_at:
        return []
    return [sla.DeadlinePinned(metric=command.metric, due_at=command.due_at, reason=command.reason)]


def unpin(command: ask.UnpinDeadline, ticket: Held, given: Given) -> list[Event]:
    """Back to what the policy says. What is not pinned stays as it is."""
    refuse_ended(ticket)
    return [sla.DeadlineUnpinned(metric=command.metric)] if command.metric in given.pins else []


def notify(command: ask.NotifyAgent, ticket: Held) -> list[Event]:
    """One of the desk's people hears of a clock. Of a ticket that has ended there is nothing to hear."""
    refuse_ended(ticket)
    return [
        sla.AgentNotified(agent=command.agent, metric=command.metric, cycle=command.cycle, due_at=command.due_at)
    ]  # fmt: skip
