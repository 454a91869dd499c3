"""Given a ticket, when it is asked for something, then these events follow, or a refusal by name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID

import pytest

from contracts import ticket_commands as ask
from contracts import tickets as tell
from contracts.clients import Tier
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.people import Requester
from contracts.terms import CloseReason, Priority, PromisedBy, Status, Urgency
from contracts.ticket import INITIAL, fold
from contracts.ticket_state import Absent, Held, Ticket
from services.intake.decide import Given, Refused, TicketCommand, decide
from services.kit.web.codes import CODES

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
    for command in (REPLY, REOPEN, ask.ReceiveMessage(body="Hello?")):
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


def test_the_same_assignment_twice_says_nothing_new() -> None:
    command = ask.Assign(agent=OTHER, team="field")
    assert answer(after(SUBMIT, command), command) == []
    assert answer(after(SUBMIT, command), ask.Assign()) == [tell.TicketAssigned()]


def test_the_same_priority_twice_says_nothing_new() -> None:
    command = ask.SetPriority(priority=Priority.P2, reason="A whole floor")
    assert answer(after(SUBMIT, command), command) == []


def test_to_confirm_what_the_rules_found_is_news() -> None:
    found = tell.TicketPrioritised(priority=Priority.P2, urgency=1, impact=1, reasons=(), rule_version="priority-1")
    command = ask.SetPriority(priority=Priority.P2, reason="Yes")
    assert len(answer(told(after(SUBMIT), [found]), command)) == 1


def test_the_same_category_twice_says_nothing_new() -> None:
    command = ask.SetCategory(category="mail")
    assert answer(after(SUBMIT, command), command) == []


def test_only_tags_that_are_not_there_are_added() -> None:
    ticket = after(SUBMIT, ask.ChangeTags(add=("vip", "floor-2")))
    assert answer(ticket, ask.ChangeTags(add=("vip",), remove=("unknown",))) == []
    assert answer(ticket, ask.ChangeTags(add=("vip", "new"), remove=("floor-2",))) == [
        tell.TagsChanged(added=("new",), removed=("floor-2",))
    ]


def test_a_tag_is_not_added_and_removed_at_once() -> None:
    assert refusal(after(SUBMIT), ask.ChangeTags(add=("a",), remove=("a",))).code == "tag_added_and_removed"


def test_a_ticket_has_fifty_tags_at_most() -> None:
    ticket = after(SUBMIT, ask.ChangeTags(add=tuple(f"tag-{n}" for n in range(ask.TAGS_MAX))))
    assert refusal(ticket, ask.ChangeTags(add=("one-more",))).code == "too_many_tags"
    assert answer(ticket, ask.ChangeTags(add=("one-more",), remove=("tag-0",)))


@pytest.mark.parametrize(
    ("due_at", "code"),
    [
        (NOW, "checkpoint_past"),
        (in_hours(-1), "checkpoint_past"),
        (NOW + timedelta(days=90, seconds=1), "checkpoint_too_far"),
    ],
)
def test_a_promise_is_made_for_the_coming_ninety_days(due_at: datetime, code: str) -> None:
    ticket = after(SUBMIT)
    for command in (
        ask.PromiseCheckpoint(due_at=due_at, text="So."),
        ask.SendReply(body="So.", checkpoint=ask.Checkpoint(due_at=due_at)),
        WAIT.model_copy(update={"checkpoint": ask.Checkpoint(due_at=due_at)}),
    ):
        assert refusal(ticket, command).code == code


def test_a_promise_moves_nearer_without_a_word_and_later_only_with_one() -> None:
    ticket = after(SUBMIT)
    assert promised(answer(ticket, ask.PromiseCheckpoint(due_at=in_hours(2)))).due_at == in_hours(2)
    assert refusal(ticket, ask.PromiseCheckpoint(due_at=in_hours(9))).field == "text"
    later = ask.PromiseCheckpoint(due_at=in_hours(9), text="The part is late.")
    assert promised(answer(ticket, later)).due_at == in_hours(9)


def test_the_same_promise_twice_says_nothing_new() -> None:
    assert answer(after(SUBMIT), ask.PromiseCheckpoint(due_at=in_hours(8))) == []


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


def test_every_refusal_has_a_row_in_the_table_of_codes() -> None:
    import ast
    from pathlib import Path

    import services.intake.decide as module

    tree = ast.parse(Path(module.__file__).read_text())
    raised = {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refused"
        if isinstance(node.args[0], ast.Constant)
    }
    assert raised <= set(CODES)
    assert len(raised) >= 10


def test_every_command_of_this_api_is_decided() -> None:
    assert len(get_args(TicketCommand)) == 13
