"""The fold of a ticket takes every event, in any order, in one go or in parts, and never judges."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from contracts import tickets as tell
from contracts.catalogue import EVENTS, decode, encode
from contracts.model import Event
from contracts.terms import Channel, Status
from contracts.ticket import CHANGES, INITIAL, evolve, fold
from contracts.ticket_state import SILENT, STATES, Absent, Closed, Held, Open
from tests.contracts.strategies import BY_TYPE, START, TICKETS, any_event, recorded

BIRTH = BY_TYPE["ticket.submitted"]
OF_A_TICKET = frozenset(name for name in EVENTS if name.startswith(("ticket.", "sla.")))
lives = st.lists(any_event, max_size=25)


def test_every_event_of_a_ticket_changes_a_fact_or_is_silent_and_none_is_both() -> None:
    assert set(CHANGES) | SILENT == OF_A_TICKET
    assert not set(CHANGES) & SILENT


def test_every_status_has_its_state() -> None:
    assert set(STATES) == set(Status)
    assert all(state.status is status for status, state in STATES.items())


@given(any_event)
def test_every_event_survives_its_bytes(event: Event) -> None:
    assert decode(event.type, event.schema_version, encode(event)) == event


@given(lives)
def test_any_events_in_any_order_fold(events: list[Event]) -> None:
    ticket = fold([recorded(event, version, START) for version, event in enumerate(events, 1)])
    assert ticket.version == len(events)


@given(BIRTH, lives)
def test_each_event_leaves_a_whole_ticket(birth: Event, events: list[Event]) -> None:
    ticket = evolve(INITIAL, recorded(birth, 1, START))
    for version, event in enumerate(events, 2):
        ticket = evolve(ticket, recorded(event, version, START))
        assert isinstance(ticket, Held)
        assert {field.name for field in fields(ticket)} == set(ticket.__dict__)
        assert ticket.version == version
        assert ticket.intake_version <= version
        assert hash(ticket) == hash(ticket)  # every fact is a value: nothing in it can be changed from outside


@given(BIRTH, lives, st.integers(0, 26))
def test_folding_in_one_go_or_in_parts_is_the_same(birth: Event, events: list[Event], cut: int) -> None:
    stream = [recorded(event, version, START) for version, event in enumerate([birth, *events], 1)]
    assert fold(stream) == fold(stream[cut:], fold(stream[:cut]))


@given(lives)
def test_before_its_birth_a_ticket_only_counts(events: list[Event]) -> None:
    unborn = [event for event in events if event.type != "ticket.submitted"]
    ticket = fold([recorded(event, version, START) for version, event in enumerate(unborn, 1)])
    assert ticket == Absent(len(unborn))


@given(BIRTH, lives)
def test_the_past_is_not_changed_by_what_follows(birth: Event, events: list[Event]) -> None:
    before = evolve(INITIAL, recorded(birth, 1, START))
    facts = dict(before.__dict__)
    fold([recorded(event, version, START) for version, event in enumerate(events, 2)], before)
    assert before.__dict__ == facts


def test_a_merged_ticket_is_closed_and_points_to_where_it_goes_on() -> None:
    birth = tell.TicketSubmitted(prefix="ACME", requester=TICKETS[1], subject="s", body="b", channel=Channel.WEB)
    merged = fold([recorded(birth, 1, START), recorded(tell.TicketMerged(into=TICKETS[2]), 2, START)])
    assert isinstance(merged, Closed)
    assert merged.merged_into == TICKETS[2]
    again = fold([recorded(tell.TicketUnmerged(out_of=TICKETS[2]), 3, datetime(2026, 4, 1, tzinfo=UTC))], merged)
    assert isinstance(again, Open)
    assert again.merged_into is None
