"""The live stream: told after the view has it, resumed where it broke off, bounded for whoever does not read."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import orjson
import pytest
import uvicorn
from fastapi import FastAPI

from contracts.people import Role
from services.kit.bus import connect
from services.kit.settings import Settings
from services.reporting import feed as feeding
from services.reporting.app import open_app
from services.reporting.feed import Feed, Lost, Signal, poke
from services.reporting.stream_routes import read_positions, write_positions
from tests.integration.reporting_desk import ReportingDesk, reporting_desk

CLIENTS = ("acme", "globex")
SOON = 5.0


@pytest.fixture(scope="module")
async def desk(bus: Settings) -> AsyncIterator[ReportingDesk]:
    async with reporting_desk(bus, 13, CLIENTS) as opened:
        await opened.tell(4)
        await opened.feed()
        yield opened


@pytest.fixture
async def feed(desk: ReportingDesk) -> AsyncIterator[Feed]:
    made = Feed(desk.reporting)
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
            "GET", f"{address}/stream", timeout=SOON, headers={"Last-Event-ID": write_positions((0,) * 16)}
        ) as stream:
            again = stream.aiter_lines()
            assert await anext(again) == "retry: 1000"
            told = await block(again)
    await bus.close()

    data = orjson.loads(first["data"])
    assert first["event"] == told["event"] == "queue"
    assert set(data) == {"lane", "position", "reference", "client", "kind"}
    assert data["client"] == "acme"
    assert read_positions(first["id"]) is not None


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
