"""GET /stream: signals of the queue, as they come. I/O. It only says which ticket changed."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Annotated

from fastapi import FastAPI, Header, Request, Response
from starlette.responses import StreamingResponse

from services.kit.access import Caller
from services.kit.web.problem import Problem
from services.reporting.admitted import while_admitted
from services.reporting.feed import Lost, Signal
from services.reporting.opened import dump
from services.reporting.telling import Ids

if TYPE_CHECKING:
    from services.reporting.edge import Edge

BEAT_SECONDS = 10.0  # a page takes the connection for lost after three of them
RETRY_MS = 1_000
SSE = "text/event-stream"
HEADERS = {"x-accel-buffering": "no"}
RETRY = {"retry-after": "5"}
BEAT = b": beat\n\n"
SILENCE = b": no news can be told\n\n"  # keeps proxies from closing the connection, and tells no page that all is well


def add_stream_routes(app: FastAPI, edge: Edge) -> None:
    @app.get("/stream", responses={200: {"content": {SSE: {}}}})
    async def stream(
        request: Request, caller: Caller, last_event_id: Annotated[str | None, Header()] = None
    ) -> Response:
        """Which tickets change, told once the queue shows them: `event: queue`, or `event: reset` for: read anew."""
        if not edge.feed.has_room_for(caller.id):
            raise Problem("busy", "as many live screens are open as one token, or this desk, may have", headers=RETRY)
        signals = _signals(edge, caller.clients, last_event_id, caller.id)
        return StreamingResponse(while_admitted(request, signals), media_type=SSE, headers=HEADERS)


async def _signals(
    edge: Edge, clients: frozenset[str] | None, last: str | None, token: str = ""
) -> AsyncGenerator[bytes]:
    feed, ids = edge.feed, Ids(edge.secret)
    after = ids.read(last, clients) if last else None
    with feed.watch(clients, token) as watcher:
        yield f"retry: {RETRY_MS}\n\n".encode()
        if after is not None:
            for signal in watcher.concerning(await feed.between(after, watcher.since, clients)):
                yield _signal(signal, ids, clients)
        while True:
            signals = await watcher.next(BEAT_SECONDS)
            if signals:
                yield b"".join(_signal(signal, ids, clients) for signal in signals)
            elif feed.looks:  # a beat says: you would hear of a change. A feed that sees none must not say so.
                yield BEAT
            else:
                yield SILENCE


def _signal(signal: Signal | Lost, ids: Ids, clients: frozenset[str] | None) -> bytes:
    identifier = ids.write(signal.at, clients).encode()
    if isinstance(signal, Lost):
        return b"id: %b\nevent: reset\ndata: {}\n\n" % identifier
    data: dict[str, object] = {"reference": signal.reference, "client": signal.client, "kind": signal.kind}
    if clients is None:  # the ids' reason (telling.py): a lane's position says how much the neighbours do
        data = {"lane": signal.lane, "position": signal.position, **data}
    return b"id: %b\nevent: queue\ndata: %b\n\n" % (identifier, dump(data))
