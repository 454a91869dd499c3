"""GET /events: the log for other programs, from any place on, for ever. I/O.

One page of lines of JSON, or with `follow` lines that go on, or with Accept: text/event-stream server-sent events that
go on. What is read ahead of a slow reader is bounded (services/reporting/merge.py); a connection that takes nothing
holds that, and no more. Personal text is opened piece by piece as it leaves, for a token with the `personal` scope.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

from fastapi import FastAPI, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import StreamingResponse

from contracts.catalogue import EVENTS
from contracts.envelope import Recorded
from contracts.model import ClientId, Event, Word
from services.kit.access import Caller, Principal
from services.kit.log.places import NOW, PLACE_CHARACTERS_MAX, read_place, write_place
from services.kit.log.select import Source, Wanted, at_head
from services.kit.web.problem import Problem
from services.reporting.admitted import while_admitted
from services.reporting.merge import Merge
from services.reporting.opened import dump, feed_opened
from services.reporting.ticket_shape import cloud_event

if TYPE_CHECKING:
    from services.reporting.edge import Edge, Following
    from services.reporting.readers import HttpReader

CLIENTS_MAX: Final = 100  # followed at once by one reader; more of them are read one by one
BEAT_SECONDS = 10.0  # a connection that is silent for longer is closed by proxies on the way
RETRY_MS: Final = 1_000
PAGE: Final = 200
PAGE_MAX: Final = 1_000
PAGE_BYTES_MAX: Final = 4_000_000  # of JSON; a page ends with the line that goes beyond
PIECE_BYTES: Final = 16_000  # of a stream, opened and handed to the connection at once
NDJSON: Final = "application/x-ndjson"
SSE: Final = "text/event-stream"
HEADERS: Final = {"x-accel-buffering": "no"}
NEXT: Final = "daybook-next"
FAMILIES: Final = frozenset(name.partition(".")[0] for name in EVENTS)

EventType = Annotated[str, StringConstraints(max_length=80)]
Line = Callable[[bytes, str], bytes]
"""(JSON of an event, place behind it) -> what is sent for it."""


class EventParameters(BaseModel):
    model_config = ConfigDict(extra="forbid")

    client: ClientId | None = Field(None, description="one client; without it every client that the token may see")
    after: Annotated[str, StringConstraints(max_length=PLACE_CHARACTERS_MAX)] = Field(
        "beginning",
        description="where to go on: `beginning`, `now`, a client's `sequence`, or the `cursor` of the last event",
    )
    type: list[EventType] = Field(
        [], max_length=50, description="only these types, such as ticket.resolved, or families, such as ticket"
    )
    category: list[Word] = Field(
        [], max_length=50, description="only events of tickets that were in one of these categories at that event"
    )
    follow: bool = Field(False, description="lines go on as events come; an empty line says that all is well")
    limit: int = Field(PAGE, ge=1, le=PAGE_MAX, description="of a page")


class Reading(NamedTuple):
    """Who reads what, from where."""

    caller: Principal
    clients: tuple[str, ...] | None
    sources: Sequence[Source]
    wanted: Wanted


def add_event_routes(app: FastAPI, edge: Edge, following: Following) -> None:
    @app.get("/events", responses={200: {"content": {NDJSON: {}, SSE: {}}}})
    async def events(
        request: Request,
        caller: Caller,
        given: Annotated[EventParameters, Query()],
        accept: Annotated[str, Header()] = NDJSON,
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> Response:
        """Events as CloudEvents from any place on: a page of lines (`Daybook-Next` tells where the next one begins),
        lines that go on, or server-sent events that go on from Last-Event-ID."""
        reading = await _reading(edge, caller, given, last_event_id)
        if SSE in accept:
            return _stream(edge, following, request, reading, SSE)
        if given.follow:
            return _stream(edge, following, request, reading, NDJSON)
        return await _page(edge, following, reading, given.limit)


async def _reading(edge: Edge, caller: Principal, given: EventParameters, last_event_id: str | None) -> Reading:
    clients = _clients(given.client, caller)
    wanted = Wanted(_types(given.type), tuple(given.category) or None)
    text, field = (last_event_id, "last-event-id") if last_event_id else (given.after, "after")
    sources = read_place("" if text == NOW else text, clients)
    if sources is None:
        raise Problem(
            "invalid_field", "this is no place of ours: give what you were last given, beginning or now", field=field
        )
    if text == NOW:
        sources = await at_head(edge.following(caller), sources)
    return Reading(caller, clients, sources, wanted)


def _clients(client: str | None, caller: Principal) -> tuple[str, ...] | None:
    """The clients that are read; None: all lanes."""
    if client is not None:
        if not caller.may_see(client):
            raise Problem("not_found", f"there is no client {client}")
        return (client,)
    if caller.clients is None:
        return None
    if len(caller.clients) > CLIENTS_MAX:
        raise Problem(
            "missing_field", f"the token is for more than {CLIENTS_MAX} clients: name the one you want", field="client"
        )
    return tuple(sorted(caller.clients))


def _types(given: Sequence[str]) -> tuple[str, ...] | None:
    for name in given:
        if name not in EVENTS and name not in FAMILIES:
            raise Problem(
                "invalid_field", f"there is no event of type {name}: contracts/asyncapi.yaml has all", field="type"
            )
    return tuple(given) or None


async def _page(edge: Edge, following: Following, reading: Reading, limit: int) -> Response:
    merge = Merge(edge.following(reading.caller), reading.sources, reading.wanted)
    lines: list[bytes] = []
    size = 0
    while len(lines) < limit and size < PAGE_BYTES_MAX and (event := await merge.next()) is not None:
        lines.append(await _json(edge, reading, event, write_place(merge.sources)) + b"\n")
        size += len(lines[-1])
    following.readers.seen(reading.caller, reading.clients, merge.sources, len(lines))
    return Response(b"".join(lines), media_type=NDJSON, headers={NEXT: write_place(merge.sources)})


def _stream(edge: Edge, following: Following, request: Request, reading: Reading, media_type: str) -> Response:
    reader = following.readers.opened(reading.caller, reading.clients, reading.sources)
    pieces = while_admitted(request, _followed(edge, following, reading, reader, media_type))
    ended = partial(following.readers.closed, reader)
    return _Stream(pieces, media_type=media_type, headers=HEADERS, ended=ended)


class _Stream(StreamingResponse):
    """Tells when it is over, however it ends."""

    def __init__(self, *given: Any, ended: Callable[[], object], **named: Any) -> None:
        super().__init__(*given, **named)
        self._ended = ended

    async def __call__(self, *given: Any) -> None:
        try:
            await super().__call__(*given)
        finally:
            self._ended()


async def _followed(
    edge: Edge, following: Following, reading: Reading, reader: HttpReader, media_type: str
) -> AsyncGenerator[bytes]:
    """Everything that is there and that comes, in pieces; a beat where nothing does, with the place."""
    merge = Merge(edge.following(reading.caller), reading.sources, reading.wanted)
    lanes = {source.lane for source in reading.sources}
    line = _sse if media_type == SSE else _line
    if media_type == SSE:
        yield f"retry: {RETRY_MS}\n\n".encode()
    told = monotonic()
    while True:
        known = following.growth.heads
        async for piece, count in _pieces(edge, reading, merge, line):
            yield piece
            told = monotonic()
            following.readers.told(reader, merge.sources, count)
        following.readers.told(reader, merge.sources, 0)
        # By the clock, not by silence: a lane's other clients must be neither heard in it nor able to drown it.
        if monotonic() - told >= BEAT_SECONDS:
            yield line(b"", write_place(merge.sources))
            told = monotonic()
        await following.growth.beyond(known, lanes, told + BEAT_SECONDS - monotonic())
        merge.grown()


async def _pieces(edge: Edge, reading: Reading, merge: Merge, line: Line) -> AsyncIterator[tuple[bytes, int]]:
    """What is there now, gathered into pieces, with the number of events in each."""
    piece, count = b"", 0
    while (event := await merge.next()) is not None:
        place = write_place(merge.sources)
        piece += line(await _json(edge, reading, event, place), place)
        count += 1
        if len(piece) >= PIECE_BYTES:
            yield piece, count
            piece, count = b"", 0
    if piece:
        yield piece, count


async def _json(edge: Edge, reading: Reading, event: Recorded[Event], place: str) -> bytes:
    shown = cloud_event(event)
    if reading.clients is None or len(reading.clients) > 1:
        shown["cursor"] = place
    return dump(await edge.vault.open_json(shown) if feed_opened(reading.caller) else shown)


def _line(content: bytes, _: str) -> bytes:
    return content + b"\n"


def _sse(content: bytes, place: str) -> bytes:
    if not content:  # moves a reader on over what its filters have left out, and dispatches nothing
        return b": beat\nid: %b\n\n" % place.encode()
    return b"id: %b\nevent: event\ndata: %b\n\n" % (place.encode(), content)
