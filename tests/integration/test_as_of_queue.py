"""Queue and dashboard as of any instant are what folding the log up to that instant gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from contracts.envelope import Recorded
from contracts.model import Event
from contracts.ticket import Absent, Held, fold
from services.kit.settings import Settings
from services.reporting.line import ACTIVE
from tests.integration.reporting_desk import ReportingDesk, reporting_api, reporting_desk
from tests.integration.reporting_history import START

CLIENTS = ("acme", "globex", "initech")
NOW = START + timedelta(days=40)


@pytest.fixture(scope="module")
async def desk(database: Settings) -> AsyncIterator[ReportingDesk]:
    async with reporting_desk(database, 7, CLIENTS) as opened:
        await opened.tell(60)
        await opened.feed(batch=25)
        yield opened


@pytest.fixture(scope="module")
async def http(desk: ReportingDesk) -> AsyncIterator[httpx.AsyncClient]:
    async with reporting_api(desk, await desk.token(), NOW) as (client, _):
        yield client


@pytest.fixture(scope="module")
async def streams(desk: ReportingDesk) -> Mapping[UUID, Sequence[Recorded[Event]]]:
    found: dict[UUID, list[Recorded[Event]]] = {}
    for event in await desk.log():
        if event.type.startswith(("ticket.", "sla.")):
            found.setdefault(event.stream, []).append(event)
    return found


def at_instant(streams: Mapping[UUID, Sequence[Recorded[Event]]], at: datetime) -> list[Held]:
    tickets = [fold(event for event in own if event.occurred_at <= at) for own in streams.values()]
    return [ticket for ticket in tickets if not isinstance(ticket, Absent)]


def deadline(held: Held) -> datetime | None:
    return held.promise.due_at if held.promise and held.status in ACTIVE else None


def instants(streams: Mapping[UUID, Sequence[Recorded[Event]]]) -> list[datetime]:
    """Instants at which things happened, just before and just after, and some at which nothing did."""
    happened = sorted({event.occurred_at for own in streams.values() for event in own})
    near = [at + shift for at in happened[:: max(1, len(happened) // 12)] for shift in (-STEP, timedelta(), STEP)]
    return [START - timedelta(days=1), *near, NOW]


STEP = timedelta(microseconds=1)


async def everything(http: httpx.AsyncClient, **asked: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """All pages of a queue, and the last answer."""
    items: list[dict[str, Any]] = []
    while True:
        page = (await http.get("/api/v1/queue", params={"limit": 7, **asked})).raise_for_status().json()
        items += page["items"]
        if page["next_cursor"] is None:
            return items, page
        asked["cursor"] = page["next_cursor"]


async def test_the_queue_at_any_instant_is_the_fold_at_that_instant(
    http: httpx.AsyncClient, streams: Mapping[UUID, Sequence[Recorded[Event]]]
) -> None:
    for at in instants(streams):
        items, page = await everything(http, as_of=at.isoformat())
        expected = {
            str(held.id): (
                held.status.value, held.priority, held.category, str(held.agent) if held.agent else None,
                list(held.tags), held.exchanges, held.version, held.updated_at, deadline(held),
            )
            for held in at_instant(streams, at)
        }  # fmt: skip
        shown = {
            item["id"]: (
                item["status"], item["priority"], item["category"], item["assignee_id"], item["tags"],
                item["exchanges"], item["version"], parsed(item["updated_at"]), parsed(item["next_update_by"]),
            )
            for item in items
        }  # fmt: skip
        assert shown == expected, at
        assert len(items) == len(shown) == page["total"]
        assert {k: n for k, n in page["counts"]["status"].items() if n} == Counter(row[0] for row in expected.values())


def parsed(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


@pytest.mark.parametrize("sort", ["deadline", "newest", "oldest", "priority"])
async def test_every_order_holds_at_any_instant(
    http: httpx.AsyncClient, streams: Mapping[UUID, Sequence[Recorded[Event]]], sort: str
) -> None:
    far = datetime(6000, 1, 1, tzinfo=UTC)

    def key(item: dict[str, Any]) -> Any:
        due, age = parsed(item["next_update_by"]) or far, parsed(item["opened_at"])
        return {"deadline": due, "newest": age, "oldest": age, "priority": (item["priority"] or "P9", due)}[sort]

    for at in instants(streams)[::4]:
        items, _ = await everything(http, sort=sort, as_of=at.isoformat())
        keys = [key(item) for item in items]
        assert keys == sorted(keys, reverse=sort == "newest"), at


async def test_filters_hold_at_any_instant(
    http: httpx.AsyncClient, streams: Mapping[UUID, Sequence[Recorded[Event]]]
) -> None:
    at = instants(streams)[20]
    then = at_instant(streams, at)
    agent = next(held.agent for held in then if held.agent)
    asked_and_expected = (
        ({"client": "acme"}, lambda held: held.client == "acme"),
        ({"status": "open,new"}, lambda held: held.status.value in ("open", "new")),
        ({"priority": "P1"}, lambda held: held.priority == "P1"),
        ({"category": "mail"}, lambda held: held.category == "mail"),
        ({"tag": "vip"}, lambda held: "vip" in held.tags),
        ({"assignee": str(agent)}, lambda held: held.agent == agent),
        ({"assignee": "none", "status": "open"}, lambda held: held.agent is None and held.status.value == "open"),
    )
    for asked, fits in asked_and_expected:
        items, page = await everything(http, as_of=at.isoformat(), **asked)
        assert {item["id"] for item in items} == {str(held.id) for held in then if fits(held)}, asked
        assert page["total"] == len(items)


async def test_the_dashboard_at_any_instant_is_the_fold_at_that_instant(
    http: httpx.AsyncClient, streams: Mapping[UUID, Sequence[Recorded[Event]]]
) -> None:
    for at in instants(streams):
        board = (await http.get("/api/v1/dashboard", params={"as_of": at.isoformat()})).raise_for_status().json()
        check_board(board, at_instant(streams, at), at)
        check_days(board, streams, at)


async def test_the_dashboard_now_is_the_fold_of_everything(
    http: httpx.AsyncClient, streams: Mapping[UUID, Sequence[Recorded[Event]]]
) -> None:
    board = (await http.get("/api/v1/dashboard")).raise_for_status().json()

    check_board(board, at_instant(streams, datetime.max.replace(tzinfo=UTC)), NOW)
    check_days(board, streams, NOW)


def check_board(board: Mapping[str, Any], tickets: Sequence[Held], now: datetime) -> None:
    active = [held for held in tickets if held.status in ACTIVE]
    late = [held for held in active if (due := deadline(held)) and due < now]
    assert board["open"] == len(active)
    assert board["unassigned"] == sum(held.agent is None for held in active)
    assert board["overdue"] == len(late)
    assert {k: n for k, n in board["by_status"].items() if n} == Counter(held.status.value for held in tickets)
    assert {k: n for k, n in board["by_priority"].items() if n} == Counter(held.priority or "none" for held in active)
    by_client = {row["client"]: (row["open"], row["overdue"]) for row in board["by_client"] if row["open"]}
    open_of, late_of = Counter(held.client for held in active), Counter(held.client for held in late)
    assert by_client == {client: (number, late_of[client]) for client, number in open_of.items()}
    coming = [due for held in active if (due := deadline(held)) and due >= now]
    assert parsed(board["next_due_at"]) == min(coming, default=None)


def check_days(board: Mapping[str, Any], streams: Mapping[UUID, Sequence[Recorded[Event]]], now: datetime) -> None:
    created, resolved = Counter[str](), Counter[str]()
    for own in streams.values():
        was_active = True
        for number, at in enumerate(sorted({event.occurred_at for event in own if event.occurred_at <= now})):
            held = fold(event for event in own if event.occurred_at <= at)
            active = not isinstance(held, Absent) and held.status in ACTIVE
            created[at.date().isoformat()] += number == 0
            resolved[at.date().isoformat()] += was_active and not active
            was_active = active
    assert len(board["per_day"]) == 30
    for row in board["per_day"]:
        assert (row["created"], row["resolved"]) == (created[row["day"]], resolved[row["day"]]), (row, now)


async def test_an_instant_needs_a_zone_and_a_position_has_no_queue(http: httpx.AsyncClient) -> None:
    for as_of in ("yesterday", "2026-03-01T10:00:00", "@3:12"):
        answer = await http.get("/api/v1/queue", params={"as_of": as_of})
        assert answer.status_code == 422
        assert answer.json()["field"] == "as_of"
