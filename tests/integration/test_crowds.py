"""More than a process can carry is refused by name, and whoever is inside goes on."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import orjson
import pytest
from starlette.types import Receive, Scope, Send
from uuid_utils.compat import uuid7

from contracts.people import Role
from services.desk.asgi import InProcess
from services.kit.access.tokens import NewToken, make_token
from services.kit.settings import Settings
from services.kit.web.crowd import Crowd, connections_max
from services.reporting import feed
from services.reporting.app import open_app
from tests.conftest import PoolOf


class Slow:
    """An app whose answers begin, and end, when they are let."""

    def __init__(self) -> None:
        self.begin, self.end = asyncio.Event(), asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/fault":
            raise KeyError("fault")
        await self.begin.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await self.end.wait()
        await send({"type": "http.response.body", "body": b"done"})


async def test_beyond_so_many_requests_the_next_is_told_to_come_again() -> None:
    app = Slow()
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(Crowd(app, requests_max=2), raise_app_exceptions=False), base_url="http://desk"
    ) as http:
        inside = [asyncio.create_task(http.get("/")) for _ in range(2)]
        await asyncio.sleep(0)
        while (refused := await http.get("/fault")).status_code == 500:
            await asyncio.sleep(0)
        assert (refused.status_code, refused.json()["code"]) == (503, "busy")
        assert refused.headers["retry-after"] == "2"

        app.begin.set()  # what has begun to answer works nobody: a stream may go on for hours
        while (await http.get("/fault")).status_code == 503:
            await asyncio.sleep(0)
        app.end.set()
        assert [answer.status_code for answer in await asyncio.gather(*inside)] == [200, 200]
        for _ in range(5):
            assert (await http.get("/fault")).status_code == 500  # a fault gives its place back too


def test_the_server_holds_no_more_connections_than_files_may_be_open() -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert connections_max(50) == 50
    assert 200 <= connections_max(300) <= 300
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= soft


@pytest.mark.parametrize(("limit", "who"), [("WATCHERS_MAX", "everybody"), ("WATCHERS_OF_ONE_MAX", "one")])
async def test_a_screen_too_many_hears_so_at_once(
    database: Settings, pool_of: PoolOf, monkeypatch: pytest.MonkeyPatch, limit: str, who: str
) -> None:
    monkeypatch.setattr(feed, limit, 2)
    intake = await pool_of("intake")
    tokens = [await make_token(intake, NewToken(id=uuid7(), name="t", role=Role.AGENT)) for _ in range(2)]
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(open_app(database))
        http = await stack.enter_async_context(httpx.AsyncClient(transport=InProcess(app), base_url="http://desk"))

        async def watch(token: str) -> httpx.Response:
            headers = {"authorization": f"Bearer {token}"}
            return await http.send(http.build_request("GET", "/api/v1/stream", headers=headers), stream=True)

        watching = [await watch(tokens[0]) for _ in range(2)]
        pieces: list[AsyncIterator[bytes]] = [answer.aiter_bytes() for answer in watching]
        assert all([await anext(each) for each in pieces])
        refused = await watch(tokens[0])
        assert (refused.status_code, orjson.loads(await refused.aread())["code"]) == (503, "busy")
        other = await watch(tokens[1])
        assert other.status_code == (503 if who == "everybody" else 200)
        for answer in (*watching, other):
            await answer.aclose()
        async with asyncio.timeout(30):
            while (again := await watch(tokens[0])).status_code != 200:
                await again.aclose()
                await asyncio.sleep(0.05)
        await again.aclose()
