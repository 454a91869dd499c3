"""GET /tickets/{…}/clocks on a real log: the clocks of the client's own terms, and every second of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from itertools import pairwise
from typing import Any

import httpx
import pytest

from contracts.people import Role
from services.kit.settings import Settings
from services.reporting.app import open_app
from tests.integration.intake_desk import IntakeDesk, open_desk

ALWAYS: dict[str, Any] = {"zone": "Europe/Zurich", "hours": {}}
ALWAYS["hours"] = {day: ["00:00-24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
POLICY = {"rows": [{"targets": {"first_reply": "1h", "next_reply": "2h", "update": "4h", "resolution": "8h"}}]}


@pytest.fixture(scope="module")
async def desk(database: Settings) -> AsyncIterator[IntakeDesk]:
    async with open_desk(database) as opened:
        for path, body in (("calendar", ALWAYS), ("policy", POLICY)):
            answer = await opened.send("PUT", f"/clients/acme/{path}", body)
            assert answer.status_code == 201, answer.text
        yield opened


async def read(desk: IntakeDesk, settings: Settings, path: str, *, token: str | None = None) -> httpx.Response:
    async with open_app(settings) as app:
        headers = {"authorization": f"Bearer {token or desk.administrator}"}
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://desk.example", headers=headers) as http:
            return await http.get(f"/api/v1{path}")


async def test_every_second_of_a_ticket_is_explained(desk: IntakeDesk, database: Settings) -> None:
    ticket = await desk.submit()
    await desk.post(f"/tickets/{ticket['id']}/replies", {"body": "we look into it", "status": "waiting_for_customer"})
    await desk.post(f"/tickets/{ticket['id']}/messages", {"body": "thank you, here is the log"})
    answer = await read(desk, database, f"/tickets/{ticket['reference']}/clocks")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    by_cycle = {clock["cycle"]: clock for clock in told["clocks"]}
    assert (by_cycle["first_reply/1"]["outcome"], by_cycle["next_reply/1"]["state"]) == ("met", "running")
    solution = by_cycle["resolution/1"]
    assert [part["kind"] for part in solution["parts"]] == ["run", "pause", "run"]
    assert [mark["what"] for mark in solution["marks"]] == ["activate", "pause", "resume"]
    events = {str(event.id) for event in await desk.events(ticket["id"])}
    assert {part["event"] for part in solution["parts"]} < events
    for clock in told["clocks"]:
        assert all(left["to_at"] == right["from_at"] for left, right in pairwise(clock["parts"]))
        start, end = (datetime.fromisoformat(clock[name] or told["now"]) for name in ("started_at", "ended_at"))
        whole = sum(part["open_microseconds"] for part in clock["parts"])
        assert whole == clock["consumed_microseconds"] + clock["paused_microseconds"]
        assert whole == round((end - start).total_seconds() * 1_000_000), "this calendar never closes"
    assert told["next_at"] is not None


async def test_as_of_gives_the_clocks_as_they_stood(desk: IntakeDesk, database: Settings) -> None:
    ticket = await desk.submit()
    born = (await desk.events(ticket["id"]))[0].occurred_at
    await desk.post(f"/tickets/{ticket['id']}/replies", {"body": "done"})
    then = born.isoformat().replace("+00:00", "Z")
    told = (await read(desk, database, f"/tickets/{ticket['id']}/clocks?as_of={then}")).json()
    assert {clock["cycle"]: clock["state"] for clock in told["clocks"]}["first_reply/1"] == "running"


async def test_another_clients_clocks_are_not_there(desk: IntakeDesk, database: Settings) -> None:
    ticket = await desk.submit()
    other = await desk.token(Role.AGENT, "bolt")
    assert (await read(desk, database, f"/tickets/{ticket['id']}/clocks", token=other)).status_code == 404
