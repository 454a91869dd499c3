"""GET /events: from any place on, all clients or some, filtered, opened by scope, cheap when nobody reads."""

from __future__ import annotations

import asyncio
import re
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import pytest

from contracts import tickets
from contracts.people import Role
from contracts.subjects import lane_of_client
from services.kit.log import select
from services.kit.log.places import read_place, write_place
from services.kit.settings import Settings
from services.reporting import readers
from services.reporting.app import open_app
from services.reporting.shapes import SubscribersShape
from tests.integration import reporting_history as past
from tests.integration.reporting_desk import ReportingDesk, reporting_api, reporting_desk
from tests.integration.test_reporting_stream import block, served

CLIENTS = ("acme", "globex", "initech")
PATIENCE = 60.0
BIG = 100_000  # characters of one note
NOTES = 300
NEEDLE = b'"streamversion":'  # stands once in a line, behind its sequence


@pytest.fixture(scope="module")
async def desk(bus: Settings) -> AsyncIterator[ReportingDesk]:
    async with reporting_desk(bus, 29, CLIENTS) as opened:
        await opened.tell(12)
        yield opened


async def pages(http: httpx.AsyncClient, after: str = "beginning", **asked: Any) -> tuple[list[dict[str, Any]], str]:
    """Every event behind a place, page by page, and the place behind them."""
    found: list[dict[str, Any]] = []
    while True:
        answer = await http.get("/api/v1/events", params={"after": after, **asked})
        assert answer.status_code == 200, answer.text
        lines = [orjson.loads(line) for line in answer.text.splitlines()]
        if not lines and answer.headers["daybook-next"] == after:
            return found, after
        found, after = found + lines, answer.headers["daybook-next"]


async def in_order(desk: ReportingDesk, *clients: str) -> list[str]:
    """Ids of the log's events in order of recording."""
    rows = await desk.owner.fetch(
        "SELECT id FROM log.events WHERE $1 OR client = ANY ($2) ORDER BY recorded_at, lane, position",
        not clients, list(clients),
    )  # fmt: skip
    return [str(row["id"]) for row in rows]


@pytest.mark.parametrize("clients", [(), ("acme", "globex"), ("initech",)])
async def test_everything_comes_once_and_in_order_of_recording(desk: ReportingDesk, clients: Sequence[str]) -> None:
    async with reporting_api(desk, await desk.token(Role.SUBSCRIBER, *clients)) as (http, _):
        whole, _ = await pages(http, limit=1_000)
        small, _ = await pages(http, limit=7)

    assert [event["id"] for event in whole] == await in_order(desk, *clients)
    assert small == whole


async def test_a_place_of_several_clients_holds_nothing_of_the_others(desk: ReportingDesk) -> None:
    async with reporting_api(desk, await desk.token(Role.SUBSCRIBER, "acme", "globex")) as (http, _):
        _, end = await pages(http)
        for _ in range(3):
            await desk.writer.write("initech", desk.desk.new_id("initech"), await a_story(desk, "initech"))
        nothing, same = await pages(http, end)

    assert (nothing, same) == ([], end)
    counted = {source.client: source.after for source in read_place(end, ("acme", "globex")) or ()}
    for client, sequence in counted.items():
        assert sequence == await desk.owner.fetchval("SELECT max(sequence) FROM log.events WHERE client = $1", client)


async def test_types_families_and_categories_as_they_stood_narrow_the_feed_and_it_moves_on_all_the_same(
    desk: ReportingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(select, "LOOK_MAX", 5)  # what does not fit is passed over in many small looks
    ticket = desk.desk.new_id("acme")
    lines = await a_story(desk, "acme", category="post-room")
    moved = (None, tickets.CategorySet(category="payroll"), None)
    await desk.writer.write("acme", ticket, [*lines, moved, (None, tickets.TagsChanged(added=("late",)), None)])
    async with reporting_api(desk, await desk.token(Role.SUBSCRIBER)) as (http, _):
        everything, _ = await pages(http)
        resolved, _ = await pages(http, type=["ticket.tags_changed", "ticket.resolved"])
        family, _ = await pages(http, type="person", client="acme")
        before, _ = await pages(http, category="post-room")
        after, _ = await pages(http, category=["payroll", "nothing"], client="acme")
        unknown = await http.get("/api/v1/events", params={"type": "ticket.exploded"})

    asked = ("ticket.tags_changed", "ticket.resolved")
    assert [event["id"] for event in resolved] == [event["id"] for event in everything if event["type"] in asked]
    assert {event["type"] for event in family} == {"person.registered"}
    assert [event["type"] for event in before] == ["ticket.submitted"]
    assert [event["type"] for event in after] == ["ticket.category_set", "ticket.tags_changed"]
    assert (unknown.status_code, unknown.json()["field"]) == (422, "type")


async def test_now_begins_behind_what_is_there(desk: ReportingDesk) -> None:
    async with reporting_api(desk, await desk.token(Role.SUBSCRIBER)) as (http, _):
        answer = await http.get("/api/v1/events", params={"after": "now"})
        assert answer.content == b""
        await desk.writer.write("globex", desk.desk.new_id("globex"), await a_story(desk, "globex"))
        news, _ = await pages(http, answer.headers["daybook-next"])

    assert [event["type"] for event in news] == ["ticket.submitted"]
    assert news[0]["cursor"] != answer.headers["daybook-next"]


@pytest.mark.parametrize(("scopes", "opened"), [((), False), (("personal",), True)])
async def test_text_is_opened_for_the_personal_scope_alone(
    desk: ReportingDesk, scopes: tuple[str, ...], opened: bool
) -> None:
    async with reporting_api(desk, await desk.token(Role.SUBSCRIBER, scopes=scopes)) as (http, _):
        found, _ = await pages(http, type="ticket.submitted", limit=3)

    assert found
    for event in found:
        assert isinstance(event["data"]["subject"], str) is opened
        assert ("sealed" in event["data"]["subject"]) is not opened or opened


async def test_a_place_of_another_reader_is_refused(desk: ReportingDesk) -> None:
    whole = write_place(select.sources_of(None))
    async with reporting_api(desk, await desk.token(Role.SUBSCRIBER, "acme", "globex")) as (http, _):
        for place in (whole, "12", "e30x!", "WzFd", "-1"):
            answer = await http.get("/api/v1/events", params={"after": place})
            assert (answer.status_code, answer.json()["field"]) == (422, "after"), place
        answer = await http.get("/api/v1/events", headers={"Last-Event-ID": whole})
        assert (answer.status_code, answer.json()["field"]) == (422, "last-event-id")
        assert (await http.get("/api/v1/events", params={"client": "initech"})).status_code == 404


async def test_a_stream_of_the_whole_desk_goes_on_where_it_broke_off(desk: ReportingDesk) -> None:
    headers = {"Authorization": f"Bearer {await desk.token(Role.SUBSCRIBER)}", "Accept": "text/event-stream"}
    heard: list[str] = []
    last: dict[str, str] = {}
    async with open_app(desk.settings) as app, served(app) as address, httpx.AsyncClient(headers=headers) as http:
        for cut in (5, 9, 1):
            async with http.stream("GET", f"{address}/events", headers=last, timeout=PATIENCE) as stream:
                lines = stream.aiter_lines()
                assert (await anext(lines), await anext(lines)) == ("retry: 1000", "")
                for _ in range(cut):
                    told = await block(lines)
                    heard.append(orjson.loads(told["data"])["id"])
                    last = {"Last-Event-ID": told["id"]}

    assert heard == (await in_order(desk))[: len(heard)]


async def test_lines_that_go_on_bring_what_comes(desk: ReportingDesk) -> None:
    token = await desk.token(Role.SUBSCRIBER, "acme")
    headers = {"Authorization": f"Bearer {token}"}
    asked = {"after": "now", "follow": "true"}
    async with (
        open_app(desk.settings) as app,
        served(app) as address,
        httpx.AsyncClient(headers=headers) as http,
        http.stream("GET", f"{address}/events", params=asked, timeout=PATIENCE) as stream,
    ):
        ticket = desk.desk.new_id("acme")
        await desk.writer.write("acme", ticket, await a_story(desk, "acme"))
        async for line in stream.aiter_lines():
            if line:
                break

    assert orjson.loads(line)["subject"] == str(ticket)


async def test_who_follows_is_told_with_what_is_missing_and_only_to_who_may_know(desk: ReportingDesk) -> None:
    for client in ("acme", "initech"):
        hook = await desk.owner.fetchval(
            "INSERT INTO notification.webhooks (webhook, name, url, client, author, failures, last_code) VALUES "
            "(gen_random_uuid(), 'billing', 'https://hooks.example/secret?x', $1, 'token:1', 4, '503') "
            "RETURNING webhook",
            client,
        )
        place = "INSERT INTO notification.webhook_places (lane, webhook, place) VALUES ($1, $2, 3)"
        await desk.owner.execute(place, lane_of_client(client), hook)
    last = await desk.owner.fetchval("SELECT max(sequence) FROM log.events WHERE client = 'acme'")
    subscriber, manager = await desk.token(Role.SUBSCRIBER, "acme"), await desk.token(Role.MANAGER, "acme")
    async with reporting_api(desk, await desk.token()) as (http, _):
        as_theirs = {"Authorization": f"Bearer {subscriber}"}
        await http.get("/api/v1/events", params={"after": last - 4, "limit": 3}, headers=as_theirs)
        await http.get("/api/v1/events", params={"client": "globex"})
        whole = SubscribersShape.model_validate((await http.get("/api/v1/subscribers")).json())
        as_acme = await http.get("/api/v1/subscribers", headers={"Authorization": f"Bearer {manager}"})
    await desk.owner.execute("DELETE FROM notification.webhooks")

    told = [(item.kind, item.client, item.state, item.position, item.behind) for item in whole.items]
    assert ("webhook", "acme", "resting", 3, last - 3) in told
    assert ("http", "acme", "seen", last - 1, 1) in told
    assert {item.client for item in whole.items if item.kind == "webhook"} == {"acme", "initech"}
    assert "secret" not in str(whole)
    assert [(item["kind"], item["client"]) for item in as_acme.json()["items"]] == [
        ("webhook", "acme"),
        ("http", "acme"),
    ]
    assert as_acme.json()["may_change"]


async def test_streams_are_limited_in_number(desk: ReportingDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "STREAMS_OF_ONE_MAX", 1)
    headers = {"Authorization": f"Bearer {await desk.token(Role.SUBSCRIBER)}", "Accept": "text/event-stream"}
    async with open_app(desk.settings) as app, served(app) as address, httpx.AsyncClient(headers=headers) as http:
        async with http.stream("GET", f"{address}/events", timeout=PATIENCE) as stream:
            assert stream.status_code == 200
            refused = await http.get(f"{address}/events")
            assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
        async with asyncio.timeout(PATIENCE):  # a stream that has ended is counted no more
            while True:
                async with http.stream("GET", f"{address}/events") as stream:
                    if stream.status_code == 200:
                        break


async def test_a_reader_that_stops_reading_costs_bounded_memory_and_misses_nothing(desk: ReportingDesk) -> None:
    """30 MB lie behind its place. Once it takes nothing, the desk reads nothing ahead of it but a few pieces."""
    ticket = desk.desk.new_id("globex")
    person = desk.desk.requesters["globex"][0]
    await desk.writer.write("globex", ticket, await a_story(desk, "globex"))
    after = await desk.owner.fetchval("SELECT max(sequence) FROM log.events WHERE client = 'globex'")
    for _ in range(NOTES // 20):
        notes = [(None, tickets.NoteAdded(body="x" * BIG), person)] * 20
        await desk.writer.write("globex", ticket, notes)
    token = await desk.token(Role.SUBSCRIBER, "globex", scopes=("personal",))
    async with open_app(desk.settings) as app, served(app) as address:
        place = urlsplit(address)
        request = (
            f"GET {place.path}/events?follow=true&after={after} HTTP/1.1\r\nHost: desk\r\n"
            f"Authorization: Bearer {token}\r\n\r\n"
        )
        tracemalloc.start()
        try:
            reader, writer = await asyncio.open_connection(place.hostname, place.port)
            writer.write(request.encode())
            await until_still(app.state.following.readers)
            held, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 16_000_000, f"{peak:,} bytes at most, {held:,} held"
        got, told = bytearray(), 0
        async with asyncio.timeout(PATIENCE):
            while told < NOTES:
                piece = await reader.read(1 << 20)
                told += (got[1 - len(NEEDLE) :] + piece).count(NEEDLE)
                got += piece
        writer.close()
    assert [int(number) for number in re.findall(rb'"sequence":"(\d+)"', got)] == list(
        range(after + 1, after + 1 + NOTES)
    )


async def until_still(following: readers.Readers) -> None:
    """Until a reader has been told no more events for a while."""
    before = -1
    async with asyncio.timeout(PATIENCE):
        while (now := sum(reader.events for reader in following)) != before or not now:
            before = now
            await asyncio.sleep(0.5)
    assert now < NOTES * 2 / 3  # the rest of it fits into no buffer of the system's


async def a_story(desk: ReportingDesk, client: str, *, category: str | None = None) -> list[tuple[None, Any, Any]]:
    person = desk.desk.requesters[client][0]
    submitted = past._submitted(desk.chance, client, person).model_copy(update={"category": category})
    return [(None, submitted, person)]
