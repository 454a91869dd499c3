"""Forms of the pages come within limits of size and time, whatever they say of themselves; no session is needed."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import httpx
import pytest

from services.desk import app as desk_app
from services.desk.guard import FORM_BYTES_MAX, SESSION_COOKIE
from services.desk.sessions import Sessions
from services.desk.shapes import Agent, SignedIn
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


@pytest.mark.parametrize("command", ["do/close", "say"])
async def test_an_address_in_the_place_of_a_reference_stays_a_name(
    database: Settings, pool_of: PoolOf, command: str
) -> None:
    """What stands in a page's path reaches the API as one part of a path: no query, no other route."""
    asked: list[bytes] = []

    def api(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path)
        return httpx.Response(404, json={"code": "not_found", "detail": "there is no such ticket"})

    pool = await pool_of("desk")
    signed_in = SignedIn(token="t", agent=Agent(id=UUID(int=7), name="Aisha", level="L1"))
    sessions = Sessions(pool, secrets.token_bytes)
    cookie = await sessions.open(signed_in)
    session = await sessions.find(cookie)
    assert session is not None
    async with httpx.AsyncClient(transport=httpx.MockTransport(api), base_url="http://api.example") as http:
        pages = desk_app.build(database, http, pool, lambda: datetime.now(UTC))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(pages), base_url="http://desk.example") as browser:
            browser.cookies.set(SESSION_COOKIE, cookie)
            form = {"csrf": session.csrf, "body": "hello", "reason": "spam"}
            answer = await browser.post(f"/tickets/ACME-1%3Fas_of%3D@1:1%23x/{command}", data=form)
            await browser.get("/tickets/ACME-1%3Fas_of%3D@1:1%23x")
    assert answer.status_code == 404
    assert {path for path in asked if path.startswith(b"/api/v1/tickets")} <= {
        b"/api/v1/tickets/ACME-1%3Fas_of%3D%401%3A1%23x" + rest
        for rest in (b"", b"/events", b"/close", b"/replies", b"/events?limit=200", b"/events?limit=200&cursor=")
    }
    assert any(path.endswith((b"/close", b"/replies")) for path in asked)


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
