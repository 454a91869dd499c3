"""From the outside: positions tell a token of some clients nothing of the neighbours on its lane."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

import httpx
import pytest

from contracts.people import Role
from contracts.subjects import lane_of_client
from services.intake import app as intake
from services.kit.settings import Settings
from services.reporting import app as reporting
from tests.integration.intake_desk import ticket
from tests.integration.reporting_desk import ReportingDesk, reporting_desk

NEIGHBOUR = next(
    slug for slug in (f"near-{number}" for number in range(1_000)) if lane_of_client(slug) == lane_of_client("acme")
)


class Outside(NamedTuple):
    desk: ReportingDesk
    intake: httpx.AsyncClient
    reporting: httpx.AsyncClient

    async def post(self, token: str, path: str, body: Any, **headers: str) -> dict[str, Any]:
        given = {"authorization": f"Bearer {token}"} | headers
        response = await self.intake.post(f"/api/v1{path}", json=body, headers=given)
        assert response.is_success, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def get(self, token: str, path: str, **query: Any) -> httpx.Response:
        return await self.reporting.get(
            f"/api/v1{path}", params=query, headers={"authorization": f"Bearer {token}"}
        )  # fmt: skip


@pytest.fixture(scope="module")
async def outside(database: Settings) -> AsyncIterator[Outside]:
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(reporting_desk(database, 17, ("acme", NEIGHBOUR)))
        apps = [await stack.enter_async_context(of.open_app(database)) for of in (intake, reporting)]
        https = [
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk.example") for app in apps
        ]  # fmt: skip
        for http in https:
            await stack.enter_async_context(http)
        yield Outside(desk, *https)


async def test_every_position_of_one_clients_token_is_that_clients_own_number(outside: Outside) -> None:
    token, everybody = await outside.desk.token(Role.LEAD, "acme"), await outside.desk.token(Role.ADMINISTRATOR)
    first = await outside.post(token, "/tickets", ticket(), **{"idempotency-key": "one"})
    for _ in range(3):
        await outside.post(everybody, "/tickets", ticket(NEIGHBOUR))
    path = f"/tickets/{first['id']}"
    second = await outside.post(token, f"{path}/notes", {"body": "hello"})
    assert int(second["position"]) == int(first["position"]) + 1, "the neighbour's three tickets do not show"
    assert await outside.post(token, "/tickets", ticket(), **{"idempotency-key": "one"}) == first
    unchanged = await outside.post(token, f"{path}/tags", {"remove": ["none"]})
    assert unchanged["position"] == second["position"]
    guest = first["track_url"].partition("key=")[2]
    words = {"key": guest, "body": "More of it."}
    third = (await outside.intake.post(f"/api/v1/guest/tickets/{first['reference']}/messages", json=words)).json()
    assert third["position"].isdecimal()
    await outside.desk.feed()
    (row,) = (await outside.get(token, "/queue")).json()["items"]
    shown = (await outside.get(token, path)).json()
    lines = (await outside.get(token, "/events", limit=1000)).text.splitlines()
    told = [event["sequence"] for event in map(json.loads, lines) if event["subject"] == first["id"]]
    assert row["position"] == shown["position"] == third["position"] == told[-1]
    assert (await outside.get(everybody, path)).json()["position"].startswith(f"{lane_of_client('acme')}:")
    assert all(":" in row["position"] for row in (await outside.get(everybody, "/queue")).json()["items"])


async def test_as_of_takes_what_was_told_and_no_lanes_position_from_a_token_of_one_client(outside: Outside) -> None:
    token, everybody = await outside.desk.token(Role.LEAD, "acme"), await outside.desk.token(Role.ADMINISTRATOR)
    born = await outside.post(token, "/tickets", ticket())
    path = f"/tickets/{born['id']}"
    await outside.post(token, f"{path}/close", {"reason": "spam"})
    place = (await outside.get(everybody, path)).json()["position"]
    for asked in (path, f"{path}/events", f"{path}/clocks"):
        assert (await outside.get(token, asked, as_of=f"@{born['position']}")).status_code == 200
        refused = await outside.get(token, asked, as_of=f"@{place}")
        assert (refused.status_code, refused.json()["field"]) == (422, "as_of"), "trying would find where it stands"
    assert (await outside.get(token, path, as_of=f"@{born['position']}")).json()["status"] == "new"
    assert (await outside.get(token, path)).json()["status"] == "closed"
    assert (await outside.get(everybody, path, as_of=f"@{place}")).json()["status"] == "closed"
    assert (await outside.get(token, path, as_of="@1")).status_code == 404, "it was not there then"


async def test_an_erasures_position_is_told_the_same_way(outside: Outside) -> None:
    token = await outside.desk.token(Role.MANAGER, "acme")
    born = await outside.post(token, "/tickets", ticket(requester={"email": "eve@acme.example", "name": "Eve"}))
    person = (await outside.get(token, f"/tickets/{born['id']}")).json()["requester"]["id"]
    for _ in range(2):  # who is erased stays so, and is answered the same
        erased = await outside.intake.delete(
            f"/api/v1/people/{person}/data", headers={"authorization": f"Bearer {token}"}
        )
        assert erased.json()["position"] == str(int(born["position"]) + 1)
