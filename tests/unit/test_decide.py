"""Given a ticket, when it is asked for something, then these events follow, or a refusal by name."""

from __future__ import annotations

import pytest

from contracts import ticket_commands as ask
from contracts import tickets as tell
from contracts.clients import Tier
from contracts.terms import PromisedBy, Status, Urgency
from contracts.ticket import INITIAL
from contracts.ticket_state import Absent, Held
from services.intake.decide import Given, TicketCommand
from tests.unit.decisions import (
    ANN,
    NOW,
    OTHER,
    REOPEN,
    REPLY,
    RESOLVE,
    SPAM,
    SUBMIT,
    WAIT,
    after,
    answer,
    in_hours,
    promised,
    refusal,
    told,
)


@pytest.mark.parametrize(
    ("tier", "urgency", "hours"),
    [(Tier.PREMIUM, Urgency.CRITICAL, 1), (Tier.STANDARD, None, 8), (Tier.BASIC, Urgency.LOW, 48)],
)
def test_a_submission_promises_by_tier_and_urgency(tier: Tier, urgency: Urgency | None, hours: int) -> None:
    command = SUBMIT.model_copy(update={"urgency": urgency})
    submitted, promise = answer(INITIAL, command, Given(NOW, "ACME", tier, ANN))
    assert isinstance(submitted, tell.TicketSubmitted)
    assert promise == tell.CheckpointPromised(due_at=in_hours(hours), by=PromisedBy.POLICY)


def test_a_ticket_is_not_submitted_twice() -> None:
    assert refusal(after(SUBMIT), SUBMIT).code == "exists"


@pytest.mark.parametrize("command", [REPLY, RESOLVE, REOPEN, SPAM, ask.AddNote(body="?"), WAIT])
def test_nothing_is_done_to_a_ticket_that_is_not_there(command: TicketCommand) -> None:
    assert refusal(Absent(), command).code == "not_found"


def test_a_message_on_an_open_ticket_is_only_a_message() -> None:
    (message,) = answer(after(SUBMIT), ask.ReceiveMessage(body="Still off."))
    assert isinstance(message, tell.MessageReceived)


def test_a_message_on_a_waiting_ticket_brings_it_back() -> None:
    events = answer(after(SUBMIT, WAIT), ask.ReceiveMessage(body="The second."))
    assert [event.type for event in events] == ["ticket.message_received", "ticket.status_changed"]
    assert isinstance(events[1], tell.StatusChanged)
    assert events[1].status is Status.OPEN


def test_an_answer_brings_a_far_promise_near_again() -> None:
    far = ask.Checkpoint(due_at=in_hours(24 * 20))
    waiting = after(SUBMIT, WAIT.model_copy(update={"checkpoint": far}))
    assert promised(answer(waiting, ask.ReceiveMessage(body="The second."))).due_at == in_hours(8)


def test_a_message_on_a_resolved_ticket_opens_it_again_with_a_promise() -> None:
    events = answer(after(SUBMIT, RESOLVE), ask.ReceiveMessage(body="No, it is still off."))
    assert [event.type for event in events] == [
        "ticket.message_received",
        "ticket.reopened",
        "ticket.checkpoint_promised",
    ]


def test_a_message_after_a_broken_promise_makes_a_new_one() -> None:
    ticket = after(SUBMIT)
    assert isinstance(ticket, Held)
    assert ticket.promise is not None
    missed = told(ticket, [tell.CheckpointMissed(due_at=ticket.promise.due_at)])
    assert promised(answer(missed, ask.ReceiveMessage(body="Anybody there?"))).due_at == in_hours(8)


@pytest.mark.parametrize("command", [REPLY, ask.ReceiveMessage(body="Hello?"), WAIT, RESOLVE])
def test_a_closed_ticket_takes_nothing_more(command: TicketCommand) -> None:
    assert refusal(after(SUBMIT, SPAM), command).code == "closed"


def test_a_closed_ticket_still_takes_a_note() -> None:
    assert answer(after(SUBMIT, SPAM), ask.AddNote(body="Known spammer.")) == [tell.NoteAdded(body="Known spammer.")]


def test_a_merged_ticket_names_where_it_goes_on() -> None:
    merged = told(after(SUBMIT), [tell.TicketMerged(into=OTHER)])
    for command in (REPLY, REOPEN, ask.ReceiveMessage(body="Hello?"), ask.ChangeTags(add=("vip",))):
        refused = refusal(merged, command)
        assert refused.code == "merged"
        assert str(OTHER) in str(refused)


def test_a_reply_promises_the_default_where_the_agent_gave_nothing() -> None:
    events = answer(after(SUBMIT), REPLY)
    assert [event.type for event in events] == ["ticket.reply_sent", "ticket.checkpoint_promised"]
    assert promised(events) == tell.CheckpointPromised(due_at=in_hours(8), by=PromisedBy.POLICY)


def test_a_reply_promises_what_the_agent_says() -> None:
    command = ask.SendReply(body="Tomorrow.", checkpoint=ask.Checkpoint(due_at=in_hours(24), text="The part is here."))
    expected = tell.CheckpointPromised(due_at=in_hours(24), by=PromisedBy.AGENT, text="The part is here.")
    assert promised(answer(after(SUBMIT), command)) == expected


def test_a_reply_that_resolves_promises_nothing() -> None:
    events = answer(after(SUBMIT), ask.SendReply(body="Done.", status=Status.RESOLVED))
    assert [event.type for event in events] == ["ticket.reply_sent", "ticket.resolved"]


def test_a_reply_that_resolves_takes_no_checkpoint() -> None:
    checkpoint = ask.Checkpoint(due_at=in_hours(1))
    command = ask.SendReply(body="Done.", status=Status.RESOLVED, checkpoint=checkpoint)
    assert refusal(after(SUBMIT), command).code == "checkpoint_on_resolved"


def test_a_reply_may_hand_the_ball_over() -> None:
    events = answer(after(SUBMIT), ask.SendReply(body="Which?", status=Status.WAITING_FOR_CUSTOMER))
    assert [event.type for event in events] == [
        "ticket.reply_sent",
        "ticket.status_changed",
        "ticket.checkpoint_promised",
    ]


def test_a_resolved_ticket_is_reopened_before_it_is_answered() -> None:
    assert refusal(after(SUBMIT, RESOLVE), REPLY).code == "resolved"


@pytest.mark.parametrize("status", [Status.NEW, Status.CLOSED])
def test_a_reply_neither_closes_nor_makes_new(status: Status) -> None:
    assert refusal(after(SUBMIT), ask.SendReply(body="So.", status=status)).code == "status_not_set_here"


def test_a_status_change_tells_why() -> None:
    refused = refusal(after(SUBMIT), ask.ChangeStatus(status=Status.WAITING_FOR_SUPPLIER))
    assert (refused.code, refused.field) == ("explanation_missing", "explanation")


def test_a_status_change_carries_its_explanation_and_the_next_checkpoint() -> None:
    changed, promise = answer(after(SUBMIT), WAIT)
    assert changed == tell.StatusChanged(status=Status.WAITING_FOR_CUSTOMER, explanation="Which floor?")
    assert isinstance(promise, tell.CheckpointPromised)


def test_the_same_status_twice_says_nothing_new() -> None:
    assert answer(after(SUBMIT, WAIT), WAIT) == []


@pytest.mark.parametrize("status", [Status.NEW, Status.RESOLVED, Status.CLOSED])
def test_beginning_and_end_have_commands_of_their_own(status: Status) -> None:
    command = ask.ChangeStatus(status=status, explanation="So.")
    assert refusal(after(SUBMIT), command).code == "status_not_set_here"


def test_what_is_resolved_is_not_resolved_again() -> None:
    assert refusal(after(SUBMIT, RESOLVE), RESOLVE).code == "resolved"


def test_reopening_promises_again_and_an_open_ticket_needs_none() -> None:
    events = answer(after(SUBMIT, RESOLVE), REOPEN)
    assert [event.type for event in events] == ["ticket.reopened", "ticket.checkpoint_promised"]
    assert answer(after(SUBMIT), REOPEN) == []


def test_done_needs_a_resolution_and_spam_does_not() -> None:
    assert refusal(after(SUBMIT), ask.CloseTicket()).code == "not_resolved"
    assert answer(after(SUBMIT, RESOLVE), ask.CloseTicket())
    assert answer(after(SUBMIT), SPAM)
    assert answer(after(SUBMIT, SPAM), SPAM) == []
