"""An ASGI app enters, an httpx transport leaves: the API in the same process, without a socket between.

httpx's own ASGITransport answers when the whole body is there, which a stream of events never is. This one hands each
piece on as it is sent, and tells the app when the reader has gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import httpx

Message = MutableMapping[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]

PIECES_MAX = 64  # a slow reader holds the app back instead of filling memory
GOODBYE_SECONDS = 2.0  # how long an app may take to notice that its reader has gone


class InProcess(httpx.AsyncBaseTransport):
    """Calls the app for each request. `client` is the address that the app sees as its peer."""

    def __init__(self, app: App, client: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        self._app = app
        self._client = client

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        call = _Call(body)
        task = asyncio.create_task(call.run(self._app, self._scope(request)))
        try:
            status, headers = await call.started
        except BaseException:
            task.cancel()
            raise
        return httpx.Response(status, headers=headers, stream=_Pieces(call, task), request=request)

    def _scope(self, request: httpx.Request) -> Message:
        url = request.url
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "scheme": url.scheme,
            "path": url.path,
            "raw_path": url.raw_path.partition(b"?")[0],
            "query_string": url.query,
            "server": (url.host, url.port),
            "client": self._client,
            "root_path": "",
            "state": {},
        }


class _Call:
    """One request on its way through the app."""

    def __init__(self, body: bytes) -> None:
        self.started: asyncio.Future[tuple[int, list[tuple[bytes, bytes]]]] = asyncio.get_running_loop().create_future()
        self.pieces: asyncio.Queue[bytes | None] = asyncio.Queue(PIECES_MAX)
        self.gone = asyncio.Event()
        self._body: bytes | None = body

    async def run(self, app: App, scope: Message) -> None:
        try:
            await app(scope, self._receive, self._send)
            if not self.started.done():
                self.started.set_exception(httpx.RemoteProtocolError("the app answered nothing"))
        except Exception as error:
            if self.started.done():
                raise
            self.started.set_exception(httpx.RemoteProtocolError(f"the app failed: {type(error).__name__}"))
        finally:
            if not self.gone.is_set():
                await self.pieces.put(None)

    async def _receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started.set_result((message["status"], list(message.get("headers", []))))
        elif message["type"] == "http.response.body" and message.get("body"):
            await self.pieces.put(message["body"])


class _Pieces(httpx.AsyncByteStream):
    def __init__(self, call: _Call, task: asyncio.Task[None]) -> None:
        self._call = call
        self._task = task

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (piece := await self._call.pieces.get()) is not None:
            yield piece
        await self._task

    async def aclose(self) -> None:
        self._call.gone.set()
        if self._task.done():
            return
        done, _ = await asyncio.wait({self._task}, timeout=0 if self._call.pieces.full() else GOODBYE_SECONDS)
        if not done:
            self._task.cancel()
