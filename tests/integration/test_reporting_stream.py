"""The live stream: told after the view has it, resumed where it broke off, bounded for whoever does not read."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from uuid import UUID

import asyncpg
import httpx
import orjson
import pytest
import uvicorn
from fastapi import FastAPI
from uuid_utils.compat import uuid7

from contracts.people import Role
from services.kit.access.tokens import NewToken, make_token, revoke_token
from services.kit.bus import connect
from services.kit.client_terms import ClientTerms
from services.kit.clock import SystemClock
from services.kit.log.growth import Growth
from services.kit.log.places import read_positions, write_positions
from services.kit.postgres import connect_pool
from services.kit.settings import Settings
from services.reporting import admitted, event_routes, stream_routes
from services.reporting import feed as feeding
from services.reporting.app import SCHEMAS, open_app
from services.reporting.edge import Edge
from services.reporting.feed import Feed, Lost, Signal, Watcher, poke
from services.reporting.list_places import write_place
from services.reporting.narrow import Narrow
from services.reporting.telling import Ids
from tests.integration.reporting_desk import ReportingDesk, reporting_api, reporting_desk

CLIENTS = ("acme", "globex")
SOON = 5.0
ACME = frozenset({"acme"})


@pytest.fixture(scope="module")
async def desk(bus: Settings) -> AsyncIterator[ReportingDesk]:
    async with reporting_desk(bus, 13, CLIENTS) as opened:
        await opened.tell(4)
        await opened.feed()
        yield opened


@pytest.fixture(scope="module")
async def narrow(bus: Settings) -> AsyncIterator[Narrow]:
    pool = await connect_pool(bus, "reader", size=2, server_settings={"search_path": SCHEMAS})
    yield Narrow(pool)
    await pool.close()


@pytest.fixture
async def feed(desk: ReportingDesk, narrow: Narrow) -> AsyncIterator[Feed]:
    made = Feed(desk.reporting, narrow)
    task = asyncio.create_task(made.run())
    await asyncio.sleep(0.1)
    yield made
    task.cancel()


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """The app on a real port: the test client of httpx waits for the end of an answer, and a stream has none."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config(app, port=port, lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    )
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{port}/api/v1"
    server.should_exit = True
    await task


async def test_a_change_is_told_once_the_queue_shows_it(desk: ReportingDesk, feed: Feed) -> None:
    with feed.watch(None) as watcher:
        await desk.tell(1)
        assert await watcher.next(0.3) == ()  # written, but in no view yet
        await desk.feed()

        (signal,) = await watcher.next(SOON)

    assert isinstance(signal, Signal)
    row = await desk.reporting.fetchrow("SELECT client, prefix, number FROM tickets WHERE ticket = $1", signal.ticket)
    assert row is not None
    assert (signal.client, signal.reference) == (row["client"], f"{row['prefix']}-{row['number']}")
    assert signal.kind == "ticket.submitted"


async def test_a_watcher_hears_of_its_clients_alone(desk: ReportingDesk, feed: Feed) -> None:
    with feed.watch(frozenset({"acme"})) as watcher:
        heard: list[Signal | Lost] = []
        await desk.tell(12)
        await desk.feed()
        while told := await watcher.next(1.5):
            heard += told

    assert {signal.client for signal in heard if isinstance(signal, Signal)} == {"acme"}


async def test_the_database_tells_watchers_of_their_clients_alone(
    desk: ReportingDesk, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watchers' own rule is taken away; what row-level security holds back is left."""
    monkeypatch.setattr(Watcher, "concerning", lambda watcher, signals: list(signals))
    with feed.watch(None) as everybody, feed.watch(ACME) as one, feed.watch(frozenset({"acme", "globex"})) as both:
        stories = set(await desk.tell(12))
        await desk.feed()
        for watcher, clients in ((everybody, set(CLIENTS)), (one, {"acme"}), (both, set(CLIENTS))):
            owners = {story: client for story, client in await owners_of(desk, stories) if client in clients}
            heard: dict[UUID, str] = {}
            async with asyncio.timeout(30):
                while heard.keys() != owners.keys():
                    heard |= {s.ticket: s.client for s in await watcher.next(SOON) if isinstance(s, Signal)}
            assert heard == owners


async def owners_of(desk: ReportingDesk, stories: set[UUID]) -> list[tuple[UUID, str]]:
    rows = await desk.reporting.fetch("SELECT ticket, client FROM tickets WHERE ticket = ANY ($1)", list(stories))
    return [(row["ticket"], row["client"]) for row in rows]


async def test_who_was_away_hears_what_was_missed(desk: ReportingDesk, feed: Feed) -> None:
    with feed.watch(None) as watcher:
        before = watcher.since
    stories = await desk.tell(3)
    await desk.feed()
    await asyncio.sleep(1.3)
    with feed.watch(None) as watcher:
        missed = await feed.between(before, watcher.since)

    assert {signal.ticket for signal in missed if isinstance(signal, Signal)} == set(stories)
    assert missed[-1].at == watcher.since or all(a <= b for a, b in zip(missed[-1].at, watcher.since, strict=True))


async def test_too_much_for_one_watcher_is_dropped_and_said(
    desk: ReportingDesk, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "SIGNALS_MAX", 2)
    with feed.watch(None) as watcher:
        await desk.tell(6)
        await desk.feed()
        await asyncio.sleep(1.5)
        told = await watcher.next(SOON)

    assert [type(signal) for signal in told[:1]] == [Lost]
    assert len(told) <= 2


async def test_who_was_away_too_long_is_told_to_read_anew(
    desk: ReportingDesk, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "EVENTS_MAX", 3)
    with feed.watch(None) as watcher:
        missed = await feed.between((0,) * 16, watcher.since)

    assert missed == [Lost(watcher.since)]


async def test_the_stream_is_told_within_moments_of_a_poke(desk: ReportingDesk) -> None:
    """Over HTTP and the bus, as a screen sees it; and again from its Last-Event-ID after the connection broke."""
    token = await desk.token(Role.AGENT, "acme")
    headers = {"Authorization": f"Bearer {token}"}
    ids = Ids(desk.settings.session_secret_bytes)
    bus = await connect(desk.settings, "test-poke")
    async with open_app(desk.settings) as app, served(app) as address, httpx.AsyncClient(headers=headers) as http:
        await asyncio.sleep(0.5)
        async with http.stream("GET", f"{address}/stream", timeout=SOON) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            lines = stream.aiter_lines()
            assert await anext(lines) == "retry: 1000"
            await desk.tell(8)
            await desk.feed()
            for lane in range(16):
                await bus.publish(poke(lane))
            first = await block(lines)
        async with http.stream(
            "GET", f"{address}/stream", timeout=SOON, headers={"Last-Event-ID": ids.write((0,) * 16, ACME)}
        ) as stream:
            again = stream.aiter_lines()
            assert await anext(again) == "retry: 1000"
            told = await block(again)
    await bus.close()

    data = orjson.loads(first["data"])
    assert first["event"] == told["event"] == "queue"
    assert set(data) == {"reference", "client", "kind"}, "a lane's position would tell how much the neighbours do"
    assert data["client"] == "acme"
    assert read_positions(first["id"]) is None
    assert ids.read(first["id"], ACME) is not None


async def test_the_feed_goes_on_as_events_come(desk: ReportingDesk) -> None:
    token = await desk.token(Role.SUBSCRIBER, "acme")
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    async with open_app(desk.settings) as app, served(app) as address, httpx.AsyncClient(headers=headers) as http:
        last = await desk.owner.fetchval("SELECT max(sequence) FROM log.events WHERE client = 'acme'")
        async with http.stream("GET", f"{address}/events", params={"after": last - 1}, timeout=SOON) as stream:
            lines = stream.aiter_lines()
            assert (await anext(lines), await anext(lines)) == ("retry: 1000", "")
            known = await block(lines)
            while True:
                await desk.tell(1)
                await desk.feed()
                if await desk.owner.fetchval("SELECT max(sequence) FROM log.events WHERE client = 'acme'") > last:
                    break
            following = await block(lines)

    assert [int(known["id"]), int(following["id"])] == [last, last + 1]
    assert orjson.loads(following["data"])["sequence"] == str(last + 1)


async def block(lines: AsyncIterator[str]) -> dict[str, str]:
    """The next event of a stream, without beats."""
    found: dict[str, str] = {}
    async for line in lines:
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            found[name] = value
        elif found:
            return found
    raise EOFError


def test_positions_travel_as_text() -> None:
    at = tuple(range(0, 16_000, 1_000))

    assert read_positions(write_positions(at)) == at
    for text in ("", "1.2", "x." * 15 + "1", "-1" + ".0" * 15, "é"):
        assert read_positions(text) is None


def test_who_does_not_see_all_clients_cannot_read_positions_nor_ask_by_them() -> None:
    ids, small, large = Ids(b"s" * 32), (0,) * 16, (1 << 62,) * 16

    assert ids.read(ids.write(large, ACME), ACME) == large
    assert ids.read(ids.write(large, None), None) == large
    assert len(ids.write(small, ACME)) == len(ids.write(large, ACME))  # nor guess them by its length
    assert Ids(b"t" * 32).read(ids.write(small, ACME), ACME) is None
    for text in (write_positions(small), "", "é", "A" * 300, "9" * 5_000):
        assert ids.read(text, ACME) is None
    assert ids.read(".".join(["f" * 16] * 16), None) is None  # larger than a position can be


async def test_a_look_that_fails_is_not_the_last_one_and_is_told_meanwhile(
    desk: ReportingDesk, narrow: Narrow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cancelled query, a missing table, a mistake of ours: none of them may end every screen's news."""
    monkeypatch.setattr(feeding, "BLIND_SECONDS", 0.2)
    monkeypatch.setattr(feeding, "LOOK_SECONDS", 0.05)
    feed = Feed(desk.reporting, narrow)
    look, faults = feed._look, [asyncpg.QueryCanceledError(), asyncpg.UndefinedTableError(), KeyError("x")] * 3

    async def failing() -> None:
        if faults:
            raise faults.pop()
        await look()

    feed._look = failing  # type: ignore[method-assign]
    task = asyncio.create_task(feed.run())
    while not feed.looks:
        await asyncio.sleep(0.02)
        assert not task.done()
    task.cancel()
    await asyncio.sleep(0.4)
    assert [feed.looks] == [False]  # a list, since mypy remembers what the loop ended with
    monkeypatch.setattr(stream_routes, "BEAT_SECONDS", 0.01)
    edge = Edge(
        desk.reporting,
        desk.writer.vault,
        SystemClock(),
        feed,
        b"s" * 32,
        narrow,
        ClientTerms(desk.reporting, monotonic),
    )
    pieces = stream_routes._signals(edge, None, None)
    assert stream_routes.BEAT not in [await anext(pieces) for _ in range(3)]
    await pieces.aclose()


@pytest.mark.parametrize(("path", "role"), [("/stream", Role.AGENT), ("/events?client=acme", Role.SUBSCRIBER)])
async def test_a_stream_ends_when_its_token_does(
    desk: ReportingDesk, monkeypatch: pytest.MonkeyPatch, path: str, role: Role
) -> None:
    monkeypatch.setattr(stream_routes, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(event_routes, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(admitted, "RECHECK_SECONDS", 0.2)
    monkeypatch.setattr("services.kit.access.gate.PRINCIPAL_SECONDS", 0.1)
    new = NewToken(id=uuid7(), name="ends", role=role)
    headers = {"Authorization": f"Bearer {await make_token(desk.intake, new)}", "Accept": "text/event-stream"}
    async with (
        open_app(desk.settings) as app,
        served(app) as address,
        httpx.AsyncClient(headers=headers) as http,
        http.stream("GET", f"{address}{path}", timeout=SOON) as stream,
        asyncio.timeout(SOON),
    ):
        pieces = stream.aiter_bytes()
        for _ in range(8):
            assert await anext(pieces)  # it outlives the checks
        assert await revoke_token(desk.intake, new.id)
        async for _ in pieces:
            pass


async def test_busy_neighbours_in_a_lane_do_not_drown_a_quiet_clients_beats(
    desk: ReportingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(*_: object) -> bool:
        await asyncio.sleep(0.01)
        return True

    monkeypatch.setattr(event_routes, "BEAT_SECONDS", 0.2)
    monkeypatch.setattr(Growth, "beyond", busy)
    headers = {"Authorization": f"Bearer {await desk.token()}", "Accept": "text/event-stream"}
    async with (
        open_app(desk.settings) as app,
        served(app) as address,
        httpx.AsyncClient(headers=headers) as http,
        http.stream("GET", f"{address}/events?client=acme&after=now", timeout=SOON) as stream,
        asyncio.timeout(SOON),
    ):
        pieces = stream.aiter_bytes()
        assert [b": beat" in await anext(pieces) for _ in range(3)] == [False, True, True]


async def test_numbers_larger_than_any_position_are_refused_as_such(desk: ReportingDesk) -> None:
    huge = str(10**30)
    async with reporting_api(desk, await desk.token()) as (http, _):
        ticket = (await http.get("/api/v1/queue", params={"limit": 1})).json()["items"][0]["id"]
        asked = [
            await http.get("/api/v1/events", params={"client": "acme", "after": huge}),
            await http.get("/api/v1/events", params={"client": "acme", "limit": huge}),
            await http.get("/api/v1/events", params={"client": "acme"}, headers={"Last-Event-ID": huge}),
            await http.get("/api/v1/events", params={"client": "acme"}, headers={"Last-Event-ID": "9" * 5_000}),
            await http.get(f"/api/v1/tickets/{ticket}", params={"as_of": f"@3:{huge}"}),
            await http.get(f"/api/v1/tickets/{ticket}/events", params={"as_of": f"@3:{huge}"}),
            await http.get(f"/api/v1/tickets/{ticket}/events", params={"after": huge}),
            await http.get("/api/v1/queue", params={"as_of": f"@3:{huge}"}),
            await http.get("/api/v1/queue", params={"limit": huge}),
            await http.get("/api/v1/queue", params={"as_of": "9999-12-31T23:59:59-23:00"}),
            await http.get(f"/api/v1/tickets/{ticket}", params={"as_of": "0001-01-01T00:00:00+23:00"}),
            await http.get("/api/v1/mailbox", params={"cursor": write_place("9999-12-31T23:59:59-23:00", ticket)}),
        ]

    assert [(answer.status_code, re.search("internal", answer.text)) for answer in asked] == [(422, None)] * len(asked)
