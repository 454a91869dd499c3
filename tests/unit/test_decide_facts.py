"""Given a ticket, when a fact or a promise of it is set, then these events follow, or a refusal by name."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from contracts import ticket_commands as ask
from contracts import tickets as tell
from contracts.people import Level
from contracts.terms import CauseClass, CloseReason, Finding, Priority, StepResult
from services.kit.web.codes import CODES
from tests.unit.decisions import NOW, OTHER, SUBMIT, WAIT, after, answer, in_hours, promised, refusal, told


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


def test_every_refusal_has_a_row_in_the_table_of_codes() -> None:
    import ast
    from pathlib import Path

    from services.intake import decide as module

    raised = {
        node.args[0].value
        for file in [*Path(module.__file__).parent.glob("decide*.py"), Path(module.__file__).with_name("given.py")]
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refused"
        if isinstance(node.args[0], ast.Constant)
    }
    assert raised <= set(CODES)
    assert len(raised) >= 10


def test_a_step_and_what_came_of_it_are_kept() -> None:
    tried = ask.RecordStep(step="restart", result=StepResult.DID_NOT_HELP, remark="Twice")
    said = tell.StepRecorded(step="restart", result=StepResult.DID_NOT_HELP, remark="Twice")
    assert answer(after(SUBMIT), tried) == [said]
    assert refusal(after(SUBMIT, ask.CloseTicket(reason=CloseReason.SPAM)), tried).code == "closed"


def test_a_finding_of_bad_data_names_the_record_and_no_other_does() -> None:
    found = ask.RecordFinding(finding=Finding.WE_MUST_FIX, cause=CauseClass.BAD_DATA, text="A rate of 19 per mille")
    refused = refusal(after(SUBMIT), found)
    assert (refused.code, refused.field) == ("record_missing", "record")
    (kept,) = answer(after(SUBMIT), found.model_copy(update={"record": "Invoice 20418"}))
    assert isinstance(kept, tell.FindingRecorded)
    assert kept.record == "Invoice 20418"
    ours = found.model_copy(update={"cause": CauseClass.OUR_FAULT, "record": "Invoice 20418"})
    assert refusal(after(SUBMIT), ours).code == "record_without_bad_data"
    assert {"record_missing", "record_without_bad_data"} <= CODES.keys()


def test_what_was_ruled_out_travels_with_an_escalation() -> None:
    up = ask.Escalate(level=Level.L2, reason="Beyond us", ruled_out=("A restart",))
    ticket = after(SUBMIT, up)
    assert answer(after(SUBMIT), up) == [
        tell.TicketEscalated(level=Level.L2, reason="Beyond us", ruled_out=("A restart",))
    ]
    assert answer(ticket, ask.Escalate(level=Level.L2, reason="Again")) == []
    assert len(answer(ticket, ask.Escalate(level=Level.L2, reason="More", ruled_out=("Another cable",)))) == 1
