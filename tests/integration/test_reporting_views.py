"""The views of a random history: however its events come, they show what folding it from the beginning shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from contracts.envelope import Recorded
from contracts.model import Event
from contracts.people import PersonErased
from contracts.subjects import LANES, lane_of
from contracts.ticket import Absent, Held, fold
from services.kit.log.read import read_lane
from services.kit.settings import Settings
from services.reporting.line import ACTIVE
from tests.integration.reporting_desk import ReportingDesk, reporting_desk

CLIENTS = ("acme", "globex", "initech", "umbrella-corp", "hooli")
LIVES = 60
VIEWS = ("queue", "search", "directory", "sla")


@pytest.fixture(scope="module")
async def desk(database: Settings) -> AsyncIterator[ReportingDesk]:
    async with reporting_desk(database, 20260301, CLIENTS) as opened:
        await opened.tell(LIVES)
        await opened.feed(batch=7)
        yield opened


async def emptied(desk: ReportingDesk) -> None:
    for table in ("queue.tickets", "queue.history", "queue.counts", "queue.days", "search.words", "search.names"):
        await desk.owner.execute(f"TRUNCATE reporting_{table}")
    for table in ("clients", "people", "agents"):
        await desk.owner.execute(f"TRUNCATE reporting_directory.{table}")
    for table in ("cycles", "pauses", "stories", "tallies"):
        await desk.owner.execute(f"TRUNCATE reporting_sla.{table}")
    desk.fed.clear()


async def checksums(desk: ReportingDesk) -> list[str]:
    return [await desk.checksum(view) for view in VIEWS]


def tickets_of(events: Sequence[Recorded[Event]]) -> Mapping[UUID, list[Recorded[Event]]]:
    streams: dict[UUID, list[Recorded[Event]]] = {}
    for event in events:
        if event.type.startswith(("ticket.", "sla.")):
            streams.setdefault(event.stream, []).append(event)
    return streams


def facts(held: Held) -> tuple[Any, ...]:
    """What the queue shows of a ticket, by the contracts' fold alone."""
    deadline = held.promise.due_at if held.promise and held.status in ACTIVE else None
    priority = held.priority.value if held.priority else None
    return (
        held.client, held.number, held.requester, held.opened_at, held.updated_at, held.version, held.status.value,
        priority, held.category, held.agent, held.team, list(held.tags), held.exchanges, deadline, held.source_status,
    )  # fmt: skip


async def test_every_row_is_the_fold_of_its_ticket(desk: ReportingDesk) -> None:
    rows = await desk.reporting.fetch(
        "SELECT ticket, client, number, requester, opened_at, valid_from, version, status, priority, category, agent,"
        " team, tags, exchanges, deadline, source_status FROM tickets"
    )
    shown = {row[0]: tuple(row)[1:] for row in rows}
    expected = {stream: facts(held) for stream, held in folded(await desk.log()).items()}

    assert shown == expected
    assert len(shown) == LIVES


def folded(events: Sequence[Recorded[Event]]) -> Mapping[UUID, Held]:
    found = {stream: fold(own) for stream, own in tickets_of(events).items()}
    return {stream: held for stream, held in found.items() if not isinstance(held, Absent)}


async def test_the_versions_of_a_row_follow_each_other_without_a_gap(desk: ReportingDesk) -> None:
    rows = await desk.reporting.fetch(
        "SELECT ticket, valid_from, valid_to FROM history UNION ALL SELECT ticket, valid_from, NULL FROM tickets"
        " ORDER BY ticket, valid_from"
    )
    for one, following in pairwise(rows):
        if one["ticket"] == following["ticket"]:
            assert one["valid_to"] == following["valid_from"]
            assert one["valid_from"] < one["valid_to"]
        else:
            assert one["valid_to"] is None


async def test_the_counts_are_what_counting_gives(desk: ReportingDesk) -> None:
    tickets = folded(await desk.log()).values()
    expected: Counter[tuple[str, str, str, str, str]] = Counter()
    for held in tickets:
        cell = held.client, held.status.value, held.priority.value if held.priority else ""
        facets = [("", ""), ("category", held.category or ""), ("assignee", str(held.agent or ""))]
        for facet, value in (*facets, *(("tag", tag) for tag in held.tags)):
            expected[facet, value, *cell] += 1

    rows = await desk.reporting.fetch(
        "SELECT facet, value, client, status, priority, tickets FROM counts WHERE tickets <> 0"
    )

    assert {tuple(row)[:5]: row["tickets"] for row in rows} == dict(expected)


async def test_the_days_count_what_was_created_and_what_left_the_active_ones(desk: ReportingDesk) -> None:
    created, ended = Counter[Any](), Counter[Any]()
    for events in tickets_of(await desk.log()).values():
        was_active = True
        instants = sorted({event.occurred_at for event in events})
        for at in instants:
            held = fold(event for event in events if event.occurred_at <= at)
            assert not isinstance(held, Absent)
            active = held.status in ACTIVE
            created[at.date()] += at == instants[0]
            ended[at.date()] += was_active and not active
            was_active = active

    rows = await desk.reporting.fetch(
        "SELECT day, sum(created)::int AS created, sum(ended)::int AS ended FROM days GROUP BY day"
    )

    assert {row["day"]: row["created"] for row in rows if row["created"]} == {d: n for d, n in created.items() if n}
    assert {row["day"]: row["ended"] for row in rows if row["ended"]} == {d: n for d, n in ended.items() if n}


@pytest.mark.parametrize("batch", [1, 3, 500])
async def test_the_batches_in_which_events_come_leave_no_trace(desk: ReportingDesk, batch: int) -> None:
    before = await checksums(desk)

    await emptied(desk)
    await desk.feed(batch=batch)

    assert await checksums(desk) == before


async def test_a_consumer_that_starts_anew_in_the_middle_goes_on_as_if_nothing_had_been(desk: ReportingDesk) -> None:
    before = await checksums(desk)

    await emptied(desk)
    for lane in range(LANES):
        for event in await read_lane(desk.reporting, lane, 0, 100_000):
            await desk.hand(desk.views(), lane, [event])
    await desk.feed()

    assert await checksums(desk) == before


async def test_what_comes_twice_changes_nothing(desk: ReportingDesk) -> None:
    before = await checksums(desk)
    views = desk.views()

    for lane in range(LANES):
        events = await read_lane(desk.reporting, lane, 0, 100_000)
        if events:
            await desk.hand(views, lane, events)
            await desk.hand(views, lane, events[len(events) // 2 :])

    assert await checksums(desk) == before


async def test_a_batch_that_was_rolled_back_is_forgotten_by_the_consumer_too(desk: ReportingDesk) -> None:
    before = await checksums(desk)
    await emptied(desk)
    views = desk.views()
    for lane in range(LANES):
        events = await read_lane(desk.reporting, lane, 0, 100_000)
        for start in range(0, len(events), 20):
            batch = events[start : start + 20]
            async with desk.reporting.acquire() as connection:
                transaction = connection.transaction()
                await transaction.start()
                await views.handle(lane, batch, connection)
                await transaction.rollback()
            await desk.hand(views, lane, batch)

    assert await checksums(desk) == before


async def test_a_stream_that_waited_is_caught_up_when_it_is_replayed(desk: ReportingDesk) -> None:
    """The bus holds back a stream behind a dead letter, and hands it over later, alone."""
    before = await checksums(desk)
    await emptied(desk)
    views = desk.views()
    events = await desk.log()
    waiting = next(stream for stream, own in tickets_of(events).items() if len(own) > 4)

    for event in events:
        if event.stream != waiting or event.version <= 2:
            await desk.hand(views, event.lane, [event])
    for event in events:
        if event.stream == waiting and event.version > 2:
            await desk.hand(views, event.lane, [event])

    assert await checksums(desk) == before


async def test_an_erased_person_leaves_no_word_behind(desk: ReportingDesk) -> None:
    client = CLIENTS[0]
    person = desk.desk.requesters[client][0]
    written = "SELECT count(*) FROM words WHERE person = $1"
    assert await desk.reporting.fetchval(written, person) > 0

    await desk.owner.execute("DELETE FROM personal.people WHERE person = $1", person)
    at = max(event.occurred_at for event in await desk.log()) + timedelta(days=1)
    await desk.writer.write(client, person, [(at, PersonErased(person=person), None)])
    await desk.feed()

    assert await desk.reporting.fetchval(written, person) == 0
    known = await desk.reporting.fetchrow("SELECT name, address FROM people WHERE person = $1", person)
    assert known is not None
    assert tuple(known) == ('"[erased]"', None)
    assert await desk.reporting.fetchval("SELECT count(*) FROM names WHERE person = $1", person) == 0
    assert await desk.reporting.fetchval("SELECT count(*) FROM tickets WHERE requester = $1", person) > 0
    assert lane_of(person) == lane_of(desk.desk.requesters[client][1])
