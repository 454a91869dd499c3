"""What triage answers to a history: given events, when new facts come, then judgements and kept promises."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import pytest

from contracts import tickets as tell
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.terms import Channel, Priority, PromisedBy, Urgency
from services.triage.judgements import Answer, Given, answers
from services.triage.phrases import evidence_in
from services.triage.reading import read_message
from services.triage.tone_tables import load_tables

TICKET = UUID("01980000-0000-7000-8000-000000000003")
PERSON = UUID("01980000-0000-7000-8000-000000000001")
TABLES = load_tables()
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def history(*events: Event | tuple[Event, str]) -> list[Recorded[Event]]:
    """Events an hour apart; one with an actor behind it was written by them, others by a token."""
    found = []
    for version, item in enumerate(events, start=1):
        data, actor = item if isinstance(item, tuple) else (item, "token:test")
        at = NOON + timedelta(hours=version - 1)
        found.append(
            Recorded(
                3, version * 10, "acme", version, 7 if version == 1 else None, TICKET, version,
                uuid5(TICKET, str(version)), data.type, 1, actor, None, "live", at, at, None, data,
            )
        )  # fmt: skip
    return found


def submitted(urgency: Urgency | None = Urgency.NORMAL, category: str | None = "email") -> tell.TicketSubmitted:
    return tell.TicketSubmitted(
        prefix="ACME", requester=PERSON, subject="s", body="b", channel=Channel.WEB, urgency=urgency, category=category
    )


def due(hours: float) -> tell.CheckpointPromised:
    return tell.CheckpointPromised(due_at=NOON + timedelta(hours=hours), by=PromisedBy.POLICY)


REPLY = tell.ReplySent(body="We look into it.")
MESSAGE = tell.MessageReceived(author=PERSON, body="And?", channel=Channel.WEB)


WORD: dict[type[Event], str] = {tell.CheckpointKept: "kept", tell.PrioritySuggested: "rather "}


def said(found: list[Answer]) -> list[tuple[int, str]]:
    """(version of the cause, priority or the word kept)."""
    return [
        (cause.version, WORD.get(type(fact), "") + (fact.priority.value if isinstance(fact, tell.Judged) else ""))
        for cause, fact in found
    ]


def judged(past: list[Recorded[Event]], *versions: int, **texts: str) -> list[tuple[int, str]]:
    """What is said of the priority and the promise; `v3="Help!"` is what the text of version 3 says."""
    readings = {past[int(name[1:]) - 1].id: read_message(text, TABLES) for name, text in texts.items()}
    found = said(answers(past, set(versions), Given(readings, TABLES)))
    return [(version, word) for version, word in found if word]


def first(past: list[Recorded[Event]], text: str = "") -> tell.TicketPrioritised:
    fact = answers(past[:1], {1}, Given({past[0].id: read_message(text, TABLES)}, TABLES))[-1].fact
    assert isinstance(fact, tell.TicketPrioritised)
    return fact


def test_a_new_ticket_gets_a_priority() -> None:
    assert judged(history(submitted(), due(4)), 1) == [(1, "P3")]


def test_what_the_first_text_says_counts() -> None:
    text = "Urgent: nobody can print since Monday, we need it by 5 pm"
    assert judged(history(submitted(Urgency.HIGH), due(4)), 1, v1=text) == [(1, "P2")]


def test_a_ticket_that_has_a_priority_is_not_judged_a_second_time() -> None:
    birth = submitted()
    assert judged(history(birth, first(history(birth))), 1) == []


def test_a_reopening_raises_once_and_a_second_one_says_nothing_new() -> None:
    birth = submitted(Urgency.NORMAL)
    past = history(birth, first(history(birth)), tell.TicketResolved(), tell.TicketReopened(), tell.TicketReopened())
    assert judged(past, 4, 5) == [(4, "P3")]


def test_an_answer_that_is_in_the_log_already_is_not_given_again() -> None:
    birth = submitted(Urgency.NORMAL)
    past = history(birth, first(history(birth)), tell.TicketResolved(), tell.TicketReopened())
    raised = answers(past, {4})[0]
    again = [*past, past[-1]._replace(version=5, type=raised.fact.type, data=raised.fact, causation=str(past[3].id))]
    assert judged(again, 4) == []


def test_a_priority_never_falls_by_itself_a_lower_one_is_suggested() -> None:
    birth = submitted(Urgency.HIGH, "network")
    past = history(birth, first(history(birth)), tell.CategorySet(category="request"))
    assert first(past).priority is Priority.P3
    assert judged(past, 3) == [(3, "rather P4")]


def test_a_weightier_category_raises_at_once() -> None:
    birth = submitted(Urgency.HIGH, "request")
    past = history(birth, first(history(birth)), tell.CategorySet(category="network"))
    assert judged(past, 3) == [(3, "P3")]


def test_a_priority_that_a_person_set_stays() -> None:
    birth = submitted(Urgency.HIGH, "email")
    by_hand = tell.PrioritySet(priority=Priority.P4, reason="known, harmless")
    past = history(birth, first(history(birth)), (by_hand, "agent:1"), tell.CategorySet(category="network"))
    assert judged(past, 4) == []


def test_a_person_who_was_faster_than_triage_is_heard() -> None:
    past = history(submitted(), due(4), (tell.PrioritySet(priority=Priority.P1), "agent:1"))
    assert judged(past, 1) == []


@pytest.mark.parametrize("exchanges", [6, 12])
def test_many_exchanges_raise_the_priority_when_they_reach_a_threshold(exchanges: int) -> None:
    text = "We need it by noon" if exchanges == 6 else ""
    birth = submitted(Urgency.NORMAL)
    fact = first(history(birth), text)
    past = history(birth, fact, *[MESSAGE] * (exchanges - 1))
    versions = set(range(3, len(past) + 1))
    found = answers(past, versions)
    assert said(found)[-1] == (len(past), "P3")
    judgement = found[-1].fact
    assert isinstance(judgement, tell.TicketPrioritised)
    (reason,) = [reason for reason in judgement.reasons if reason.code == "exchanges"]
    assert reason.events == (past[-1].id,)
    quoted = [reason.words for reason in judgement.reasons if reason.code == "words.deadline"]
    assert quoted == ([("by noon",)] if text else [])


def test_a_public_answer_in_time_keeps_the_promise() -> None:
    past = history(submitted(), due(4), REPLY, due(9))
    (answer,) = answers(past, {3})
    assert answer.fact == tell.CheckpointKept(due_at=NOON + timedelta(hours=4), kept_by=past[2].id)


def test_an_answer_that_comes_too_late_keeps_nothing() -> None:
    assert judged(history(submitted(), due(1), REPLY, due(9)), 3) == []


def test_each_promise_is_kept_by_the_answer_that_follows_it() -> None:
    past = history(submitted(), due(4), REPLY, due(9), REPLY, due(20))
    assert judged(past, 3, 5) == [(3, "kept"), (5, "kept")]


def test_a_solution_keeps_the_promise_and_an_answer_with_it_does_so_only_once() -> None:
    assert judged(history(submitted(), due(4), tell.TicketResolved()), 3) == [(3, "kept")]
    assert judged(history(submitted(), due(4), REPLY, tell.TicketResolved()), 3, 4) == [(3, "kept")]


def test_a_promise_that_was_settled_stays_as_it_is() -> None:
    missed = tell.CheckpointMissed(due_at=NOON + timedelta(hours=4))
    assert judged(history(submitted(), due(4), REPLY, due(9), missed), 3) == []


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Nobody can log in since Monday, we need it by 5 pm", ["outage", "deadline"]),
        ("I think that I was hacked, all my files are gone", ["security", "data_loss"]),
        ("We lost our data", ["data_loss"]),
        ("Niemand kann drucken, dringend bis Freitag", ["outage", "deadline", "urgent"]),
        ("Toute l’équipe est en panne", ["outage"]),
        ("Nessuno riesce a lavorare, entro oggi per favore", ["outage", "deadline"]),
        ("Nadie puede trabajar, es urgente", ["outage", "urgent"]),
        ("This is not urgent, and there was no data loss", []),
        ("Kein Ausfall, nicht dringend", []),
        ("Could you tell me how to change my signature?", []),
        ("", []),
    ],
)
def test_phrases_of_urgency_are_found_in_five_languages(text: str, codes: list[str]) -> None:
    assert [evidence.code for evidence in evidence_in("Hello", text)] == codes


def test_words_are_quoted_as_they_were_written_and_only_a_few() -> None:
    (evidence,) = evidence_in("OUTAGE", "outage Outage NOBODY CAN work, is DOWN")
    assert evidence.words == ("OUTAGE", "outage", "Outage")


def test_a_very_long_text_is_read_only_at_its_beginning() -> None:
    assert evidence_in("log", "x " * 20_000 + "urgent") == ()


def test_letters_that_change_their_length_in_lower_case_do_not_shift_the_quotes() -> None:
    (evidence,) = evidence_in("İİİ", "İ this is Urgent")
    assert evidence.words == ("urgent",)
