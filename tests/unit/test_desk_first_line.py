"""What the first line tried and found, how it answers a tone, what it still has to ask: as a ticket's page says it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from contracts.terms import CauseClass, Finding, StepResult, Tone
from services.desk import asking, calm, commands, grounds, lines, words
from services.desk.first_line import first_line
from services.desk.reader import Reader
from services.desk.shapes import PriorityReason, TicketEvent

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
READER = Reader(ZoneInfo("Europe/Berlin"), START, "", "/", "csrf")


def event(kind: str, minutes: int = 0, /, **data: Any) -> TicketEvent:
    at = START + timedelta(minutes=minutes)
    return TicketEvent(id=UUID(int=minutes + 1), type=kind, time=at, actor="agent:7", actor_name="Aisha", data=data)


def asked(body: str, category: str | None = None, *more: TicketEvent, **data: Any) -> list[str]:
    story = [event("ticket.submitted", 0, subject="Help", body=body, **data), *more]
    return [question.code for question in asking.questions(story, category)]


def test_every_code_of_the_contracts_has_words() -> None:
    assert set(words.FINDINGS) == set(Finding)
    assert set(words.STEP_RESULTS) == set(StepResult)
    assert set(words.CAUSES) == set(CauseClass)
    assert set(calm.ADVICE) | set(words.CALM_TONES) == set(Tone)


def test_what_did_not_help_is_what_an_escalation_carries_and_the_next_level_carries_it_on() -> None:
    story = [
        event("ticket.step_recorded", 0, step="restarted the router", result="did_not_help"),
        event("ticket.step_recorded", 1, step="other", remark="Asked Ana for another cable", result="did_not_help"),
        event("ticket.step_recorded", 2, step="tried another network", result="helped"),
        event("ticket.finding_recorded", 3, finding="we_must_fix", cause="our_fault", text="The certificate ran out."),
    ]
    found = first_line(story, "network", "L1")
    assert found.ruled_out.splitlines() == [
        "Restarted the router: did not help",
        "Asked Ana for another cable: did not help",
    ]
    assert (found.why, found.next_levels) == ("The certificate ran out.", ("L2", "L3"))
    assert "Restarted the router" not in found.checklist
    up = event("ticket.escalated", 4, level="L2", reason="Beyond us", ruled_out=["The cable"])
    later = event("ticket.step_recorded", 5, step="checked the outage page", result="did_not_help")
    again = first_line([*story, up, later], "network", "L2")
    assert again.escalated is not None
    assert again.escalated.ruled_out == ("The cable",)
    assert again.ruled_out.splitlines()[0] == "The cable"
    assert again.ruled_out.splitlines()[-1] == "Checked the outage page: did not help"
    assert "Ruled out: The cable" in (lines.line(up, READER).quote or "")


def test_words_that_were_erased_are_ruled_out_no_more() -> None:
    up = event("ticket.escalated", 0, level="L2", reason="[erased]", ruled_out=["[erased]"])
    assert first_line([up], None, "L2").ruled_out == ""


def test_a_step_of_one_s_own_words_is_personal_and_one_of_the_checklist_is_a_code() -> None:
    known = commands.step({"step": "Restarted the router", "result": "did_not_help"}, READER)
    assert known.body == {"step": "restarted the router", "result": "did_not_help"}
    own = commands.step({"step": "Asked Ana to wait", "result": "helped"}, READER)
    assert own.body == {"step": "other", "remark": "Asked Ana to wait", "result": "helped"}


def test_bad_data_asks_for_its_record_and_no_other_cause_sends_one() -> None:
    bad = {"finding": "we_must_fix", "cause": "bad_data", "text": "The rate is wrong"}
    with pytest.raises(commands.NotSaid) as missing:
        commands.finding(bad, READER)
    assert missing.value.field == "record"
    assert commands.finding(bad | {"record": "Invoice 20418"}, READER).body["record"] == "Invoice 20418"
    assert "record" not in commands.finding(bad | {"cause": "our_fault", "record": "x"}, READER).body


def test_an_escalation_carries_each_line_that_is_left_in_its_field() -> None:
    ask = commands.escalate({"level": "L2", "reason": "Beyond us", "ruled_out": "The cable\n\n  The router \n"}, READER)
    assert ask.body == {"level": "L2", "reason": "Beyond us", "ruled_out": ["The cable", "The router"]}


@pytest.mark.parametrize(
    ("degree", "title"),
    [(0.9, "Very angry"), (0.5, "Angry"), (0.2, "Slightly angry")],
    ids=["very", "angry", "slightly"],
)
def test_a_tone_is_told_with_its_degree_and_its_words(degree: float, title: str) -> None:
    heard = calm.heard([event("ticket.tone_detected", tone="angry", degree=degree, words=["useless"])], "Ana Ruiz")
    assert (heard.title, heard.words, heard.stands_out) == (title, ("useless",), True)
    assert heard.opener.startswith("Dear Ana Ruiz,")


@pytest.mark.parametrize("tone", ["neutral", "unknown"])
def test_an_answer_is_formal_where_no_tone_asks_for_more(tone: str) -> None:
    assert calm.heard([event("ticket.tone_detected", tone=tone, degree=0.9)]).advice == calm.FORMAL[0]
    assert calm.heard([]).stands_out is False


def test_questions_fit_what_the_case_is_about() -> None:
    assert asked("It is bad.", "billing") == ["number", "record", "screenshot"]
    assert asked("It is bad.", "network/wifi")[:2] == ["message", "since"]
    assert asked("It is bad.") == list(asking.GENERAL)
    assert asked("It is bad.", None, event("ticket.classified", 1, service="vpn"))[0] == "message"


def test_what_the_requester_told_or_sent_is_not_asked_again() -> None:
    told = "When I print, it says “Paper jam in tray 2”. Since this morning, for all of us."
    assert asked(told, "printing") == ["device", "screenshot"]
    assert asked(told, "printing", attachments=[{"name": "screen.png"}]) == ["device"]
    assert asked("It is bad.", "billing", answers={"number": "20418"}) == ["record", "screenshot"]
    later = event("ticket.message_received", 1, body="It is invoice 20418.")
    assert asked("It is bad.", "billing", later) == ["record", "screenshot"]


def test_what_a_colleague_asked_is_not_asked_again() -> None:
    text = asking.KINDS["number"][0].text
    assert asked("It is bad.", "billing", event("ticket.reply_sent", 1, body=text)) == ["record", "screenshot"]


def test_all_that_is_missing_is_one_paragraph_and_nothing_is_none() -> None:
    questions = asking.questions([event("ticket.submitted", 0, subject="Help", body="Bad.")], "billing")
    assert asking.letter(questions).count("\n– ") == len(questions)
    assert asking.letter(()) == ""
    assert len(asked("It is bad.", "application")) <= asking.QUESTIONS_MAX


def test_a_long_message_of_digits_and_spaces_is_read_in_a_moment() -> None:
    """No pattern may take a time that grows with the square of what a stranger wrote."""
    assert asked("1 " * 100_000 + "a" * 100_000, "printing")


def test_a_priority_names_how_many_clients_report_it_and_what_a_client_s_claims_were_worth() -> None:
    inputs = {"clients": 4, "incident_clients": 5, "confirmed": 0, "denied": 3}
    codes = ("clients_affected", "incident.P2", "stated_urgency.rarely_confirmed")
    told = grounds.grounds([PriorityReason(code=code, points=1) for code in codes], inputs)
    assert [ground.sentence for ground in told] == [
        "4 clients report it",
        "Part of a confirmed incident that hits 5 clients: at least P2",
        "Of 3 earlier claims of this client none proved so urgent",
    ]
