"""PostgreSQL goes away and comes back: callers wait or hear a clear 503, and nothing is done by half or twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from contracts.people import Role
from services.kit.settings import Settings
from services.kit.web.patience import PATIENCE_SECONDS
from services.reporting import app as reporting
from tests.integration.cut_line import CutLine, cut_line
from tests.integration.intake_desk import ACME, IntakeDesk, open_desk, ticket


@pytest.fixture(scope="module")
async def line_and_desk(database: Settings) -> AsyncIterator[tuple[CutLine, IntakeDesk]]:
    async with cut_line(database) as (settings, line), open_desk(settings) as desk:
        yield line, desk


async def tickets_of(desk: IntakeDesk) -> int:
    count: int = await desk.pool.fetchval("SELECT count(*) FROM log.events WHERE number IS NOT NULL")
    return count


async def test_ten_seconds_away_are_waited_for_and_longer_is_a_clear_503(
    line_and_desk: tuple[CutLine, IntakeDesk],
) -> None:
    line, desk = line_and_desk
    await desk.submit()
    before = await tickets_of(desk)
    await line.cut()
    impatient = asyncio.create_task(desk.post("/tickets", ticket(), idempotency_key="away"))
    await asyncio.sleep(PATIENCE_SECONDS - 10)
    waiting = asyncio.create_task(desk.post("/tickets", ticket(), idempotency_key="waits"))
    refused = await impatient
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert int(refused.headers["retry-after"]) > 0
    assert "Idempotency-Key" in refused.json()["remedy"]
    await line.mend()
    assert (await waiting).status_code == 201
    again = await desk.post("/tickets", ticket(), idempotency_key="away")
    assert again.status_code == 201
    assert await tickets_of(desk) == before + 2


async def test_an_answer_that_is_lost_on_the_way_is_asked_for_again_with_the_key(
    line_and_desk: tuple[CutLine, IntakeDesk],
) -> None:
    line, desk = line_and_desk
    await desk.submit()
    before = await tickets_of(desk)
    line.deaf = True
    response = await desk.post("/tickets", ticket(), idempotency_key="lost")
    assert response.status_code == 201
    assert await tickets_of(desk) == before + 1


async def test_without_a_key_nobody_pretends_to_know(line_and_desk: tuple[CutLine, IntakeDesk]) -> None:
    line, desk = line_and_desk
    token = await desk.token(Role.INTAKE)
    assert (await desk.send("PUT", "/clients/acme", ACME)).status_code == 200
    await desk.submit(token=token)  # whatever has to be read is remembered now: the next word is the append
    line.deaf = True
    response = await desk.post("/tickets", ticket(), token=token)
    assert (response.status_code, response.json()["code"]) == (503, "outcome_unknown")
    assert (await desk.post("/tickets", ticket())).status_code == 201


async def test_readers_hear_a_clear_503_and_read_again_afterwards(database: Settings) -> None:
    async with (
        cut_line(database) as (settings, line),
        open_desk(database) as desk,
        reporting.open_app(settings) as app,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://desk.example/api/v1",
            headers={"authorization": f"Bearer {desk.administrator}"},
        ) as http,
    ):
        path = f"/tickets/{(await desk.submit())['id']}"
        assert (await http.get(path)).status_code == 200
        await line.cut()
        away = await http.get(path)
        assert (away.status_code, away.json()["code"]) == (503, "unavailable")
        assert int(away.headers["retry-after"]) > 0
        assert (await http.get("/ready")).status_code == 503
        assert (await http.get("/health")).status_code == 200
        await line.mend()
        assert (await http.get(path)).status_code == 200
        assert (await http.get("/ready")).status_code == 200
