"""A view built anew from the log: the same as the old one, switched without a gap, resumed after a kill."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import asyncpg
import httpx
import pytest

from contracts import incidents
from contracts.model import DESK, Event
from contracts.subjects import LANES
from services.kit.settings import Settings
from services.reporting import load
from services.reporting.load import Build, Building, Loaded, QueueLoader
from services.reporting.rebuild import CHECKSUMS, Rebuild, RebuildRuns, Rebuilt, Step, rebuilding
from tests.integration.reporting_desk import ReportingDesk, reporting_api, reporting_desk
from tests.integration.reporting_history import START

CLIENTS = ("acme", "globex", "initech", "umbrella-corp")
VIEWS = tuple(CHECKSUMS)


@pytest.fixture(scope="module")
async def desk(database: Settings) -> AsyncIterator[ReportingDesk]:
    async with reporting_desk(database, 11, CLIENTS) as opened:
        tickets = await opened.tell(50)
        await declare_incident(opened, tickets[:4])
        await declare_incident(opened, tickets[3:6])
        await opened.feed(batch=40)
        yield opened


async def declare_incident(desk: ReportingDesk, tickets: list[UUID]) -> None:
    """One that a person declared: tickets are added, and the last one is taken out again."""
    agent, stream = desk.desk.agents[0], desk.desk.new_id(DESK)
    told: list[Event] = [incidents.IncidentOpened(title="No mail since noon", service="mail")]
    told += [incidents.IncidentTicketAdded(ticket=ticket, client=CLIENTS[0], strength=0.5) for ticket in tickets]
    told += [incidents.IncidentTicketRemoved(ticket=tickets[-1]), incidents.IncidentUpdated(text="We look into it")]
    at = START + timedelta(days=20)
    await desk.writer.write(DESK, stream, [(at + timedelta(minutes=n), event, agent) for n, event in enumerate(told)])


async def rebuilt(desk: ReportingDesk, view: str, told: list[Step] | None = None) -> Rebuilt:
    async with rebuilding(desk.settings, view, (told if told is not None else []).append) as work:
        return await work.run()


async def schemas(desk: ReportingDesk) -> set[str]:
    rows = await desk.owner.fetch("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'reporting%'")
    return {row["nspname"] for row in rows}


@pytest.mark.parametrize("view", VIEWS)
async def test_a_rebuilt_view_is_the_incremental_one(desk: ReportingDesk, view: str) -> None:
    before = await desk.checksum(view)
    told: list[Step] = []

    built = await rebuilt(desk, view, told)

    assert built.checksum == before == await desk.checksum(view)
    assert {step.phase for step in told} >= {"load", "index", "switch", "check"}
    assert told[-1].done == told[-1].total > 0
    assert await schemas(desk) == {"reporting", *(f"reporting_{name}" for name in VIEWS)}
    row = await desk.owner.fetchrow("SELECT version, checksum FROM reporting.views WHERE view = $1", view)
    assert row is not None
    assert (row["version"], row["checksum"]) == (built.version, before)


async def test_incidents_are_rebuilt_with_the_tickets_that_are_still_theirs(desk: ReportingDesk) -> None:
    await rebuilt(desk, "incidents")
    assert await desk.owner.fetchval(
        "SELECT array_agg(tickets ORDER BY tickets) FROM reporting_incidents.incidents"
    ) == [2, 3]
    assert await desk.owner.fetchval("SELECT count(*) FROM reporting_incidents.members") == 5


async def test_a_rebuild_does_nothing_besides(desk: ReportingDesk) -> None:
    """What followed from the events once does not follow from them again: no event, no letter, no cursor is touched."""
    outside = """
        SELECT (SELECT count(*) FROM log.events) AS events, (SELECT count(*) FROM log.commands) AS commands,
               (SELECT count(*) FROM notification.outbox) AS letters, (SELECT count(*) FROM log.dead_letters) AS dead,
               (SELECT array_agg((consumer, lane, position) ORDER BY consumer, lane)::text FROM log.cursors) AS cursors
    """
    before = await desk.owner.fetchrow(outside)
    for view in VIEWS:
        await rebuilt(desk, view)
    assert await desk.owner.fetchrow(outside) == before


@pytest.mark.parametrize("page", [1, 5, 64])
async def test_the_size_of_a_page_leaves_no_trace(
    desk: ReportingDesk, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    """A page of one event is shorter than every stream: each comes alone."""
    before = await desk.checksum("queue")
    monkeypatch.setattr(load, "PAGE", page)

    assert (await rebuilt(desk, "queue")).checksum == before


async def test_a_rebuild_catches_up_with_what_is_written_meanwhile(
    desk: ReportingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "PAGE", 50)
    views = desk.views()
    writing = asyncio.Event()

    async def live() -> None:
        await writing.wait()
        for _ in range(6):
            await desk.tell(2)
            await desk.feed(views, batch=9)

    task = asyncio.create_task(live())
    async with rebuilding(desk.settings, "queue", lambda step: writing.set()) as work:
        built = await work.run()
    await task
    await desk.feed(views)
    after = await desk.checksum("queue")

    assert (await rebuilt(desk, "queue")).checksum == after
    assert built.version > 1


async def test_a_view_that_is_ahead_of_its_consumer_takes_no_event_twice(desk: ReportingDesk) -> None:
    """The consumer was away while the queue was rebuilt from a longer log; then it comes back and is fed the rest."""
    await desk.tell(5)

    ahead = await rebuilt(desk, "queue")
    await desk.feed(batch=10)

    assert await desk.checksum("queue") == ahead.checksum
    positions = await desk.reporting.fetch("SELECT lane, position FROM reporting.progress WHERE view = 'queue'")
    heads = await desk.reporting.fetch("SELECT lane, position FROM log.lanes")
    assert {tuple(row) for row in positions} == {tuple(row) for row in heads}


class Killed(BaseException):
    """Stands for the end of the process: nothing catches it."""


class DyingLoader(QueueLoader):
    """Loads some pages, then the process is gone."""

    def __init__(self, pages: int) -> None:
        super().__init__()
        self.pages = pages

    async def load(
        self, pool: asyncpg.Pool[asyncpg.Record], schema: str, lane: Build, building: Building
    ) -> AsyncIterator[Loaded]:
        async for loaded in super().load(pool, schema, lane, building):
            self.pages -= 1
            yield loaded
            if self.pages < 0:
                raise Killed


async def test_a_killed_rebuild_goes_on_where_it_was(desk: ReportingDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    before = await desk.checksum("queue")
    monkeypatch.setattr(load, "PAGE", 40)
    async with rebuilding(desk.settings, "queue", lambda step: None) as work:
        dying = Rebuild(work._pool, work._view, DyingLoader(6))
        with pytest.raises(Killed):
            await dying.run()
    assert "reporting_queue_next" in await schemas(desk)
    assert await desk.checksum("queue") == before  # readers have noticed nothing

    built = await rebuilt(desk, "queue")

    total = await desk.reporting.fetchval("SELECT sum(position) FROM log.lanes")
    assert built.checksum == before
    assert 0 < built.events < total


async def test_a_rebuild_that_another_shape_began_is_begun_anew(desk: ReportingDesk) -> None:
    before = await desk.checksum("queue")
    async with rebuilding(desk.settings, "queue", lambda step: None) as work:
        with pytest.raises(Killed):
            await Rebuild(work._pool, work._view, DyingLoader(0)).run()
    await desk.owner.execute("UPDATE reporting.builds SET shape = 'of an older program'")
    await desk.owner.execute("CREATE TABLE reporting_queue_next.left_over (what text)")

    built = await rebuilt(desk, "queue")

    assert built.checksum == before
    assert await desk.owner.fetchval("SELECT to_regclass('reporting_queue.left_over')") is None


async def test_two_rebuilds_of_one_view_do_not_meet(desk: ReportingDesk) -> None:
    results = await asyncio.gather(rebuilt(desk, "queue"), rebuilt(desk, "queue"), return_exceptions=True)

    assert sorted(type(result).__name__ for result in results) == ["RebuildRuns", "Rebuilt"]
    assert any(isinstance(result, RebuildRuns) for result in results)


class PausingLoader(QueueLoader):
    """Loads a page, then stands still until it is let go on."""

    def __init__(self) -> None:
        super().__init__()
        self.paused, self.go_on = asyncio.Event(), asyncio.Event()

    async def load(
        self, pool: asyncpg.Pool[asyncpg.Record], schema: str, lane: Build, building: Building
    ) -> AsyncIterator[Loaded]:
        async for loaded in super().load(pool, schema, lane, building):
            yield loaded
            self.paused.set()
            await self.go_on.wait()


async def test_a_builder_that_was_taken_for_dead_writes_nothing_into_the_next_one_s_tables(
    desk: ReportingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its guard's connection is lost while it stands still; another rebuild begins and ends; then it goes on."""
    before, loader = await desk.checksum("queue"), PausingLoader()
    monkeypatch.setattr(load, "PAGE", 40)
    async with rebuilding(desk.settings, "queue", lambda step: None) as work:
        frozen = asyncio.create_task(Rebuild(work._pool, work._view, loader).run())
        paused = asyncio.create_task(loader.paused.wait())
        await asyncio.wait((frozen, paused), return_when=asyncio.FIRST_COMPLETED)
        assert not frozen.done(), frozen.exception()
        ended = await desk.owner.fetchval(
            "SELECT bool_and(pg_terminate_backend(l.pid)) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
            "WHERE l.locktype = 'advisory' AND d.datname = current_database()"
        )
        assert ended
        second = await rebuilt(desk, "queue")
        loader.go_on.set()
        with pytest.raises(RebuildRuns, match="another rebuild of queue is under way"):
            await frozen
    assert second.checksum == before == await desk.checksum("queue")
    assert "reporting_queue_next" not in await schemas(desk)


async def test_readers_never_see_an_error_or_an_empty_queue(desk: ReportingDesk) -> None:
    """Readers ask all the time, the consumer goes on, and the view is switched three times under them."""
    await desk.feed()
    token = await desk.token()
    tickets = await desk.reporting.fetchval("SELECT count(*) FROM tickets")
    over = asyncio.Event()
    seen: list[int] = []

    async def read(http: httpx.AsyncClient, path: str) -> None:
        while not over.is_set():
            answer = await http.get(path)
            assert answer.status_code == 200, answer.text
            found = answer.json()
            if "items" in found:
                assert len(found["items"]) == 20
                seen.append(found["total"])
            else:
                assert found["by_status"]["closed"] > 0

    async def live() -> None:
        views = desk.views()
        while not over.is_set():
            await desk.tell(1)
            await desk.feed(views, batch=5)

    async with reporting_api(desk, token, START + timedelta(days=40)) as (http, _):
        paths = ("/api/v1/queue?limit=20", "/api/v1/queue?limit=20&sort=newest", "/api/v1/dashboard")
        async with asyncio.TaskGroup() as tasks:
            for path in paths:
                tasks.create_task(read(http, path))
            tasks.create_task(live())
            for _ in range(3):
                await rebuilt(desk, "queue")
            over.set()

    await desk.feed()
    assert len(seen) > 10
    assert min(seen) >= tickets
    assert (await rebuilt(desk, "queue")).checksum == await desk.checksum("queue")


async def test_the_command_survives_a_kill_and_prints_the_checksum(desk: ReportingDesk) -> None:
    await desk.feed()
    expected = await desk.checksum("queue")
    environment = {**os.environ, **environment_of(desk.settings)}
    command = (sys.executable, "-m", "services", "rebuild", "queue", "--json")
    killed = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.DEVNULL)
    while "reporting_queue_next" not in await schemas(desk):
        await asyncio.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    await killed.wait()

    done = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.PIPE)
    printed, _ = await done.communicate()

    assert done.returncode == 0
    assert json.loads(printed)["checksum"] == expected
    assert json.loads(printed)["view"] == "queue"
    assert len(range(LANES)) == LANES


def environment_of(settings: Settings) -> dict[str, str]:
    assert settings.database_url is not None
    return {
        "DAYBOOK_HOME": str(settings.home),
        "DAYBOOK_DATABASE_URL": settings.database_url.get_secret_value(),
        "DAYBOOK_ROLE_SECRET": settings.role_secret.get_secret_value(),
        "DAYBOOK_MASTER_KEY": settings.master_key.get_secret_value(),
        "DAYBOOK_SESSION_SECRET": settings.session_secret.get_secret_value(),
    }
