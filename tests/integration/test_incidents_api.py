"""Incidents from the outside: who may see some clients sees theirs, and of the others nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from uuid_utils.compat import uuid7

from contracts.people import Role
from services.desk import app as desk_app
from services.intake.app import open_app as intake_app
from services.kit.access.tokens import NewToken, make_token
from services.kit.clients import SQL
from services.kit.postgres import connect_pool
from services.kit.settings import Settings
from services.reporting.app import SCHEMAS, open_app
from services.reporting.consumer import Views
from services.reporting.directory_view import DirectoryView
from services.reporting.incidents_view import IncidentsView
from services.reporting.queue_view import QueueView
from tests.conftest import PoolOf
from tests.integration.radar_desk import CLIENTS, RadarDesk, beat, follow, incidents, leader_on
from tests.integration.small_desk import vault_on


@pytest.fixture(scope="module")
async def desk(pool_of: PoolOf, database: Settings) -> RadarDesk:
    intake = await pool_of("intake")
    desk = RadarDesk(intake, vault_on(intake, database))
    await desk.open()
    await desk.everyday(2_000)
    leader = leader_on(await pool_of("triage"), database)
    assert await leader.take()
    await leader.load()
    await desk.outage(CLIENTS[:5])
    await beat(await pool_of("relay"))
    await follow(leader)
    return desk


async def shown(desk: RadarDesk, database: Settings) -> None:
    """Has reporting digest whatever the log holds."""
    pool = await connect_pool(database, "reporting", size=2, server_settings={"search_path": SCHEMAS})
    views = Views([DirectoryView(), QueueView(), IncidentsView()])
    for lane in range(16):
        while await desk.feed(views, pool, lane):
            pass
    await pool.close()


async def token(desk: RadarDesk, role: Role, *clients: str) -> str:
    return await make_token(desk.intake, NewToken(id=uuid7(), name="test", role=role, clients=clients or None))


@pytest.fixture(scope="module")
async def http(desk: RadarDesk, database: Settings) -> AsyncIterator[httpx.AsyncClient]:
    await shown(desk, database)
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(open_app(database))
        transport = httpx.ASGITransport(app)
        yield await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://desk.example"))


async def get(http: httpx.AsyncClient, path: str, bearer: str) -> httpx.Response:
    return await http.get(f"/api/v1{path}", headers={"Authorization": f"Bearer {bearer}"})


async def test_a_suspicion_is_listed_with_evidence_in_words_growth_and_clients(
    desk: RadarDesk, http: httpx.AsyncClient
) -> None:
    lead = await token(desk, Role.LEAD)
    answer = (await get(http, "/incidents", lead)).json()
    (line,) = answer["items"]
    assert (line["status"], answer["counts"]) == ("suspected", {"suspected": 1})
    assert "of 12 clients reported name “error 1252” in the last" in " ".join(line["evidence"])
    assert {client["id"] for client in line["clients"]} >= set(CLIENTS[:5])
    assert line["growth"][-1]["clients"] == len(line["clients"])

    whole = (await get(http, f"/incidents/{line['id']}", lead)).json()
    assert {ticket["subject"] for ticket in whole["tickets"]} >= {"nothing works"}
    assert all(0.5 < ticket["strength"] <= 1 for ticket in whole["tickets"])
    assert [entry["kind"] for entry in whole["timeline"]] == ["suspected"]


async def test_who_sees_some_clients_learns_nothing_of_the_others(desk: RadarDesk, http: httpx.AsyncClient) -> None:
    inside, outside = await token(desk, Role.LEAD, CLIENTS[1]), await token(desk, Role.LEAD, CLIENTS[11])
    assert (await get(http, "/incidents", outside)).json() == {"items": [], "next_cursor": None, "counts": {}}
    (incident,) = await incidents(desk.intake)
    assert (await get(http, f"/incidents/{incident}", outside)).status_code == 404

    for path in ("/incidents", f"/incidents/{incident}"):
        answer = await get(http, path, inside)
        assert answer.status_code == 200
        others = [slug for slug in CLIENTS if slug != CLIENTS[1] and f'"{slug}"' in answer.text]
        assert others == []
        told = answer.json()
        one = told["items"][0] if "items" in told else told
        assert (one["evidence"], one["version"], one["ticket_count"]) == ([], None, 1)


NAMES = tuple(slug.title() for slug in CLIENTS)
PREFIXES = tuple(slug.upper().replace("-", "") for slug in CLIENTS)


async def status_page(desk: RadarDesk, database: Settings) -> tuple[httpx.Response, dict[str, Any], str]:
    """What a stranger is answered by a process that has kept no answer yet, as JSON and as a page."""
    await shown(desk, database)
    async with open_app(database) as app:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://desk.example") as stranger:
            answer = await stranger.get("/api/v1/status")
            pages = httpx.ASGITransport(desk_app.build(database, stranger, desk.intake, lambda: datetime.now(UTC)))
            async with httpx.AsyncClient(transport=pages, base_url="http://desk.example") as browser:
                page = await browser.get("/status")
    assert (page.status_code, page.headers.get("set-cookie")) == (200, None)
    return answer, answer.json(), page.text


async def test_everybody_reads_what_was_published_of_an_incident_and_nothing_else(
    desk: RadarDesk, database: Settings
) -> None:
    (found,) = await incidents(desk.intake)
    bearer = {"Authorization": f"Bearer {await token(desk, Role.LEAD)}"}
    await desk.intake.executemany(SQL["claim_prefix"], list(zip(PREFIXES, CLIENTS, strict=True)))
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    async with intake_app(database) as app:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://desk.example", headers=bearer) as lead:

            async def post(command: str, body: dict[str, Any], status: int = 200) -> dict[str, Any]:
                answer = await lead.post(f"/api/v1/incidents/{found}/{command}", json=body)
                assert answer.status_code == status, answer.text
                return dict(answer.json())

            suspected = await post("publish", {"title": "Mail"}, 409)
            await post("confirm", {"title": "The inner title", "text": "Words for those affected."})
            quiet, told, page = await status_page(desk, database)
            assert suspected["code"] == "not_confirmed"
            assert (told["state"], told["open"], told["resolved"]) == ("all_clear", [], []), "nothing leaks by default"
            assert quiet.headers.get_list("cache-control") == ["public, max-age=10"]
            assert "No known disturbance" in page

            early = await post("updates", {"text": "Hello", "public": True}, 409)
            assert (early["code"], early["errors"][0]["field"]) == ("not_published", "public")
            named = await post("publish", {"title": f"Nothing works at {NAMES[11]}"}, 422)
            assert (named["code"], named["errors"][0]["field"]) == ("names_a_client", "title"), "whom it does not hit"
            await post("publish", {"title": "Mail arrives late", "service": "Mail"})
            await post("updates", {"text": f"See {PREFIXES[3]}-1042", "public": True}, 422)
            await post("updates", {"text": "We found it.", "next_update_at": until, "public": True})
            await post("updates", {"text": "For those affected alone."})

            answer, told, page = await status_page(desk, database)
            (one,) = told["open"]
            assert (told["state"], one["title"], one["service"]) == ("disturbed", "Mail arrives late", "Mail")
            assert ([update["text"] for update in one["updates"]], one["state"]) == (["We found it."], "open")
            assert datetime.fromisoformat(one["next_update_by"]) == datetime.fromisoformat(until)
            inside = [*CLIENTS, *NAMES, *PREFIXES, str(found), "inner title", "affected", "1252"]
            assert [word for word in inside if word in answer.text or word in page] == []
            assert all(text in page for text in ("Mail arrives late", "We found it.", "Next update by"))

            await post("resolve", {"summary": "The report.", "text": "It is over.", "public": True})
            answer, told, page = await status_page(desk, database)
            (one,) = told["resolved"]
            assert (told["state"], told["open"], one["state"]) == ("all_clear", [], "resolved")
            assert [update["text"] for update in one["updates"]] == ["It is over.", "We found it."]
            assert ("The report" in answer.text + page, one["next_update_by"]) == (False, None)
            assert ("It is over." in page, "No known disturbance" in page) == (True, True)
            await post("withdraw", {})
            assert (await status_page(desk, database))[1]["resolved"] == []
