"""Both logs of other desks go through `daybook import`, and what stands in ours is held against the files themselves.

The files are read here once more, by other code than the import's. They lie outside the tree; without them these tests
are skipped.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pytest

from contracts.model import DESK
from contracts.subjects import lane_of_client
from contracts.ticket import INITIAL, Absent, evolve, fold
from contracts.ticket_state import Held, Ticket
from services.cli.clients import read as read_clients
from services.cli.terms import Terms, explained, shipped
from services.kit.log.read import Instant, heads, read_stream
from services.kit.rules.clock_facts import facts
from services.kit.rules.clock_words import explain
from services.kit.rules.clocks import clocks
from services.kit.rules.policies import Calendars, Policies
from services.kit.settings import Settings
from tests.acceptance.source_logs import ITALIAN, SERVICENOW, Log, Streams, by_case, everything, reopened, run, walked
from tests.conftest import PoolOf

pytestmark = pytest.mark.timeout(400)  # the large log takes 15 seconds on a calm machine, and others may be at work

SAMPLE = 150  # tickets of the large log that are read as_of through the database, at each of their instants
SEED = 20160229


@dataclass(frozen=True)
class Imported:
    """A log, what the command said of it, and its tickets' events by the source's case."""

    log: Log
    summary: dict[str, Any]
    tickets: Streams


@pytest.fixture(scope="module")
def logs(shared_data: Path) -> Path:
    return shared_data / "event-logs"


@pytest.fixture(scope="module", params=[ITALIAN, SERVICENOW], ids=lambda log: log.name)
async def imported(
    request: pytest.FixtureRequest, database: Settings, pool_of: PoolOf, logs: Path
) -> AsyncIterator[Imported]:
    log: Log = request.param
    summary = await run(database, logs, log)
    log.read(logs)
    yield Imported(log, summary, by_case(log, await everything(await pool_of("reporting"))))
    log.rows.clear()


def test_every_case_is_a_ticket_and_every_row_is_accounted_for(imported: Imported) -> None:
    summary, log = imported.summary, imported.log
    rows = sum(len(rows) for rows in log.rows.values())
    assert set(imported.tickets) == set(log.rows)
    assert (summary["tickets"], summary["rows"], summary["refused"]) == (len(log.rows), rows, [])
    assert summary["events"] == sum(summary["events_by_type"].values())
    tickets = {name: count for name, count in summary["events_by_type"].items() if name.startswith("ticket.")}
    assert sum(map(len, imported.tickets.values())) == sum(tickets.values())
    assert {event.origin for events in imported.tickets.values() for event in events} == {"import"}


def test_the_counts_of_events_are_those_of_the_file(imported: Imported) -> None:
    """Births, changes of columns and states, counted in the file by rules of their own."""
    log, counts = imported.log, imported.summary["events_by_type"]
    assert counts["ticket.submitted"] == len(log.rows)
    assert counts["ticket.reopened"] == sum(reopened(log, rows) for rows in log.rows.values())
    if log is not SERVICENOW:
        return

    def changes(*columns: str, first: bool) -> int:
        return sum(
            (first and any(rows[0][column] for column in columns))
            + sum(any(a[column] != b[column] for column in columns) for a, b in pairwise(rows))
            for rows in log.rows.values()
        )

    assert counts["ticket.priority_set"] == changes("priority", first=True)
    assert counts["ticket.category_set"] == changes("category", first=False)
    assert counts["ticket.assigned"] == changes("assigned_to", "assignment_group", first=True)
    states = ("ticket.status_changed", "ticket.resolved", "ticket.closed")
    said_by_a_birth = sum(
        datetime.fromisoformat(rows[0]["opened_at"]).replace(tzinfo=UTC) >= log.at(rows[0])
        and rows[0]["incident_state"] == "New"
        for rows in log.rows.values()
    )
    said_by_a_reopening = sum(
        int(b["reopen_count"]) > int(a["reopen_count"]) and b["incident_state"] == "Active"
        for rows in log.rows.values()
        for a, b in pairwise(rows)
    )
    rows = sum(map(len, log.rows.values()))
    assert sum(counts[name] for name in states) == rows - said_by_a_birth - said_by_a_reopening


def test_every_ticket_ends_as_the_source_s_last_row_says(imported: Imported) -> None:
    log = imported.log
    for case, rows in log.rows.items():
        ticket = fold(imported.tickets[case])
        assert isinstance(ticket, Held)
        assert (ticket.source_status, ticket.status) == (rows[-1][log.state], walked(log, rows)[-1][1]), case
        assert ticket.reopened == reopened(log, rows), case
        assert (ticket.closed_at is not None) == (ticket.status == "closed"), case
        assert ticket.promise is None, "an imported ticket gets no promise until it is adopted"


def test_at_every_instant_of_the_source_the_fold_gives_its_state_then(imported: Imported) -> None:
    log = imported.log
    for case, rows in log.rows.items():
        events = iter(imported.tickets[case])
        event = next(events, None)
        ticket: Ticket = INITIAL
        word, status = "", "new"
        for at, same in groupby(rows, key=log.at):
            for row in same:
                word, status = row[log.state], log.ours.get(row[log.state], status)
            while event is not None and event.occurred_at <= at:
                ticket, event = evolve(ticket, event), next(events, None)
            assert isinstance(ticket, Held), case
            assert (ticket.source_status, ticket.status) == (word, status), (case, at)
        assert event is None, f"{case} has an event after its last row"


async def test_reading_as_of_any_instant_gives_the_source_s_state_then(imported: Imported, pool_of: PoolOf) -> None:
    """The same through the database, for a sample: just before each instant and at it."""
    log, pool = imported.log, await pool_of("reporting")
    for case in random.Random(SEED).sample(sorted(log.rows), SAMPLE):
        stream, born = imported.tickets[case][0].stream, imported.tickets[case][0].occurred_at
        for at, same in groupby(log.rows[case], key=log.at):
            ticket = fold(await read_stream(pool, stream, as_of=Instant(at)))
            assert isinstance(ticket, Held)
            assert ticket.source_status == list(same)[-1][log.state], (case, at)
        before = await read_stream(pool, stream, as_of=Instant(born - timedelta(seconds=1)))
        assert isinstance(fold(before), Absent)


def test_times_clients_people_and_priorities_are_the_source_s(imported: Imported) -> None:
    log = imported.log
    priorities = {"1 - Critical": "P1", "2 - High": "P2", "3 - Moderate": "P3", "4 - Low": "P4"}
    for case, rows in log.rows.items():
        events = imported.tickets[case]
        ticket = fold(events)
        assert isinstance(ticket, Held)
        assert [event.occurred_at for event in events] == sorted(event.occurred_at for event in events)
        assert {log.at(row) for row in rows} <= {event.occurred_at for event in events}
        if log is not SERVICENOW:
            assert (ticket.client, ticket.opened_at) == ("italian-helpdesk", log.at(rows[0]))
            continue
        opened = datetime.fromisoformat(rows[0]["opened_at"]).replace(tzinfo=UTC)
        assert ticket.opened_at == min(opened, log.at(rows[0]))
        location = next((row["location"] for row in rows if row["location"]), "unknown")
        assert ticket.client == f"location-{location}"
        assert ticket.priority == priorities[rows[-1]["priority"]]
        assert ticket.category == f"Category {rows[-1]['category']}" or not rows[-1]["category"]
        assert (ticket.agent is not None) == bool(rows[-1]["assigned_to"])
        assert ticket.team == (f"Group {rows[-1]['assignment_group']}" if rows[-1]["assignment_group"] else None)


def test_people_and_clients_are_registered_once(imported: Imported) -> None:
    log, counts = imported.log, imported.summary["events_by_type"]
    rows = [row for rows in log.rows.values() for row in rows]
    if log is SERVICENOW:
        agents = len({row["sys_updated_by"] for row in rows}) + len({row["assigned_to"] for row in rows} - {""})
    else:
        agents = len({row["Resource"] for row in rows})
    assert counts["agent.registered"] == agents
    clients = {events[0].client for events in imported.tickets.values()}
    assert counts["client.registered"] == len(clients)
    requesters = {fold(events).requester for events in imported.tickets.values()}  # type: ignore[union-attr]
    assert counts["person.registered"] == len(requesters)
    for events in imported.tickets.values():
        assert {event.lane for event in events} == {lane_of_client(events[0].client)}


async def test_rows_that_run_backwards_in_time_are_told(imported: Imported) -> None:
    assert [row["row"] for row in imported.summary["moved"]] == ([359, 360] if imported.log is SERVICENOW else [])


async def test_a_second_run_adds_nothing(imported: Imported, database: Settings, pool_of: PoolOf, logs: Path) -> None:
    pool = await pool_of("reporting")
    before = await heads(pool)
    again = await run(database, logs, imported.log)
    assert (again["events"], again["tickets"], again["tickets_known"]) == (0, 0, len(imported.log.rows))
    assert await heads(pool) == before


def test_the_clocks_of_every_ticket_are_explained_to_the_second(imported: Imported) -> None:
    """By terms that ship with the product. The parts tile each clock, and their open time is the whole's."""
    desk = Terms.model_validate(read_clients(shipped(Path("office"))).desk)
    _, told = explained(DESK, desk, (), datetime(2009, 1, 1, tzinfo=UTC))
    policies, calendars = Policies.of((), told), Calendars.of((), told)
    for events in imported.tickets.values():
        state = clocks(events, policies, calendars, datetime(2017, 1, 1, tzinfo=UTC))
        assert state.cycles
        assert facts(state) == [], "another desk's past is not ours to record"
        for cycle, shown in zip(state.cycles, explain(state), strict=True):
            end = state.now if cycle.end is None else cycle.part_from
            assert all(left.to_at == right.from_at for left, right in pairwise(shown.parts))
            whole = cycle.aim.open.between(cycle.started, end)
            assert sum(part.open_microseconds for part in shown.parts) == whole
            assert shown.consumed_microseconds + shown.paused_microseconds == whole
