"""Recurring questions, in memory: what is one question, how it is counted, and which words of it may be shown."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from services.reporting.questions import PEOPLE_MIN, Asked, Judged, Question, questions, terms_said

START = datetime(2026, 3, 2, 9, tzinfo=UTC)  # a Monday
WORDS = ("printer", "toner", "vpn", "tunnel", "gateway", "invoice", "ledger", "export", "password", "reset", "E1252")


def asked(nth: int, subject: str, *, body: str = "", who: int | None = None, category: str | None = "mail") -> Asked:
    terms = terms_said(subject, body, lambda _: False)
    person = UUID(int=nth if who is None else who)
    return Asked(UUID(int=1 + nth), f"client-{nth % 3}", person, category, START + timedelta(days=nth), terms)


def ids(question: Question) -> list[int]:
    return [one.ticket.int - 1 for one in question.tickets]


windows = st.lists(
    st.tuples(st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join), st.sampled_from(("mail", "network", None))),
    max_size=25,
).map(lambda given: [asked(nth, subject, category=category) for nth, (subject, category) in enumerate(given)])
pairs = st.lists(st.tuples(st.integers(1, 25), st.integers(1, 25)).map(lambda p: (UUID(int=p[0]), UUID(int=p[1]))))


@given(windows, pairs, pairs, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_in_which_tickets_are_given_changes_nothing_and_each_is_in_one_question(
    window: Sequence[Asked],
    confirmed: list[tuple[UUID, UUID]],
    denied: list[tuple[UUID, UUID]],
    chance: random.Random,
) -> None:
    found = questions(window, Judged(confirmed, denied))
    told = Judged(chance.sample(confirmed, len(confirmed)), chance.sample(denied, len(denied)))
    assert questions(chance.sample(list(window), len(window)), told) == found
    tickets = [one.ticket for question in found for one in question.tickets]
    assert len(tickets) == len(set(tickets))
    for question in found:
        assert len(question.tickets) >= 2
        assert sum(count for _, count in question.weeks) == len(question.tickets)
        assert set(question.examples) <= {one.ticket for one in question.tickets}
        for word in question.words:
            wrote = {one.requester for one in question.tickets for said, _ in one.terms.values() if said == word}
            assert len(wrote) >= PEOPLE_MIN


@given(windows, pairs)
@settings(max_examples=40, deadline=None)
def test_what_agents_confirmed_is_together_and_what_they_denied_is_apart(
    window: Sequence[Asked], some: list[tuple[UUID, UUID]]
) -> None:
    here = {one.ticket for one in window}
    of = {one.ticket: nth for nth, found in enumerate(questions(window, Judged(some))) for one in found.tickets}
    assert all(of[one] == of[other] for one, other in some if one != other and {one, other} <= here)
    for found in questions(window, Judged((), some)):
        held = {one.ticket for one in found.tickets}
        assert not any(one != other and {one, other} <= held for one, other in some)


def test_the_same_question_in_other_words_is_counted_once_and_another_category_is_another_question() -> None:
    window = [
        asked(0, "Printer on floor 3 jams", body="The printer jams with every page."),
        asked(1, "Printing jams again", body="Our printer jammed, please help."),
        asked(2, "Jams", body="Our printer jams again."),
        asked(7, "The printer jammed", body="Hello,\n\nthe printer is jamming since today."),
        asked(8, "Password reset for the ledger", body="I forgot the password of the ledger."),
        asked(9, "Reset my ledger password", body="The ledger does not take my password."),
        asked(10, "Chair squeaks", body="May I have another one?"),
        asked(11, "Printer jams", category="network"),
    ]
    printer, password = questions(window)
    assert (ids(printer), ids(password)) == ([0, 1, 2, 7], [8, 9])
    assert printer.weeks == [(date(2026, 3, 2), 3), (date(2026, 3, 9), 1)]
    assert "printer" in printer.words
    assert password.words == (), "two people are not enough for a word to stand in clear"


def test_a_word_that_one_person_wrote_three_times_is_not_shown() -> None:
    found = questions([asked(nth, "Zanzibar ledger export", who=1) for nth in range(4)])
    assert [(ids(question), question.words) for question in found] == [([0, 1, 2, 3], ())]


def test_a_chain_of_neighbours_is_not_one_question() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = [f"word{letter}{letter}" for letter in letters]
    window = [asked(nth, " ".join(words[nth : nth + 4])) for nth in range(20)]
    assert max(len(question.tickets) for question in questions(window)) < 8


def test_tickets_without_a_word_are_no_question() -> None:
    assert questions([asked(nth, "", body="Hello!") for nth in range(5)]) == []
    assert questions([]) == []
