"""The SLA view against the clocks' own fold: random lives, batches, rebuilds and instants."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from contracts.calendars import Calendar, CalendarCorrected
from contracts.model import DESK
from contracts.sla import Metric
from contracts.subjects import LANES, client_stream, lane_of
from services.kit.rules.clock_words import explain, outcome_of
from services.kit.settings import Settings
from services.reporting.rebuild import rebuilding
from services.reporting.sla import again
from services.reporting.sla.again import Again
from services.reporting.sla.recount import Recount
from services.reporting.sla.results import results
from tests.integration.reporting_desk import ReportingDesk
from tests.integration.reporting_history import START
from tests.integration.sla_desk import clocks_of, record_facts, sla_desk

CLIENTS = ("acme", "globex", "initech")
NOW = START + timedelta(days=60)


@pytest.fixture(scope="module")
async def desk(database: Settings) -> AsyncIterator[ReportingDesk]:
    async with sla_desk(database, 4, CLIENTS) as opened:
        told = await opened.tell(40)
        await opened.feed(batch=9)
        for ticket in told[::2]:
            await record_facts(opened, ticket, START + timedelta(days=30))
        await opened.feed(batch=4)
        yield opened


async def rows(desk: ReportingDesk, table: str) -> list[dict[str, Any]]:
    return [dict(row) for row in await desk.owner.fetch(f"SELECT * FROM reporting_sla.{table}")]


async def test_every_judged_cycle_is_judged_as_the_fold_judges_it(desk: ReportingDesk) -> None:
    seen: Counter[str] = Counter()
    known = {(row["ticket"], row["cycle"]): row for row in await rows(desk, "cycles")}
    tickets = {event.stream for event in await desk.log() if event.type == "ticket.submitted"}
    for ticket in tickets:
        state, _ = await clocks_of(desk, ticket, NOW)
        for cycle, shown in zip(state.cycles, explain(state), strict=True):
            row = known.pop((ticket, cycle.id), None)
            outcome = outcome_of(cycle, state)
            if row is None:
                moment = cycle.started == cycle.part_from and outcome == "not_counted"
                assert outcome in ("open", "not_counted") or (cycle.end is None and outcome == "breached") or moment
                continue
            seen[str(row["outcome"])] += 1
            assert (row["metric"], row["started_at"]) == (shown.metric, shown.started_at)
            if row["outcome"] in ("met", "breached", "waived"):
                assert outcome == row["outcome"], (ticket, cycle.id)
                assert row["breached_at"] == shown.breached_at
                assert row["ended_at"] == shown.ended_at or shown.ended_at is None
                assert row["consumed_seconds"] == shown.consumed_microseconds // 1_000_000 or shown.ended_at is None
            else:
                assert outcome == "not_counted"
    assert not known, "no row is of a cycle that the fold does not know"
    assert set(seen) >= {"met", "breached", "merged"}


@pytest.mark.parametrize("view", ["queue", "sla"])
async def test_a_rebuilt_view_is_the_one_that_grew_event_by_event(desk: ReportingDesk, view: str) -> None:
    before = await desk.checksum(view)
    async with rebuilding(desk.settings, view, lambda step: None) as work:
        assert (await work.run()).checksum == before


async def test_the_queue_is_sorted_by_the_promise_or_the_clock_that_is_due_first(desk: ReportingDesk) -> None:
    found = await desk.owner.fetch("SELECT ticket, status, deadline, clock_due, clock FROM reporting_queue.tickets")
    running = 0
    for row in found:
        state, events = await clocks_of(desk, row["ticket"], NOW)
        last, _ = await clocks_of(desk, row["ticket"], events[-1].occurred_at)
        due = [
            shown.due_at
            for shown in explain(last)
            if shown.state == "running" and shown.metric is not Metric.PROMISE and shown.due_at is not None
        ]
        assert row["clock_due"] == min(due, default=None)
        running += bool(due)
        assert state.now > last.now
    assert running > 5


async def test_tallies_count_what_the_rows_say(desk: ReportingDesk) -> None:
    cycles: Counter[tuple[object, ...]] = Counter()
    for row in await rows(desk, "cycles"):
        judged = row["judged_at"]
        assert isinstance(judged, datetime)
        cycles[row["client"], judged.date(), row["metric"], row["outcome"]] += 1
    told = {
        (row["client"], row["day"], row["metric"], row["outcome"]): row["cycles"]
        for row in await rows(desk, "tallies")
        if row["facet"] == "" and row["cycles"]
    }
    assert told == cycles


async def test_the_whole_desk_is_counted_apart_and_comes_to_the_same(desk: ReportingDesk) -> None:
    sums: dict[str, Counter[tuple[object, ...]]] = {facet: Counter() for facet in ("", "desk", "agent", "desk_agent")}
    for row in await rows(desk, "tallies"):
        assert (row["client"] == "") == (row["facet"] in ("desk", "desk_agent"))
        sums[row["facet"]][row["lane"], row["value"], row["day"], row["metric"], row["outcome"]] += row["cycles"]
    assert sums["desk"] == sums[""]
    assert sums["desk_agent"] == sums["agent"]
    assert sums["agent"].total() == sum(cycles for key, cycles in sums[""].items() if key[3] == Metric.PROMISE) > 0


async def test_what_an_older_process_did_not_count_for_the_whole_desk_is_added(desk: ReportingDesk) -> None:
    before = await desk.checksum("sla")
    await desk.owner.execute("UPDATE reporting_sla.tallies SET cycles = cycles + 3 WHERE facet = 'desk'")
    gone = "DELETE FROM reporting_sla.tallies WHERE facet = 'desk_agent' RETURNING lane"
    assert await desk.owner.fetch(gone)
    assert await desk.checksum("sla") != before
    for lane in range(LANES):
        await Recount(desk.reporting).mend(lane)
    assert await desk.checksum("sla") == before


async def test_a_corrected_calendar_judges_closed_and_open_tickets_anew_and_a_process_that_dies_goes_on(
    desk: ReportingDesk,
) -> None:
    before = {view: await desk.checksum(view) for view in ("sla", "queue")}
    closed = Calendar.model_validate({"zone": "Etc/UTC", "hours": {"sun": ["08:00-09:00"]}})
    wrong_to = START + timedelta(days=40)
    told = CalendarCorrected(
        client=DESK, name="default", version=1, calendar=closed, wrong_from=START, wrong_to=wrong_to, reason="a strike"
    )
    await desk.writer.write(DESK, client_stream(DESK), [(NOW, told, None)])
    await desk.feed()
    assert before["sla"] == await desk.checksum("sla"), "nothing waits for it in the transaction that digests it"
    pages = 0
    while await Again(desk.reporting, page=5).turn():
        pages += 1
    assert pages > LANES, "more than a page of some lane"
    assert await desk.owner.fetchval("SELECT count(*) FROM reporting.sla_again") == 0
    for view in ("sla", "queue"):
        after = await desk.checksum(view)
        assert after != before[view], view
        async with rebuilding(desk.settings, view, lambda step: None) as work:
            assert (await work.run()).checksum == after, view


async def test_a_ticket_that_cannot_be_judged_anew_holds_up_no_other(
    desk: ReportingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = await desk.owner.fetchval("SELECT ticket FROM reporting_sla.cycles ORDER BY lane, ticket LIMIT 1")
    monkeypatch.setattr(again, "results", lambda tale: results(tale) if tale.ticket.id != bad else 1 / 0)
    before = await desk.checksum("sla")
    await desk.owner.execute(
        "UPDATE reporting_sla.cycles SET policy = 'other' WHERE lane = $1 AND ticket <> $2", lane_of(bad), bad
    )
    await desk.owner.execute("INSERT INTO reporting.sla_again VALUES ($1, $2)", lane_of(bad), DESK)
    while await Again(desk.reporting).turn():
        pass
    assert await desk.owner.fetchval("SELECT count(*) FROM reporting.sla_again") == 0
    assert await desk.checksum("sla") == before
