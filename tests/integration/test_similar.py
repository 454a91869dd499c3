"""Similar tickets from the outside: what is about the same, and why; agents confirm and deny; nobody sees too much."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from contracts.people import Role
from contracts.subjects import LANES
from services.kit.log.read import read_lane
from services.kit.postgres import Pool, connect_pool
from services.kit.settings import Settings
from services.reporting.app import SCHEMAS, open_app
from services.reporting.consumer import Views
from services.reporting.directory_view import DirectoryView
from services.reporting.keys import reading_vault
from services.reporting.queue_view import QueueView
from services.reporting.search_view import SearchView
from services.reporting.sla.tales import Tales
from tests.integration.intake_desk import IntakeDesk, open_desk


@dataclass
class Both:
    """Intake to write, reporting to read, and its views fed by hand."""

    intake: IntakeDesk
    reporting: httpx.AsyncClient
    pool: Pool
    settings: Settings

    async def submit(self, client: str, subject: str, body: str, **more: Any) -> str:
        person = {"email": f"ann@{client}.example", "name": "Ann"}
        answer = await self.intake.submit(client, subject=subject, body=body, requester=person, **more)
        return str(answer["reference"])

    async def feed(self) -> None:
        views = Views([DirectoryView(), QueueView(Tales()), SearchView(reading_vault(self.pool, self.settings))])
        for lane in range(LANES):
            events = await read_lane(self.pool, lane, 0, 10_000)
            if events:
                async with self.pool.acquire() as connection, connection.transaction():
                    await views.handle(lane, events, connection)

    async def similar(self, ticket: str, token: str | None = None, **given: Any) -> list[dict[str, Any]]:
        headers = {"authorization": f"Bearer {token or self.intake.administrator}"}
        response = await self.reporting.get(f"/api/v1/tickets/{ticket}/similar", params=given, headers=headers)
        assert response.status_code == 200, response.text
        found: list[dict[str, Any]] = response.json()["items"]
        return found

    async def judge(self, ticket: str, other: str, similar: bool, token: str | None = None) -> httpx.Response:
        return await self.intake.post(f"/tickets/{ticket}/similar", {"other": other, "similar": similar}, token=token)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Both]:
    pool = await connect_pool(settings, "reporting", size=3, server_settings={"search_path": SCHEMAS})
    async with open_desk(settings) as intake, open_app(settings) as app:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://desk.example") as http:
            yield Both(intake, http, pool, settings)
    await pool.close()


@pytest.fixture
async def desk(database: Settings) -> AsyncIterator[Both]:
    async with opened(database) as both:
        yield both


async def test_tickets_about_the_same_are_found_with_why_and_learned_from(desk: Both) -> None:
    asked = await desk.submit("acme", "Export fails with E1252", "The ledger export stops at half.")
    same = await desk.submit("acme", "Error E1252 again", "Exporting the ledger stops with this error.")
    near = await desk.submit("acme", "Ledger exports are slow", "Exports from the ledger need an hour.")
    other = await desk.submit("bolt", "Ledger export broken", "It says E1252 and stops.")
    await desk.submit("acme", "Chair", "My chair squeaks, may I have another one?")
    await desk.feed()

    found = await desk.similar(asked)
    assert [one["reference"] for one in found[:2]] in ([same, other], [other, same]), "an error code tells most"
    assert {one["reference"] for one in found} == {same, near, other}
    reasons = {
        reason["code"]: reason["words"] for reason in next(o for o in found if o["reference"] == same)["reasons"]
    }
    assert reasons["names"] == ["E1252"]
    assert {"Export", "ledger"} <= set(reasons["words"])
    assert len(await desk.similar(asked, limit=1)) == 1

    assert (await desk.judge(asked, found[0]["reference"], False)).status_code == 200
    assert (await desk.judge(near, asked, True)).status_code == 200, "a pair has no first ticket"
    after = await desk.similar(asked)
    assert after[0]["reference"] == near, "what was confirmed leads"
    assert after[0]["confirmed"]
    assert found[0]["reference"] not in [one["reference"] for one in after], "what was denied is gone"
    assert (await desk.judge(asked, found[0]["reference"], True)).json()["version"] == 2, "the newest word counts"


async def test_who_may_see_some_clients_is_shown_and_may_judge_their_tickets_alone(desk: Both) -> None:
    mine = await desk.submit("acme", "VPN gateway7.acme.example refuses", "gateway7.acme.example refuses the tunnel")
    theirs = await desk.submit("bolt", "VPN gateway7.acme.example refuses", "gateway7.acme.example refuses the tunnel")
    await desk.feed()
    agent = await desk.intake.token(Role.AGENT, "acme")
    assert theirs in [one["reference"] for one in await desk.similar(mine)]
    assert theirs not in [one["reference"] for one in await desk.similar(mine, agent)]
    assert (await desk.judge(mine, theirs, True, agent)).status_code == 404
    assert (await desk.judge(theirs, mine, True, agent)).status_code == 404
    hidden = await desk.reporting.get(f"/api/v1/tickets/{theirs}/similar", headers={"authorization": f"Bearer {agent}"})
    assert hidden.status_code == 404


async def test_a_pair_judged_twice_alike_is_one_event_and_a_ticket_is_not_like_itself(desk: Both) -> None:
    one = await desk.submit("acme", "Toner", "No toner left")
    other = await desk.submit("acme", "Toner", "Out of toner")
    versions = [
        (await desk.judge(*pair, True)).json()["version"] for pair in ((one, other), (other, one), (one, other))
    ]
    assert versions == [1, 1, 1]
    refused = await desk.judge(one, one, True)
    assert (refused.status_code, refused.json()["field"]) == (422, "other")
    unknown = await desk.judge(one, "ACME-999999", True)
    assert (unknown.status_code, unknown.json()["field"]) == (404, "other")


async def test_recurring_questions_are_counted_within_the_callers_clients(desk: Both) -> None:
    mine = [await desk.submit("acme", "Scanner calibration lost", f"Scanner {nth} lost it again.") for nth in (1, 2)]
    theirs = await desk.submit("bolt", "Scanner calibration lost", "The scanner lost its calibration.")
    alone = await desk.submit("bolt", "Zebra crossing", "The paint has gone.")
    await desk.feed()

    async def found(token: str, **given: Any) -> list[dict[str, Any]]:
        headers = {"authorization": f"Bearer {token}"}
        response = await desk.reporting.get("/api/v1/questions", params=given, headers=headers)
        assert response.status_code == 200, response.text
        assert alone not in response.text, "who asks alone asks no recurring question"
        return [one for one in response.json()["items"] if mine[0] in [each["reference"] for each in one["examples"]]]

    (whole,) = await found(desk.intake.administrator, limit=100)
    assert (whole["tickets"], whole["clients"], whole["requesters"]) == (3, 2, 2)
    assert whole["words"] == [], "words that fewer than three people wrote are not shown"
    assert sum(week["tickets"] for week in whole["weeks"]) == 3
    agent = await desk.intake.token(Role.AGENT, "acme")
    (seen,) = await found(agent, limit=100)
    assert (seen["tickets"], seen["clients"]) == (2, 1)
    assert theirs not in str(seen)
    assert await found(agent, client="bolt") == []
    assert await found(desk.intake.administrator, to="2001-01-01") == []
    assert (await desk.judge(mine[0], theirs, False)).status_code == 200
    (parted,) = await found(desk.intake.administrator, limit=100)
    assert theirs not in [each["reference"] for each in parted["examples"]], "what was denied is never one question"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"from": "2026-03-02", "to": "2026-03-01"}, "from"),
        ({"from": "yesterday"}, "from"),
        ({"limit": "101"}, "limit"),
        ({"weeks": "3"}, "weeks"),
    ],
)
async def test_a_range_of_questions_that_is_none_is_refused_by_field(
    desk: Both, given: dict[str, str], field: str
) -> None:
    headers = {"authorization": f"Bearer {desk.intake.administrator}"}
    refused = await desk.reporting.get("/api/v1/questions", params=given, headers=headers)
    assert refused.status_code == 422
    assert field in str(refused.json().get("field") or refused.json()["errors"])
