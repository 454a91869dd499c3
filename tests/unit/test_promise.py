"""When the requester hears next: by policy, calendar and load; and any life of a ticket keeps exactly one promise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import ticket_commands as ask
from contracts import tickets as tell
from contracts.calendars import Calendar, CalendarSet, Weekday
from contracts.clients import Tier
from contracts.model import Event
from contracts.policies import Policy, PolicySet
from contracts.terms import Priority, PromisedBy, Urgency
from contracts.ticket import INITIAL
from contracts.ticket_state import Closed, Held, Resolved, Ticket
from services.intake.decide import Given, Refused, decide
from services.kit.rules.open_time import always
from services.kit.rules.policies import Calendars, Policies
from services.kit.rules.promise import (
    FARTHEST,
    About,
    After,
    Happened,
    Load,
    Terms,
    brought_forward,
    load_of,
    next_checkpoint,
)
from tests.unit.decisions import ANN, NOW, OTHER, SUBMIT, recorded, told

START = datetime(2026, 1, 1, tzinfo=UTC)
HOURS: dict[Weekday, tuple[tuple[str, str], ...]] = dict.fromkeys(list(Weekday)[:5], (("08:00", "17:00"),))
CALENDAR = CalendarSet(
    client="acme", name="default", version=1, calendar=Calendar(zone="UTC", hours=HOURS), holds_from=START
)
POLICY = PolicySet(
    client="acme",
    name="default",
    version=1,
    policy=Policy.model_validate(
        {
            "rows": [
                {"targets": {"promise": 14_400, "update": 28_800}},
                {"priority": "P1", "targets": {"promise": 1_800}},
                {"category": "slow", "targets": {"first_reply": 36_000, "update": 18_000}},
                {"category": "slow", "priority": "P1", "targets": {"first_reply": 3_600}},
            ]
        }
    ),
    holds_from=START,
)
FRIDAY = datetime(2026, 3, 6, 16, 50, tzinfo=UTC)


def terms(*facts: Event, load: Load | None = None) -> Terms:
    history = [recorded(fact, number, START) for number, fact in enumerate(facts or (CALENDAR, POLICY), 1)]
    return Terms(Tier.STANDARD, Policies.of(history), Calendars.of(history), load or Load())


ACME = About("acme")


@pytest.mark.parametrize(
    ("about", "after", "due"),
    [
        (ACME, After.ASKED, "2026-03-09 11:50"),
        (ACME._replace(priority=Priority.P1), After.ASKED, "2026-03-09 08:20"),
        (ACME._replace(category="slow"), After.ASKED, "2026-03-10 08:50"),
        (ACME._replace(category="slow"), After.ANSWERED, "2026-03-09 12:50"),
    ],
)
def test_a_policy_promises_in_the_open_time_of_its_calendar(about: About, after: After, due: str) -> None:
    assert f"{next_checkpoint(terms(), about, after, FRIDAY):%Y-%m-%d %H:%M}" == due


def test_without_a_policy_nobody_is_promised_a_word_at_night_where_hours_are_known() -> None:
    at = datetime(2026, 3, 6, 15, 0, tzinfo=UTC)
    assert next_checkpoint(terms(CALENDAR), ACME, After.ASKED, at) == datetime(2026, 3, 9, 8, 0, tzinfo=UTC)
    assert next_checkpoint(Terms(Tier.STANDARD), ACME, After.ASKED, at) == at + timedelta(hours=8)


def test_a_desk_that_is_behind_says_so_and_not_more_than_twice_the_target() -> None:
    monday = datetime(2026, 3, 9, 8, 0, tzinfo=UTC)
    due = [
        next_checkpoint(terms(load=Load(waiting, 600.0)), ACME, After.ASKED, monday) - monday
        for waiting in (0, 20, 30, 1000)
    ]
    assert due == [timedelta(hours=4), timedelta(hours=4), timedelta(hours=5), timedelta(hours=8)]
    assert next_checkpoint(terms(load=Load(1000, 600.0)), ACME, After.ANSWERED, monday) - monday == timedelta(hours=4)


def test_the_load_is_who_waits_and_how_fast_others_were_answered() -> None:
    lately = [Happened("ticket.submitted", UUID(int=n), NOW + timedelta(minutes=n)) for n in range(20)]
    lately += [Happened("ticket.reply_sent", UUID(int=n), NOW + timedelta(minutes=20 + n)) for n in range(12)]
    assert load_of(lately, always(), NOW + timedelta(hours=1)) == Load(8, 300.0)
    assert load_of(lately[:25], always(), NOW + timedelta(hours=1)) == Load()


def test_what_would_have_been_promised_long_ago_is_promised_for_soon() -> None:
    about = ACME._replace(priority=Priority.P1)
    late = FRIDAY + timedelta(days=5)
    assert brought_forward(terms(), about, After.ASKED, FRIDAY, late) == late + timedelta(minutes=5)


STEPS: list[ask.ReceiveMessage | ask.SendReply | ask.ChangeStatus | ask.ResolveTicket | ask.ReopenTicket
            | ask.SetPriority | ask.PromiseAnew | ask.MergeTicket | ask.UnmergeTicket | ask.PromiseCheckpoint | str] = [
    ask.ReceiveMessage(body="Still off."),
    ask.SendReply(body="We look."),
    ask.ChangeStatus(status="waiting_for_customer", explanation="Which floor?"),  # type: ignore[arg-type]
    ask.ChangeStatus(status="open", explanation="We go on."),  # type: ignore[arg-type]
    ask.ResolveTicket(summary="Done."),
    ask.ReopenTicket(reason="It jams."),
    ask.SetPriority(priority=Priority.P1, reason="All"),
    ask.PromiseAnew(),
    ask.MergeTicket(into="ACME-2"),
    ask.UnmergeTicket(),
    ask.PromiseCheckpoint(due_at=FRIDAY + timedelta(days=9), text="The part comes then"),
    "missed",
]  # fmt: skip


def step_on(step: object, ticket: Ticket, given: Given) -> list[Event]:
    if step == "missed":
        promise = ticket.promise if isinstance(ticket, Held) else None
        over = promise is not None and promise.outcome is None and promise.due_at <= given.now
        return [tell.CheckpointMissed(due_at=promise.due_at)] if over and promise else []
    try:
        return decide(step, ticket, given)  # type: ignore[arg-type]
    except Refused:
        return []


@given(st.lists(st.tuples(st.integers(0, 3000), st.sampled_from(STEPS)), max_size=25), st.sampled_from(Urgency))
def test_an_open_ticket_has_exactly_one_promise_that_policy_and_agents_keep_alive(
    life: list[tuple[int, object]], urgency: Urgency
) -> None:
    ticket: Ticket = INITIAL
    now, in_force = FRIDAY, terms()
    other = told(INITIAL, decide(SUBMIT, INITIAL, Given(NOW, "ACME", Tier.STANDARD, ANN)))
    assert isinstance(other, Held)
    other = Resolved(**other.__dict__ | {"id": OTHER, "client": "acme"})
    for minutes, step in [(0, SUBMIT.model_copy(update={"urgency": urgency})), *life]:
        now += timedelta(minutes=minutes)
        known = Given(now, "ACME", Tier.STANDARD, ANN, terms=in_force, other=other)
        before = ticket
        events = step_on(step, ticket, known)
        ticket = told(ticket, events, now)
        promises = [event for event in events if isinstance(event, tell.CheckpointPromised)]
        assert len(promises) <= 1
        assert all(now < promise.due_at <= now + FARTHEST for promise in promises)
        assert isinstance(ticket, Held)
        if isinstance(ticket, Resolved | Closed):
            assert not promises
            continue
        assert ticket.promise is not None
        if isinstance(step, ask.SendReply | ask.ReopenTicket | ask.UnmergeTicket | ask.PromiseAnew) and events:
            assert ticket.promise.outcome is None
            assert ticket.promise.due_at > now
        if isinstance(step, ask.PromiseAnew | ask.SetPriority) and isinstance(before, Held) and promises:
            live = before.promise is not None and before.promise.outcome is None and before.promise.due_at > now
            assert promises[0].by is PromisedBy.POLICY
            assert not live or promises[0].due_at < before.promise.due_at  # type: ignore[union-attr]
