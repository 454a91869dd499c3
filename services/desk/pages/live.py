"""Reporting's stream enters, the same signals leave to one browser: which ticket changed, never what is in it.

A signal only tells the page to ask again, so a lost one costs nothing: the page asks again anyway when the connection
comes back. The agent's token stays on this side.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.desk.api import ApiAway, ApiProblem
from services.desk.visit import Desk, Visit

UPSTREAM_BEAT = ": beat"  # each ten seconds; the browser takes the connection for lost after three that it missed
BEAT = "event: beat\ndata: \n\n"
RETRY_MS = 1000
SIGNALS = {"queue", "reset"}
STREAM_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/live")
    async def live(request: Request) -> Response:
        visit = await desk.visit(request)
        upstream = await _open(visit, request.headers.get("last-event-id"))
        return StreamingResponse(_relay(upstream), media_type="text/event-stream", headers=STREAM_HEADERS)

    return router


async def _open(visit: Visit, last: str | None) -> httpx.Response:
    """The stream in this agent's name. Raises ApiProblem for a token that ended, ApiAway where nobody answers."""
    headers = visit.api.headers | {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
    timeout = httpx.Timeout(10, read=None)
    http = visit.api.http
    try:
        upstream = await http.send(
            http.build_request("GET", "/api/v1/stream", headers=headers, timeout=timeout), stream=True
        )
    except httpx.TransportError as error:
        raise ApiAway("the stream") from error
    if upstream.is_error:
        await upstream.aclose()
        raise (
            ApiProblem(401, "signed_out", "Sign in again.", {})
            if upstream.status_code == 401
            else ApiAway("the stream")
        )
    return upstream


async def _relay(upstream: httpx.Response) -> AsyncIterator[str]:
    """Hands each signal and each beat on; ends when the other side ends. No beat is made here: it says that a change
    would be heard of, which only the other side knows."""
    try:
        yield f"retry: {RETRY_MS}\n{BEAT}"
        async for signal in _signals(upstream):
            yield signal
    except httpx.TransportError:
        return
    finally:
        await upstream.aclose()


async def _signals(upstream: httpx.Response) -> AsyncIterator[str]:
    """Each `queue` event, each `reset` (so much was missed that all is read anew), and each beat."""
    block: list[str] = []
    async for line in upstream.aiter_lines():
        if line:
            block.append(line)
            continue
        if block == [UPSTREAM_BEAT]:
            yield BEAT
        if SIGNALS & {part.removeprefix("event:").strip() for part in block if part.startswith("event:")}:
            yield "\n".join(block) + "\n\n"
        block = []
