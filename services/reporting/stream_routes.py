"""GET /stream and GET /events: signals of the queue, and a client's events, as they come. I/O.

The stream only says which ticket changed. The events are those of one client by its contiguous sequence, as lines of
JSON or as server-sent events that go on; they are sealed for a token without the `personal` scope.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING, Annotated

from fastapi import FastAPI, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import StreamingResponse

from contracts.model import ClientId
from services.kit.access import Caller, Principal
from services.kit.log.read import read_client
from services.kit.web.problem import Problem
from services.reporting.admitted import while_admitted
from services.reporting.asked import BIGINT_MAX, LIMIT, Limit
from services.reporting.feed import Lost, Signal
from services.reporting.opened import dump, feed_opened
from services.reporting.telling import Ids
from services.reporting.ticket_shape import cloud_event

if TYPE_CHECKING:
    from services.reporting.edge import Edge

BEAT_SECONDS = 10.0  # a page takes the connection for lost after three of them
RETRY_MS = 1_000
NDJSON = "application/x-ndjson"
SSE = "text/event-stream"
HEADERS = {"x-accel-buffering": "no"}
BEAT = b": beat\n\n"
SILENCE = b": no news can be told\n\n"  # keeps proxies from closing the connection, and tells no page that all is well
SEQUENCE_DIGITS = 19


class EventParameters(BaseModel):
    model_config = ConfigDict(extra="forbid")

    client: ClientId | None = Field(None, description="needed where the token is for more than one client")
    after: int = Field(0, ge=0, le=BIGINT_MAX, description="the sequence of the last event that you have")
    limit: Limit = LIMIT


def add_stream_routes(app: FastAPI, edge: Edge) -> None:
    @app.get("/stream", responses={200: {"content": {SSE: {}}}})
    async def stream(
        request: Request, caller: Caller, last_event_id: Annotated[str | None, Header()] = None
    ) -> Response:
        """Which tickets change, told once the queue shows them: `event: queue`, or `event: reset` for: read anew."""
        signals = _signals(edge, caller.clients, last_event_id)
        return StreamingResponse(while_admitted(request, signals), media_type=SSE, headers=HEADERS)

    @app.get("/events", responses={200: {"content": {NDJSON: {}, SSE: {}}}})
    async def events(
        request: Request,
        caller: Caller,
        given: Annotated[EventParameters, Query()],
        accept: Annotated[str, Header()] = NDJSON,
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> Response:
        """A client's events after a sequence, as CloudEvents: lines of JSON, or with Accept: text/event-stream a stream
        that goes on."""
        client = _one_client(given.client, caller)
        after = _sequence(last_event_id) if last_event_id else given.after
        if SSE in accept:
            following = while_admitted(request, _followed(edge, caller, client, after))
            return StreamingResponse(following, media_type=SSE, headers=HEADERS)
        lines = [line async for _, line in _lines(edge, caller, client, after, given.limit)]
        return Response(b"".join(line + b"\n" for line in lines), media_type=NDJSON)


def _one_client(client: str | None, caller: Principal) -> str:
    if client is None:
        if caller.clients is None or len(caller.clients) != 1:
            raise Problem("missing_field", "client: name the client whose events you want", field="client")
        (client,) = caller.clients
    if not caller.may_see(client):
        raise Problem("not_found", f"there is no client {client}")
    return client


def _sequence(text: str) -> int:
    """The sequence that a receiver had last. Raises Problem for what cannot be one."""
    if len(text) > SEQUENCE_DIGITS or not (text.isascii() and text.isdecimal()) or int(text) > BIGINT_MAX:
        raise Problem("invalid_field", "Last-Event-ID is not a sequence of ours: leave it out", field="last-event-id")
    return int(text)


async def _signals(edge: Edge, clients: frozenset[str] | None, last: str | None) -> AsyncGenerator[bytes]:
    feed, ids = edge.feed, Ids(edge.secret)
    after = ids.read(last, clients) if last else None
    with feed.watch(clients) as watcher:
        yield f"retry: {RETRY_MS}\n\n".encode()
        if after is not None:
            for signal in watcher.concerning(await feed.between(after, watcher.since)):
                yield _signal(signal, ids.write(signal.at, clients))
        while True:
            signals = await watcher.next(BEAT_SECONDS)
            if signals:
                yield b"".join(_signal(signal, ids.write(signal.at, clients)) for signal in signals)
            elif feed.looks:  # a beat says: you would hear of a change. A feed that sees none must not say so.
                yield BEAT
            else:
                yield SILENCE


def _signal(signal: Signal | Lost, identifier: str) -> bytes:
    if isinstance(signal, Lost):
        return b"id: %b\nevent: reset\ndata: {}\n\n" % identifier.encode()
    data = {
        "lane": signal.lane,
        "position": signal.position,
        "reference": signal.reference,
        "client": signal.client,
        "kind": signal.kind,
    }
    return b"id: %b\nevent: queue\ndata: %b\n\n" % (identifier.encode(), dump(data))


async def _followed(edge: Edge, caller: Principal, client: str, after: int) -> AsyncGenerator[bytes]:
    with edge.feed.watch(frozenset({client})) as watcher:
        yield f"retry: {RETRY_MS}\n\n".encode()
        while True:
            told = False
            async for sequence, line in _lines(edge, caller, client, after, LIMIT):
                after, told = sequence, True
                yield b"id: %d\nevent: event\ndata: %b\n\n" % (sequence, line)
            if not told and not await watcher.next(BEAT_SECONDS):
                yield BEAT


async def _lines(
    edge: Edge, caller: Principal, client: str, after: int, limit: int
) -> AsyncIterator[tuple[int, bytes]]:
    """(sequence, JSON) of a client's next events."""
    events = await read_client(edge.pool, client, after, limit)
    shown = [cloud_event(event) for event in events]
    if feed_opened(caller):
        shown = await edge.vault.open_json(shown)
    for event, item in zip(events, shown, strict=True):
        yield event.sequence, dump(item)
