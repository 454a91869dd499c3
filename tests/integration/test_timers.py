"""Timers on a real log: what becomes true is recorded at its time, once, and pauses cost nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from contracts import tickets as tell
from contracts.envelope import Origin
from contracts.sla import SlaBreached, SlaEscalated, SlaWarned
from contracts.subjects import stamp_lane
from contracts.terms import CauseClass, CloseReason, Status
from services.kit.settings import Settings
from services.triage.timers import stories, turn
from services.triage.timers.turn import Held
from tests.conftest import PoolOf
from tests.integration.small_desk import promise
from tests.integration.timers_desk import ALWAYS, HOUR, MINUTE, NOON, OFFICE, TimersDesk, timers_desk

FOUR_HOURS = {"first_reply": {"seconds": "4h", "warn_at": [0.5]}}
WAITING = tell.StatusChanged(status=Status.WAITING_FOR_CUSTOMER)
GOES_ON = tell.StatusChanged(status=Status.OPEN)


@pytest.fixture
async def desk(pool_of: PoolOf, database: Settings) -> TimersDesk:
    opened = await timers_desk(await pool_of("intake"), await pool_of("triage"), database)
    await opened.triage.execute("UPDATE log.leases SET expires_at = '-infinity'")
    return opened


async def a_ticket(desk: TimersDesk, slug: str, targets: Any = FOUR_HOURS, **terms: Any) -> Any:
    await desk.client(slug)
    await desk.terms(slug, targets, **terms)
    return await desk.ticket(slug)


async def test_it_warns_and_breaches_at_the_instant_and_not_a_microsecond_before(desk: TimersDesk) -> None:
    ticket = await a_ticket(desk, "exact")
    assert await desk.at(NOON + 2 * HOUR - timedelta(microseconds=1)) == 0
    assert await desk.due(ticket) == NOON + 2 * HOUR
    assert await desk.at(NOON + 2 * HOUR) == 1
    assert await desk.at(NOON + 4 * HOUR - timedelta(microseconds=1)) == 0
    assert await desk.at(NOON + 4 * HOUR) == 1
    warned, breached = [event.data for event in await desk.facts(ticket)]
    assert isinstance(warned, SlaWarned)
    assert isinstance(breached, SlaBreached)
    assert (warned.true_at, warned.fraction) == (NOON + 2 * HOUR, 0.5)
    assert (breached.true_at, breached.due_at) == (NOON + 4 * HOUR, NOON + 4 * HOUR)
    assert await desk.due(ticket) == "parked"


async def test_an_answer_at_the_due_instant_is_in_time(desk: TimersDesk) -> None:
    ticket = await a_ticket(desk, "in-time")
    await desk.reply("in-time", ticket, NOON + 4 * HOUR)
    await desk.at(NOON + 4 * HOUR)
    assert await desk.said(ticket) == ["warned first_reply/1", "met first_reply/1"]


async def test_what_grew_since_it_was_read_is_read_again_before_anything_is_recorded(
    desk: TimersDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = await a_ticket(desk, "overtaken")
    await desk.digest()
    read = stories.read_stories
    answered = False

    async def read_and_be_overtaken(*given: Any) -> Any:
        nonlocal answered
        found = await read(*given)
        if not answered:
            answered = True
            await desk.reply("overtaken", ticket, NOON + HOUR)
        return found

    monkeypatch.setattr(turn, "read_stories", read_and_be_overtaken)
    await desk.wake(NOON + 5 * HOUR)
    assert await desk.said(ticket) == ["met first_reply/1"]


async def test_a_pause_and_a_later_deadline_write_nothing_and_what_resumes_wakes_again(desk: TimersDesk) -> None:
    ticket = await a_ticket(desk, "pauses", {"resolution": {"seconds": "8h", "warn_at": []}})
    await desk.at(NOON)
    assert await desk.due(ticket) == NOON + 8 * HOUR
    await desk.tell("pauses", ticket, WAITING, at=NOON + HOUR)
    await desk.digest()
    assert desk.ears.earliest == {}
    assert await desk.due(ticket) == NOON + 8 * HOUR, "it wakes for nothing"
    await desk.tell("pauses", ticket, GOES_ON, at=NOON + 3 * HOUR)
    await desk.digest()
    assert desk.ears.earliest == {}, "it is due later now: nothing is written"
    await desk.tell("pauses", ticket, WAITING, at=NOON + 4 * HOUR)
    assert await desk.at(NOON + 8 * HOUR) == 0
    assert await desk.due(ticket) == "parked"
    await desk.tell("pauses", ticket, GOES_ON, at=NOON + 20 * HOUR)
    await desk.digest()
    assert set(desk.ears.earliest.values()) == {NOON + 26 * HOUR}, "8 hours, of which 2 were used up"
    await desk.at(NOON + 26 * HOUR)
    assert await desk.said(ticket) == ["breached resolution/1"]


async def test_nothing_fires_for_a_ticket_that_is_merged_and_all_of_it_once_the_merge_is_undone(
    desk: TimersDesk,
) -> None:
    ticket = await a_ticket(desk, "merges")
    other = await desk.ticket("merges")
    await desk.tell("merges", ticket, tell.TicketMerged(into=other), at=NOON + HOUR)
    await desk.at(NOON + 9 * HOUR)
    assert (await desk.said(ticket), await desk.due(ticket)) == ([], None)
    await desk.tell("merges", ticket, tell.TicketUnmerged(out_of=other), at=NOON + 10 * HOUR)
    await desk.at(NOON + 10 * HOUR)
    found = await desk.facts(ticket)
    assert [event.type for event in found] == ["sla.warned", "sla.breached"]
    assert [getattr(event.data, "true_at", None) for event in found] == [NOON + 2 * HOUR, NOON + 4 * HOUR]


async def test_spam_leaves_no_fact_and_no_row(desk: TimersDesk) -> None:
    ticket = await a_ticket(desk, "spam")
    await desk.tell("spam", ticket, tell.TicketClosed(reason=CloseReason.SPAM), at=NOON + HOUR)
    await desk.at(NOON + 9 * HOUR)
    assert (await desk.facts(ticket), await desk.due(ticket)) == ([], None)


async def test_what_is_solved_is_met_when_it_cannot_be_opened_again(desk: TimersDesk) -> None:
    ticket = await a_ticket(desk, "solved", {"resolution": "8h"}, reopen_window_seconds=3600)
    await desk.tell("solved", ticket, tell.TicketResolved(cause=CauseClass.UNKNOWN), at=NOON + HOUR)
    assert await desk.at(NOON + 2 * HOUR - MINUTE) == 0, "the result is provisional"
    await desk.at(NOON + 9 * HOUR)
    assert await desk.said(ticket) == ["met resolution/1"]
    assert await desk.due(ticket) is None


async def test_promises_are_kept_by_an_answer_and_missed_without_one(desk: TimersDesk) -> None:
    await desk.client("words")
    kept, missed = await desk.ticket("words"), await desk.ticket("words")
    for ticket in (kept, missed):
        await desk.tell("words", ticket, promise(NOON + 2 * HOUR))
    await desk.reply("words", kept, NOON + HOUR)
    await desk.at(NOON + 2 * HOUR)
    assert (await desk.said(kept), await desk.said(missed)) == (["checkpoint_kept"], ["checkpoint_missed"])
    assert await desk.at(NOON + 200 * HOUR) == 0


async def test_escalations_come_due_once_a_cycle_and_notices_wait_for_the_morning(desk: TimersDesk) -> None:
    steps = (
        {"at": 0.5, "action": "raise_priority"},
        {"after_breach_seconds": "1h", "action": "notify", "to": "lead"},
    )
    targets = {"first_reply": {"seconds": "4h", "warn_at": [], "escalations": steps}}
    ticket = await a_ticket(desk, "steps", targets, hours=OFFICE)  # NOON is 11:00Z on a Wednesday
    await desk.at(NOON + 48 * HOUR)
    found = [event.data for event in await desk.facts(ticket)]
    assert [type(fact).__name__ for fact in found] == ["SlaEscalated", "SlaBreached", "SlaEscalated"]
    first, _, second = found
    assert isinstance(first, SlaEscalated)
    assert isinstance(second, SlaEscalated)
    assert (first.action, first.true_at) == ("raise_priority", NOON + 3 * HOUR)
    assert second.true_at == NOON + 21 * HOUR, "an hour after the breach at 16:00 it is 17:00, and the desk closes"


async def test_imports_record_nothing_until_somebody_adopts_them(desk: TimersDesk) -> None:
    await desk.client("old")
    await desk.terms("old", FOUR_HOURS)
    ticket = await desk.ticket("old", origin=Origin.IMPORT)
    assert await desk.at(NOON + 3 * HOUR) == 0
    assert await desk.due(ticket) is None
    await desk.tell("old", ticket, tell.TicketAdopted(), at=NOON + 3 * HOUR)
    await desk.at(NOON + 9 * HOUR)
    assert await desk.said(ticket) == ["breached first_reply/1"], "not what came true before"
    assert {event.origin for event in await desk.facts(ticket)} == {"live"}


@pytest.mark.parametrize("origin", [Origin.DEMO, Origin.PRACTICE])
async def test_facts_bear_the_origin_of_their_ticket(desk: TimersDesk, origin: Origin) -> None:
    await desk.client(f"from-{origin}")
    await desk.terms(f"from-{origin}", FOUR_HOURS)
    ticket = await desk.ticket(f"from-{origin}", origin=origin)
    await desk.at(NOON + 9 * HOUR)
    assert {event.origin for event in await desk.facts(ticket)} == {origin}


async def test_a_policy_for_open_tickets_wakes_them_when_it_begins_to_hold(desk: TimersDesk) -> None:
    ticket = await a_ticket(desk, "stricter")
    await desk.at(NOON + 3 * HOUR)
    since = NOON + timedelta(hours=3, minutes=30)
    one_hour = {"first_reply": {"seconds": "1h", "warn_at": []}}
    await desk.terms("stricter", one_hour, at=NOON + 3 * HOUR, apply_to_open=True, holds_from=since)
    young = await desk.ticket("stricter", at=NOON + 3 * HOUR + MINUTE)
    assert await desk.at(since - MINUTE) == 0
    assert await desk.due(ticket) == await desk.due(young) == since
    await desk.at(since)
    found = (await desk.facts(ticket))[-1].data
    assert isinstance(found, SlaBreached)
    assert (found.true_at, found.by_change) == (since, True)
    assert await desk.due(young) == NOON + timedelta(hours=4, minutes=1), "an hour from its start"


async def test_what_the_desk_sets_for_all_wakes_tickets_of_every_lane(desk: TimersDesk) -> None:
    tickets = []
    for number in range(6):
        await desk.client(f"desk-{number}")
        tickets.append(await desk.ticket(f"desk-{number}"))
        await desk.tell(f"desk-{number}", tickets[-1], promise(NOON + 100 * HOUR))
    await desk.at(NOON)
    await desk.terms("_desk", {"first_reply": "1h"}, at=NOON + MINUTE, apply_to_open=True)
    await desk.at(NOON + 2 * HOUR)
    for ticket in tickets:
        assert "breached first_reply/1" in await desk.said(ticket)


async def test_after_downtime_a_lane_says_everything_in_the_order_in_which_it_came_true(
    desk: TimersDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.triage.timers.turn.TURN_MAX", 5)
    await desk.client("away")
    await desk.terms("away", {"first_reply": {"seconds": "4h", "warn_at": [0.5, 0.75]}}, ALWAYS)
    tickets = [await desk.ticket("away", at=NOON + number * 17 * MINUTE) for number in range(20)]
    await desk.at(NOON + 240 * HOUR)
    found = [event for ticket in tickets for event in await desk.facts(ticket)]
    ordered = sorted(found, key=lambda event: event.position)
    times = [getattr(event.data, "true_at", NOON) for event in ordered]
    assert len(times) == 60
    assert times == sorted(times)
    assert times[-1] == NOON + 4 * HOUR + 19 * 17 * MINUTE, "with the time at which it was due"


@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(days=400)])
async def test_a_clock_that_jumps_fires_nothing_early_and_nothing_twice(desk: TimersDesk, jump: timedelta) -> None:
    slug = f"jump-{jump.days}".replace("--", "-back-")
    ticket = await a_ticket(desk, slug)
    await desk.at(NOON + 3 * HOUR)
    await desk.at(NOON + 3 * HOUR + jump)
    await desk.at(NOON + 3 * HOUR)
    facts = [event.data for event in await desk.facts(ticket)]
    assert [type(fact) for fact in facts] == [SlaWarned] + [SlaBreached] * (jump > timedelta())
    await desk.at(NOON + 5 * HOUR)
    assert await desk.said(ticket) == ["warned first_reply/1", "breached first_reply/1"]


async def test_what_undoes_a_breach_counts_though_it_lies_in_the_future_of_a_clock_that_went_back(
    desk: TimersDesk,
) -> None:
    ticket = await a_ticket(desk, "future")
    await desk.tell("future", ticket, tell.TicketMerged(into=ticket), at=NOON + 50 * HOUR)
    await desk.at(NOON + 5 * HOUR)
    assert await desk.facts(ticket) == []


async def test_a_replica_that_lost_its_lease_fires_nothing(desk: TimersDesk) -> None:
    ticket = await a_ticket(desk, "frozen")
    await desk.digest()
    await desk.leases.renew()
    await desk.triage.execute("UPDATE log.leases SET epoch = epoch + 1, expires_at = '-infinity'")
    frozen = Held(desk.holder, {ticket.int & 15: 1})
    assert await desk.turns.turn(frozen, NOON + 9 * HOUR, {}) == {}
    assert await desk.facts(ticket) == []


async def test_two_replicas_that_both_believe_to_hold_a_lane_record_once(desk: TimersDesk) -> None:
    ticket = await a_ticket(desk, "doubled")
    await desk.digest()
    held = await desk.leases.renew()
    lane = ticket.int & 15
    mine = Held(desk.holder, {lane: held[lane]})
    await asyncio.gather(*(desk.turns.turn(mine, NOON + 9 * HOUR, {}) for _ in range(6)))
    await desk.at(NOON + 9 * HOUR)
    assert await desk.said(ticket) == ["warned first_reply/1", "breached first_reply/1"]


async def test_a_ticket_that_cannot_be_folded_holds_up_no_other(desk: TimersDesk) -> None:
    good = await a_ticket(desk, "whole")
    await desk.digest()
    lane = good.int & 15
    ghost = stamp_lane(uuid7(), lane)
    await desk.triage.execute(
        "INSERT INTO triage.wake_ups (lane, ticket, client, due) VALUES ($1, $2, 'whole', $3)", lane, ghost, NOON
    )
    await desk.wake(NOON + 9 * HOUR)
    assert len(await desk.facts(good)) == 2
    assert await desk.due(ghost) == NOON + 9 * HOUR + timedelta(seconds=5)
    await desk.triage.execute("DELETE FROM triage.wake_ups WHERE ticket = $1", ghost)
