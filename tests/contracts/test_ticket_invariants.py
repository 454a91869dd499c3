"""Any sequence of commands that intake lets through keeps the promises of a ticket."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from contracts import ticket_commands as ask
from contracts import tickets as tell
from contracts.clients import Tier
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.ticket import INITIAL, fold
from contracts.ticket_state import Absent, Closed, Held, Open, Resolved, Ticket, Waiting
from services.intake.decide import Given, Refused, TicketCommand, decide
from tests.contracts.strategies import PERSONS, START, TICKETS, commands, recorded, submissions

facts_of_others = st.sampled_from(("missed", "kept", "merged", "unmerged"))
steps = st.lists(st.tuples(st.integers(0, 600), commands | facts_of_others), max_size=20)
tiers = st.sampled_from(Tier)


def fact(name: str, ticket: Held) -> Event | None:
    """What another service, or a later command, says of the ticket as it stands."""
    open_promise = ticket.promise is not None and ticket.promise.outcome is None
    match name:
        case "missed" if open_promise and ticket.promise is not None:
            return tell.CheckpointMissed(due_at=ticket.promise.due_at)
        case "kept" if open_promise and ticket.promise is not None:
            return tell.CheckpointKept(due_at=ticket.promise.due_at, kept_by=PERSONS[0])
        case "merged" if not isinstance(ticket, Closed):
            return tell.TicketMerged(into=TICKETS[1])
        case "unmerged" if ticket.merged_into is not None:
            return tell.TicketUnmerged(out_of=ticket.merged_into)
        case _:
            return None


def run(
    submission: ask.SubmitTicket, tier: Tier, life: list[tuple[int, TicketCommand | str]]
) -> list[tuple[TicketCommand | str, Ticket, list[Recorded[Event]]]]:
    """Each step with the ticket before it and the events that it brought; what was refused brought none."""
    done: list[tuple[TicketCommand | str, Ticket, list[Recorded[Event]]]] = []
    ticket: Ticket = INITIAL
    now = START
    for minutes, step in [(0, submission), *life]:
        now += timedelta(minutes=minutes)
        events = [recorded(event, ticket.version + n, now) for n, event in enumerate(told(step, ticket, tier, now), 1)]
        done.append((step, ticket, events))
        ticket = fold(events, ticket)
    done.append(("end", ticket, []))
    return done


def told(step: TicketCommand | str, ticket: Ticket, tier: Tier, now: datetime) -> list[Event]:
    if isinstance(step, str):
        happened = None if isinstance(ticket, Absent) else fact(step, ticket)
        return [] if happened is None else [happened]
    try:
        return decide(step, ticket, Given(now, "ACME", tier, PERSONS[0]))
    except Refused:
        return []


@given(submissions, tiers, steps)
def test_an_open_ticket_is_never_without_a_promise(
    submission: ask.SubmitTicket, tier: Tier, life: list[tuple[int, TicketCommand | str]]
) -> None:
    for _, ticket, _ in run(submission, tier, life)[1:]:
        if isinstance(ticket, Open | Waiting):
            assert ticket.promise is not None


@given(submissions, tiers, steps)
def test_whatever_speaks_to_the_requester_leaves_a_promise_that_is_still_to_come(
    submission: ask.SubmitTicket, tier: Tier, life: list[tuple[int, TicketCommand | str]]
) -> None:
    done = run(submission, tier, life)
    for (step, _, events), (_, after, _) in pairwise(done):
        spoke = isinstance(step, ask.SubmitTicket | ask.SendReply | ask.ChangeStatus | ask.ReopenTicket) and events
        if spoke and isinstance(after, Open | Waiting):
            assert after.promise is not None
            assert after.promise.outcome is None
            assert after.promise.due_at > events[0].occurred_at


@given(submissions, tiers, steps)
def test_a_closed_ticket_takes_no_reply_and_no_message(
    submission: ask.SubmitTicket, tier: Tier, life: list[tuple[int, TicketCommand | str]]
) -> None:
    for _, ticket, events in run(submission, tier, life):
        if isinstance(ticket, Closed):
            assert not [event for event in events if isinstance(event.data, tell.ReplySent | tell.MessageReceived)]


@given(submissions, tiers, steps)
def test_a_merged_ticket_stays_as_it_is_until_the_merge_is_undone(
    submission: ask.SubmitTicket, tier: Tier, life: list[tuple[int, TicketCommand | str]]
) -> None:
    for step, ticket, events in run(submission, tier, life):
        if isinstance(ticket, Held) and ticket.merged_into is not None and step != "unmerged":
            assert isinstance(ticket, Closed)
            assert ticket.merged_into != ticket.id
            assert {event.type for event in events} <= {
                "ticket.note_added",
                "ticket.checkpoint_missed",
                "ticket.checkpoint_kept",
            }


@given(submissions, tiers, steps)
def test_versions_are_contiguous_and_the_fold_is_the_same_in_parts(
    submission: ask.SubmitTicket, tier: Tier, life: list[tuple[int, TicketCommand | str]]
) -> None:
    done = run(submission, tier, life)
    stream = [event for _, _, events in done for event in events]
    assert [event.version for event in stream] == list(range(1, len(stream) + 1))
    assert fold(stream) == done[-1][1]


@given(submissions, tiers, steps)
def test_a_refused_command_and_a_silent_one_change_nothing(
    submission: ask.SubmitTicket, tier: Tier, life: list[tuple[int, TicketCommand | str]]
) -> None:
    done = run(submission, tier, life)
    for (_, before, events), (_, after, _) in pairwise(done):
        if not events:
            assert after == before


@given(submissions, tiers, steps)
def test_resolved_and_closed_say_when(
    submission: ask.SubmitTicket, tier: Tier, life: list[tuple[int, TicketCommand | str]]
) -> None:
    for _, ticket, _ in run(submission, tier, life):
        if isinstance(ticket, Resolved):
            assert ticket.resolved_at is not None
        if isinstance(ticket, Closed):
            assert ticket.closed_at is not None
