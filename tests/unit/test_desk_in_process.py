"""The API in the same process: pieces come as they are sent, and the app learns that its reader has gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from services.desk.asgi import InProcess

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


def client(app: Callable[[Any, Receive, Send], Awaitable[None]]) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=InProcess(app), base_url="http://desk")


async def test_the_first_piece_is_there_before_the_last_is_sent() -> None:
    may_end = asyncio.Event()

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"first ", "more_body": True})
        await may_end.wait()
        await send({"type": "http.response.body", "body": b"last"})

    async with client(app) as http, http.stream("GET", "/stream") as response:
        pieces = response.aiter_bytes()
        assert await anext(pieces) == b"first "
        may_end.set()
        assert await anext(pieces) == b"last"


async def test_the_app_is_told_when_its_reader_has_gone() -> None:
    gone = asyncio.Event()

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await receive()
        assert (await receive())["type"] == "http.disconnect"
        gone.set()

    async with client(app) as http, http.stream("GET", "/stream"):
        assert not gone.is_set()
    await asyncio.wait_for(gone.wait(), 1)


async def test_an_app_that_does_not_listen_is_ended() -> None:
    ended = asyncio.Event()

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
        finally:
            ended.set()

    async with client(app) as http, http.stream("GET", "/stream") as response:
        await anext(response.aiter_raw())
    await asyncio.wait_for(ended.wait(), 5)


async def test_query_body_and_headers_arrive_as_they_were_sent() -> None:
    async def app(scope: Any, receive: Receive, send: Send) -> None:
        message = await receive()
        assert scope["query_string"] == b"as_of=2026-11-22T10%3A00%3A00%2B00%3A00"
        assert (b"authorization", b"Bearer t") in scope["headers"]
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": message["body"]})

    async with client(app) as http:
        asked = {"as_of": "2026-11-22T10:00:00+00:00"}
        response = await http.post("/x", params=asked, content=b"{}", headers={"Authorization": "Bearer t"})
    assert (response.status_code, response.content) == (201, b"{}")


async def test_an_app_that_fails_is_a_broken_connection_and_no_answer() -> None:
    async def app(scope: Any, receive: Receive, send: Send) -> None:
        raise ValueError("broken")

    async with client(app) as http:
        with pytest.raises(httpx.RemoteProtocolError):
            await http.get("/x")
