"""Forms of the pages come within limits of size and time, whatever they say of themselves; no session is needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from services.desk import app as desk_app
from services.desk.guard import FORM_BYTES_MAX
from services.kit.settings import Settings
from tests.conftest import PoolOf

FORM = {"content-type": "application/x-www-form-urlencoded"}
PATHS = ["/login", "/portal/acme/tickets/ACME-1/messages", "/logout", "/no-such-page"]


@pytest.fixture
async def browser(database: Settings, pool_of: PoolOf) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as nobody:
        pages = desk_app.build(database, nobody, await pool_of("desk"), lambda: datetime.now(UTC))
        transport = httpx.ASGITransport(pages)
        async with httpx.AsyncClient(transport=transport, base_url="http://desk.example") as http:
            yield http


@pytest.mark.parametrize("path", PATHS)
async def test_a_form_without_a_length_is_read_up_to_the_limit_and_no_further(
    browser: httpx.AsyncClient, path: str
) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < FORM_BYTES_MAX * 20:
            sent += 100_000
            yield b"a=" + b"x" * 99_997 + b"&"

    answer = await browser.post(path, content=endless(), headers=FORM)

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert sent <= FORM_BYTES_MAX + 200_000
    assert "content-security-policy" in answer.headers


async def test_a_form_that_comes_too_slowly_is_given_up(
    browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.kit.web.limits.Limited.__init__.__kwdefaults__", {"bytes_max": 10, "seconds": 0.05})

    async def slow() -> AsyncIterator[bytes]:
        yield b"a"
        await asyncio.sleep(30)
        yield b"b"

    async with asyncio.timeout(5):
        answer = await browser.post("/login", content=slow(), headers=FORM)

    assert answer.json()["code"] == "slow_body"


async def test_a_length_that_is_none_is_no_fault_of_ours(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/login", content=b"email=a", headers=FORM | {"content-length": "x"})

    assert answer.status_code == 403
