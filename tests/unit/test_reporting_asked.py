"""What a caller asks of the queue: within his rights, with cursors that only their own order takes back."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.envelope import Origin
from contracts.people import Role
from services.kit.access import Principal
from services.kit.web.problem import Problem
from services.reporting.asked import (
    BIGINT_MAX,
    Cursor,
    QueueParameters,
    asked_of,
    clients_seen,
    read_cursor,
    write_cursor,
)

AGENT = UUID(int=5)
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def caller(*clients: str, agent: UUID | None = None) -> Principal:
    return Principal("1", "token", Role.AGENT, frozenset(clients) or None, Origin.LIVE, frozenset(), agent, "test")


@given(st.sampled_from(["deadline", "newest"]), st.integers(-BIGINT_MAX, BIGINT_MAX), st.uuids())
def test_a_cursor_comes_back_as_it_was(sort: str, key: int, ticket: UUID) -> None:
    cursor = Cursor(sort, key, ticket)

    assert read_cursor(write_cursor(cursor), sort) == cursor


@given(st.text(max_size=60))
def test_no_text_is_taken_for_a_cursor_by_mistake(text: str) -> None:
    with pytest.raises(Problem, match="cursor"):
        read_cursor(text, "deadline")


def test_a_key_that_no_column_holds_is_refused() -> None:
    with pytest.raises(Problem):
        read_cursor(write_cursor(Cursor("deadline", BIGINT_MAX + 1, AGENT)), "deadline")


def test_who_may_see_all_sees_all_and_who_may_not_sees_his_own() -> None:
    assert clients_seen(None, caller()) is None
    assert clients_seen("acme", caller()) == ("acme",)
    assert clients_seen(None, caller("b", "a")) == ("a", "b")
    assert clients_seen("c", caller("a")) == ()


def test_me_is_the_agent_who_asks_and_nobody_where_a_program_asks() -> None:
    mine = QueueParameters(assignee="me")

    assert asked_of(mine, caller(agent=AGENT), NOW).agent == AGENT
    assert asked_of(mine, caller(), NOW).agent == UUID(int=0)
    assert asked_of(QueueParameters(assignee="none"), caller(), NOW).unassigned


def test_words_are_ranked_unless_another_order_is_asked_for() -> None:
    assert asked_of(QueueParameters(q=" printer "), caller(), NOW).sort == "relevance"
    assert asked_of(QueueParameters(q="printer", sort="newest"), caller(), NOW).sort == "newest"
    assert asked_of(QueueParameters(q="  "), caller(), NOW).sort == "deadline"
    assert asked_of(QueueParameters(sort="relevance"), caller(), NOW).sort == "deadline"


def test_an_instant_is_taken_in_its_own_zone() -> None:
    asked = asked_of(QueueParameters(as_of="2026-03-01T10:00:00+02:00"), caller(), NOW)

    assert asked.at == datetime(2026, 3, 1, 8, tzinfo=UTC)
