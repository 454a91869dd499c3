"""A ticket's events as its timeline and its slider tell them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from contracts.catalogue import EVENTS
from services.desk import lines, slider, timeline
from services.desk.reader import Reader
from services.desk.shapes import TicketEvent

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
READER = Reader(ZoneInfo("Europe/Berlin"), START + timedelta(days=5), "", "/", "csrf")
EXAMPLES = Path(__file__).parents[2] / "contracts" / "examples"


def event(kind: str, minutes: int = 0, who: str | None = "Aisha", /, **data: Any) -> TicketEvent:
    return TicketEvent(
        id=UUID(int=minutes + 1),
        type=kind,
        time=START + timedelta(minutes=minutes),
        version=minutes + 1,
        actor="agent:7" if who else "system:triage",
        actor_name=who,
        data=data,
    )


def test_words_are_letters_and_everything_else_is_a_sentence() -> None:
    story = [
        event("ticket.submitted", 0, body="The VPN drops.", channel="mail"),
        event("ticket.prioritised", 1, None, priority="P2", reasons=[1, 2]),
        event("ticket.note_added", 2, body="Only for us."),
        event("ticket.reply_sent", 3, body="We found it."),
    ]
    (day,) = timeline.days(story, READER)
    kinds = [entry.kind if isinstance(entry, timeline.Letter) else entry.line.icon for entry in day.entries]
    assert kinds == ["message", "gauge", "note", "reply"]


def test_a_silence_of_days_is_said() -> None:
    found = timeline.days([event("ticket.submitted", 0, body="x"), event("ticket.reply_sent", 4000, body="y")], READER)
    assert [day.gap for day in found] == [None, "3 days of silence"]


def test_what_people_wrote_is_never_markup() -> None:
    told = lines.line(event("ticket.tags_changed", added=["<script>alert(1)</script>"]), READER)
    assert "<script>" not in told.html
    assert "&lt;script&gt;" in told.html


def test_words_that_were_erased_leave_their_place() -> None:
    letter = timeline.entry(event("ticket.message_received", body={"sealed": "AAAA", "person": "x"}), READER)
    assert isinstance(letter, timeline.Letter)
    assert letter.body is None


def test_a_message_is_its_authors_even_where_a_program_handed_it_in() -> None:
    by_author = timeline.entry(event("ticket.message_received", body="x", author_name="Ana Ruiz"), READER)
    by_ticket = timeline.entry(event("ticket.submitted", body="x"), READER, "Ana Ruiz")
    assert isinstance(by_author, timeline.Letter)
    assert isinstance(by_ticket, timeline.Letter)
    assert (by_author.who, by_ticket.who) == ("Ana Ruiz", "Ana Ruiz")


def test_an_event_of_tomorrow_is_told_by_its_name() -> None:
    assert "Teleported" in lines.line(event("ticket.teleported"), READER).html


@pytest.mark.parametrize("kind", sorted(kind for kind in EVENTS if kind.startswith(("ticket.", "sla."))))
def test_every_event_of_a_ticket_can_be_told(kind: str) -> None:
    for example in EXAMPLES.glob(f"{kind}.v*.json"):
        told = json.loads(example.read_text())
        data = told.get("data", told)
        entry = timeline.entry(event(kind, **data), READER)
        assert isinstance(entry, timeline.Letter) or entry.line.html


def test_the_slider_stops_once_at_each_instant_and_shows_the_weightiest_event() -> None:
    story = [
        event("ticket.submitted", 0, body="x"),
        event("ticket.checkpoint_promised", 0),
        event("ticket.checkpoint_missed", 10),
        event("ticket.reply_sent", 20, body="y"),
    ]
    found = slider.slider(story, None, READER)
    assert [stop.kind for stop in found.stops] == ["message", "bad", "reply"]
    assert [stop.x for stop in found.stops] == [0, 500, 1000]
    assert found.at == 2


def test_the_slider_stands_at_the_last_stop_before_the_instant() -> None:
    story = [event("ticket.submitted", 0, body="x"), event("ticket.reply_sent", 20, body="y")]
    assert slider.slider(story, START + timedelta(minutes=19), READER).at == 0
    assert slider.slider(story, START + timedelta(minutes=20), READER).at == 1


def test_the_newest_word_of_the_requester_is_what_an_answer_must_have_seen() -> None:
    story = [
        event("ticket.submitted", 0, body="x"),
        event("ticket.message_received", 5, body="y"),
        event("ticket.note_added", 9),
    ]
    assert timeline.newest_word(story) == 6


def test_what_was_split_off_can_come_back_and_what_came_back_can_go_again() -> None:
    words = [event("ticket.message_received", number, body=f"Words {number}") for number in (1, 2)]
    first, other = str(words[0].id), str(UUID(int=77))
    gone = event("ticket.split", 3, into=other, messages=[first], other_reference="ACME-2")
    back = event("ticket.unsplit", 4, out_of=other, messages=[first], other_reference="ACME-2")
    apart = timeline.splitting([*words, gone])
    assert (apart.messages, apart.tickets) == ([(str(words[1].id), "Words 2")], [(other, "ACME-2")])
    whole = timeline.splitting([*words, gone, back])
    assert (len(whole.messages), whole.tickets) == (2, [])
