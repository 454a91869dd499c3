"""Incidents from the outside: who may see some clients sees theirs, and of the others nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
from uuid_utils.compat import uuid7

from contracts.people import Role
from services.kit.access.tokens import NewToken, make_token
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
