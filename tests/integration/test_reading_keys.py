"""A screen that needs a person's key waits while the table of the keys is written anew, and is not refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from contracts.people import Role
from services.kit.settings import Settings
from services.reporting import app as reporting_app
from tests.integration.reporting_desk import ReportingDesk, reporting_api, reporting_desk

SCREEN_SECONDS = 2.0
LONG_ENOUGH = 30.0
WAITING = "SELECT true FROM pg_locks WHERE relation = 'personal.people'::regclass AND NOT granted"


@pytest.fixture
async def desk(database: Settings) -> AsyncIterator[ReportingDesk]:
    async with reporting_desk(database, seed=5, clients=("acme",)) as made:
        await made.open()
        await made.tell(2)
        await made.feed()
        yield made


async def test_a_screen_outwaits_the_rewriting_of_the_keys(
    desk: ReportingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporting_app, "READ_SECONDS", SCREEN_SECONDS)
    ticket = next(event.stream for event in await desk.log() if event.type == "ticket.submitted")
    async with reporting_api(desk, await desk.token(Role.AGENT)) as (http, _):
        async with desk.owner.acquire() as connection, connection.transaction():
            await connection.execute("LOCK TABLE personal.people")  # as VACUUM FULL does
            asking = asyncio.create_task(http.get(f"/api/v1/tickets/{ticket}"))
            async with asyncio.timeout(LONG_ENOUGH):
                while not await connection.fetchval(WAITING):
                    assert not asking.done(), await asked(asking)
            await connection.execute("SELECT pg_sleep($1)", SCREEN_SECONDS + 0.5)
        answer = await asking
    assert answer.status_code == 200
    assert answer.json()["requester"]["name"] not in ("[erased]", "[damaged]", "")


async def asked(asking: asyncio.Task[httpx.Response]) -> str:
    return (await asking).text
