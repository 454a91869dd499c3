"""The queue's API: pages that stay whole while rows arrive, filters, counts, search, and what a client may not see."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from contracts.people import Role
from services.kit.settings import Settings
from services.reporting import queue_pages
from services.reporting.shapes import DashboardShape, QueueShape
from tests.integration.reporting_desk import ReportingDesk, reporting_api, reporting_desk
from tests.integration.reporting_history import START, prefix_of

CLIENTS = ("acme", "globex", "initech", "hooli")
NOW = START + timedelta(days=12)
QUEUE = "/api/v1/queue"


@pytest.fixture(scope="module")
async def desk(database: Settings) -> AsyncIterator[ReportingDesk]:
    async with reporting_desk(database, 5, CLIENTS) as opened:
        await opened.tell(80, hours=200)
        await opened.feed()
        yield opened


@pytest.fixture(scope="module")
async def http(desk: ReportingDesk) -> AsyncIterator[httpx.AsyncClient]:
    async with reporting_api(desk, await desk.token(), NOW) as (client, _):
        yield client


async def page(http: httpx.AsyncClient, **asked: Any) -> dict[str, Any]:
    answer = await http.get(QUEUE, params=asked)
    assert answer.status_code == 200, answer.text
    QueueShape.model_validate_json(answer.content)
    found: dict[str, Any] = answer.json()
    return found


async def everything(http: httpx.AsyncClient, **asked: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    while True:
        found = await page(http, **{"limit": 200, **asked})
        items += found["items"]
        if found["next_cursor"] is None:
            return items
        asked["cursor"] = found["next_cursor"]


SORTS = ("deadline", "newest", "oldest", "priority")


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("limit", [1, 7, 50])
async def test_pages_hold_every_ticket_once_in_order(http: httpx.AsyncClient, sort: str, limit: int) -> None:
    whole = await everything(http, sort=sort)

    paged = await everything(http, sort=sort, limit=limit)

    assert [item["id"] for item in paged] == [item["id"] for item in whole]
    assert len({item["id"] for item in whole}) == len(whole) == (await page(http))["total"]
    assert [order(item, sort) for item in whole] == sorted(
        (order(item, sort) for item in whole), reverse=sort == "newest"
    )


def order(item: dict[str, Any], sort: str) -> Any:
    due = item["next_update_by"] or "9999"
    age = item["opened_at"], item["id"]
    return {"deadline": due, "newest": age, "oldest": age, "priority": (item["priority"] or "P9", due)}[sort]


@pytest.mark.parametrize("sort", ["newest", "oldest", "deadline"])
async def test_rows_that_arrive_move_no_page(desk: ReportingDesk, http: httpx.AsyncClient, sort: str) -> None:
    """What stood there at the beginning comes once and in its order, whatever is added between two pages."""
    before = [item["id"] for item in await everything(http, sort=sort)]
    seen: list[str] = []
    cursor = ""
    while True:
        found = await page(http, sort=sort, limit=9, **({"cursor": cursor} if cursor else {}))
        seen += [item["id"] for item in found["items"]]
        await desk.tell(1, most=1, hours=200)
        await desk.feed()
        if found["next_cursor"] is None:
            break
        cursor = found["next_cursor"]

    assert len(seen) == len(set(seen))
    assert [ticket for ticket in seen if ticket in before] == before


async def test_each_filter_leaves_what_fits_and_counts_it(http: httpx.AsyncClient) -> None:
    whole = await everything(http)
    agent = next(item["assignee_id"] for item in whole if item["assignee_id"])
    cases: Sequence[tuple[dict[str, Any], Any]] = (
        ({"status": "open"}, lambda item: item["status"] == "open"),
        ({"status": ["new", "open"]}, lambda item: item["status"] in ("new", "open")),
        ({"status": "new,resolved"}, lambda item: item["status"] in ("new", "resolved")),
        ({"priority": ["P1", "P2"]}, lambda item: item["priority"] in ("P1", "P2")),
        ({"client": "acme"}, lambda item: item["client"] == "acme"),
        ({"category": "network"}, lambda item: item["category"] == "network"),
        ({"tag": "vip"}, lambda item: "vip" in item["tags"]),
        ({"assignee": agent}, lambda item: item["assignee_id"] == agent),
        ({"assignee": "none"}, lambda item: item["assignee_id"] is None),
        ({"assignee": "none", "category": "mail"}, lambda i: i["assignee_id"] is None and i["category"] == "mail"),
        ({"tag": "vip", "assignee": agent}, lambda item: "vip" in item["tags"] and item["assignee_id"] == agent),
        ({"client": "nobody"}, lambda item: False),
    )
    for asked, fits in cases:
        expected = {item["id"] for item in whole if fits(item)}
        found = await page(http, limit=1, **asked)
        assert {item["id"] for item in await everything(http, **asked)} == expected, asked
        assert found["total"] == len(expected), asked
        assert not found["total_is_least"]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("as_of", [None, START + timedelta(days=4)])
@pytest.mark.parametrize("more", [{}, {"client": "acme"}, {"assignee": "none", "status": "open"}, {"tag": "vip"}])
async def test_the_dashboard_s_figures_lead_to_their_tickets(
    http: httpx.AsyncClient, sort: str, as_of: datetime | None, more: dict[str, Any]
) -> None:
    """Overdue tickets, and those of a day, page by page, with their counts, now and then."""
    at = as_of or NOW
    then = {"as_of": at.isoformat()} if as_of else {}
    whole = await everything(http, **more, **then)
    days = Counter(item["opened_at"][:10] for item in whole)
    late = {item["id"] for item in whole if (item["next_update_by"] or "9999") < f"{at:%Y-%m-%dT%H:%M:%S}"}
    asked: list[tuple[dict[str, Any], set[str]]] = [({"overdue": "true"}, late)]
    for day in [*sorted(days)[:3], "1999-01-01", "9999-12-31"]:
        asked.append(({"opened_on": day}, {item["id"] for item in whole if item["opened_at"].startswith(day)}))
    for ranges, expected in asked:
        question = {**more, **then, **ranges, "sort": sort}
        found = await everything(http, **question, limit=3)
        assert [item["id"] for item in found] == [item["id"] for item in await everything(http, **question)]
        assert {item["id"] for item in found} == expected, question
        first = await page(http, **question)
        assert (first["total"], first["total_is_least"]) == (len(expected), False)
        if not set(more) & {"status"}:
            assert sum(first["counts"]["status"].values()) == len(expected)
    if not more:
        board = (await http.get("/api/v1/dashboard", params=then)).json()
        assert board["overdue"] == len(late)


async def test_words_are_looked_for_among_the_overdue_and_those_of_a_day(http: httpx.AsyncClient) -> None:
    for ranges in ({"overdue": "true"}, {"opened_on": f"{START:%Y-%m-%d}"}):
        wide = {item["id"] for item in await everything(http, **ranges)}
        every = {item["id"] for item in await everything(http, q="printer")}
        assert {item["id"] for item in await everything(http, q="printer", **ranges)} == wide & every


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("as_of", [None, START + timedelta(days=4)])
async def test_walking_an_index_and_gathering_by_filters_find_the_same(
    desk: ReportingDesk, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, sort: str, as_of: datetime | None
) -> None:
    agent = str(desk.desk.agents[0])
    questions: Sequence[dict[str, Any]] = (
        {},
        {"status": ["open", "closed"], "priority": ["P1", "P4"]},
        {"client": "acme", "category": "mail"},
        {"assignee": agent, "status": "open"},
        {"assignee": "none", "tag": "vip"},
        {"category": "network", "tag": "lyon", "priority": "P2"},
    )
    for question in questions:
        asked = question | {"sort": sort, "limit": 4} | ({"as_of": as_of.isoformat()} if as_of else {})
        found = []
        for few in (True, False):
            monkeypatch.setattr(queue_pages, "few_fit", lambda kept, asked, few=few: few)
            found.append([item["id"] for item in await everything(http, **asked)])
        assert found[0] == found[1], asked


async def test_the_counts_tell_what_a_click_would_show(http: httpx.AsyncClient) -> None:
    whole = await everything(http)

    counts = (await page(http, client="globex", status="open", priority="P2"))["counts"]

    of_client = [item for item in whole if item["client"] == "globex"]
    assert {key: number for key, number in counts["status"].items() if number} == Counter(
        item["status"] for item in of_client if item["priority"] == "P2"
    )
    assert counts["priority"] == Counter(item["priority"] or "none" for item in of_client if item["status"] == "open")


async def test_the_dashboard_has_the_shape_of_the_api(http: httpx.AsyncClient) -> None:
    board = DashboardShape.model_validate_json((await http.get("/api/v1/dashboard")).content)

    assert board.open == sum(row.open for row in board.by_client)
    assert len(board.per_day) == 30


async def test_a_cursor_of_another_order_or_hand_is_refused(http: httpx.AsyncClient) -> None:
    cursor = (await page(http, limit=1, sort="newest"))["next_cursor"]

    for asked in ({"cursor": cursor}, {"cursor": "abc"}, {"cursor": "W10"}, {"cursor": "é"}):
        answer = await http.get(QUEUE, params=asked)
        assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "invalid_field", "cursor")


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 201}, "limit"),
        ({"status": "done"}, "status"),
        ({"priority": "P5"}, "priority"),
        ({"assignee": "somebody"}, "assignee"),
        ({"sort": "mood"}, "sort"),
        ({"client": "ACME"}, "client"),
        ({"opened_on": "yesterday"}, "opened_on"),
        ({"overdue": "maybe"}, "overdue"),
        ({"stauts": "open"}, "stauts"),
        ({"q": "x" * 201}, "q"),
    ],
)
async def test_what_is_not_understood_is_refused_by_name(
    http: httpx.AsyncClient, asked: dict[str, Any], field: str
) -> None:
    answer = await http.get(QUEUE, params=asked)

    assert answer.status_code == 422
    assert answer.json()["field"].startswith(field)


# --- search


async def test_a_word_of_the_subject_finds_the_ticket(http: httpx.AsyncClient) -> None:
    item = (await everything(http))[3]

    found = await everything(http, q=item["subject"])

    assert item["id"] in [other["id"] for other in found]


async def test_most_of_the_words_come_first(http: httpx.AsyncClient) -> None:
    item = (await everything(http))[5]
    first, second = item["subject"].split()[:2]

    found = await everything(http, q=f"{first} {second} zzzzz")

    assert item["id"] in {other["id"] for other in found}
    single = await everything(http, q=first)
    assert {other["id"] for other in single} <= {other["id"] for other in found}


async def test_a_reference_finds_its_ticket_alone_and_first(http: httpx.AsyncClient) -> None:
    item = (await everything(http, client="initech"))[2]

    for typed in (item["reference"], item["reference"].lower()):
        found = await everything(http, q=typed)
        assert [other["id"] for other in found] == [item["id"]]


async def test_an_address_and_a_name_find_the_tickets_of_the_person(
    desk: ReportingDesk, http: httpx.AsyncClient
) -> None:
    person = desk.desk.requesters["hooli"][1]
    rows = await desk.reporting.fetch("SELECT ticket FROM tickets WHERE requester = $1", person)

    by_address = {item["id"] for item in await everything(http, q="person1@hooli.example")}
    by_name = {item["id"] for item in await everything(http, q="Person1", client="hooli")}

    assert rows
    assert by_address == by_name == {str(row["ticket"]) for row in rows}


async def test_accents_and_unfinished_words_are_found(http: httpx.AsyncClient) -> None:
    with_accent = {item["id"] for item in await everything(http, q="café")}

    assert with_accent
    assert {item["id"] for item in await everything(http, q="CAFE")} == with_accent
    assert with_accent <= {item["id"] for item in await everything(http, q="caf")}


async def test_words_and_filters_narrow_together_and_page_in_any_order(http: httpx.AsyncClient) -> None:
    word = (await everything(http))[0]["subject"].split()[0]
    whole = await everything(http, q=word)

    narrowed = await everything(http, q=word, status="closed", client="acme")

    assert {item["id"] for item in narrowed} == {
        item["id"] for item in whole if item["status"] == "closed" and item["client"] == "acme"
    }
    for sort in (*SORTS, "relevance"):
        paged = await everything(http, q=word, sort=sort, limit=3)
        assert sorted(item["id"] for item in paged) == sorted(item["id"] for item in whole)


async def test_words_that_everybody_uses_find_nothing_by_themselves(http: httpx.AsyncClient) -> None:
    found = await page(http, q="the and of")

    assert (found["items"], found["total"]) == ([], 0)


@pytest.mark.parametrize("typed", ["'", "a & b | !c", "\\", ":*", "<->", "((", "' OR 1=1 --", "%", "\N{BELL}", "🙂"])
async def test_nothing_that_is_typed_breaks_a_search(http: httpx.AsyncClient, typed: str) -> None:
    await page(http, q=typed)


# --- what a client may not see


async def test_a_token_of_one_client_sees_the_rows_figures_and_words_of_that_one_alone(desk: ReportingDesk) -> None:
    token = await desk.token(Role.AGENT, "acme")
    async with reporting_api(desk, await desk.token(), NOW) as (all_seeing, _):
        whole = await everything(all_seeing)
        board = (await all_seeing.get("/api/v1/dashboard")).json()
        of_others = next(item for item in whole if item["client"] == "globex")
    own = {item["id"] for item in whole if item["client"] == "acme"}

    async with reporting_api(desk, token, NOW) as (http, _):
        assert {item["id"] for item in await everything(http)} == own
        found = await page(http)
        assert found["total"] == len(own) == sum(found["counts"]["status"].values())
        assert (await page(http, client="globex"))["total"] == 0
        assert await everything(http, q=of_others["reference"]) == []
        assert await everything(http, q="person1@globex.example") == []
        assert {item["client"] for item in await everything(http, q=of_others["subject"])} <= {"acme"}
        assert await everything(http, as_of=NOW.isoformat(), client="globex") == []
        seen = (await http.get("/api/v1/dashboard")).json()
        assert [row["client"] for row in seen["by_client"]] == ["acme"]
        assert seen["open"] == next(row["open"] for row in board["by_client"] if row["client"] == "acme")
        then = (await http.get("/api/v1/dashboard", params={"as_of": NOW.isoformat()})).json()
        assert (then["open"], then["per_day"]) == (seen["open"], seen["per_day"])


async def test_a_token_of_some_clients_sees_these(desk: ReportingDesk) -> None:
    async with reporting_api(desk, await desk.token(Role.AUDITOR, "acme", "hooli"), NOW) as (http, _):
        items = await everything(http, limit=11)

        assert {item["client"] for item in items} == {"acme", "hooli"}
        assert (await page(http))["total"] == len(items)


@pytest.mark.parametrize("role", [Role.INTAKE, Role.SUBSCRIBER])
async def test_doors_and_subscribers_have_no_queue(desk: ReportingDesk, role: Role) -> None:
    async with reporting_api(desk, await desk.token(role), NOW) as (http, _):
        for path in (QUEUE, "/api/v1/dashboard", "/api/v1/stream"):
            answer = await http.get(path)
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_nobody_comes_in_without_a_token(desk: ReportingDesk) -> None:
    async with reporting_api(desk, "day_of_somebody_else", NOW) as (http, app):
        guests = {"/api/v1/guest/tickets/{ticket}", "/api/v1/guest/clients/{client}/terms"}
        public = {"/api/v1/health", "/api/v1/ready", "/api/v1/metrics", "/api/v1/status", *guests}
        for route in app.routes:
            path = getattr(route, "path", "")
            if path.startswith("/api/v1/") and path not in public:
                concrete = path.replace("{ticket}", f"{prefix_of('acme')}-1").replace("{client}", "acme")
                assert (await http.get(concrete)).status_code == 401, path
