"""Streams, lanes and clients of the log -> [Recorded]. I/O; decoding is pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from contracts.catalogue import decode
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.subjects import LANES, lane_of, lane_of_client
from services.kit.postgres import Connection, Pool, queries

SQL = queries("services/kit/log/sql/read.sql")

STREAM_MAX = 100_000  # events of one ticket; a stream that long is an attack, not a conversation
POSITION_MAX = (1 << 63) - 1  # what PostgreSQL can compare with
NUMBER = re.compile(r"[0-9]{1,19}")
LANE_BATCH = 500  # events read from a lane at once

Reader = Connection | Pool


@dataclass(frozen=True, slots=True)
class Instant:
    """As it stood at an instant, by when things happened."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Position:
    """As it was recorded up to a position of a lane."""

    lane: int
    position: int


@dataclass(frozen=True, slots=True)
class Numbered:
    """As it was recorded up to a number of its client's sequence."""

    sequence: int


AsOf = Instant | Position | Numbered


def parse_as_of(text: str) -> AsOf:
    """Reads `<instant>` (RFC 3339, with a zone), `@<sequence>` or `@<lane>:<position>`. Raises ValueError with the
    remedy."""
    if text.startswith("@"):
        lane, colon, position = text[1:].partition(":")
        if not colon and NUMBER.fullmatch(lane) and int(lane) <= POSITION_MAX:
            return Numbered(int(lane))
        shaped = colon and NUMBER.fullmatch(lane) and NUMBER.fullmatch(position)
        if not shaped or int(lane) >= LANES or int(position) > POSITION_MAX:
            raise ValueError("as_of after @ is a position as you were told it, such as @1042 or @3:1042")
        return Position(int(lane), int(position))
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("as_of is an instant such as 2026-03-01T09:30:00Z, or @ and a position") from None
    if at.tzinfo is None:
        raise ValueError("as_of needs a time zone: put Z or +01:00 behind it")
    try:
        return Instant(at.astimezone(UTC))
    except OverflowError:
        raise ValueError("as_of lies outside the years 1 to 9999") from None


def recorded(rows: Iterable[Any]) -> list[Recorded[Event]]:
    """Rows of the read queries as events. Raises UnknownEvent where the log is newer than this program.

    Data of an older version is lifted, and `schema_version` says what it is now: who shows it names the right schema.
    The tuple is made without NamedTuple's own constructor, which would cost as much as decoding the event.
    """
    new = tuple.__new__
    found: list[Recorded[Event]] = []
    for row in rows:
        data = decode(row[8], row[9], row[16])
        found.append(new(Recorded, (*row[:9], data.schema_version, *row[10:16], data)))
    return found


async def read_stream(
    reader: Reader, stream: UUID, *, as_of: AsOf | None = None, after: int = 0
) -> list[Recorded[Event]]:
    """A stream's events after a version, in order; with `as_of` those that stood then."""
    lane = lane_of(stream)
    match as_of:
        case None:
            rows = await reader.fetch(SQL["stream"], lane, stream, after, STREAM_MAX)
        case Instant(at):
            rows = await reader.fetch(SQL["stream_as_of"], lane, stream, at, STREAM_MAX)
        case Position(of_lane, position):
            if of_lane != lane:
                raise ValueError(f"as_of names lane {of_lane}, this stream is in lane {lane}")
            rows = await reader.fetch(SQL["stream_up_to"], lane, stream, position, STREAM_MAX)
        case Numbered(sequence):
            rows = await reader.fetch(SQL["stream_up_to_sequence"], lane, stream, sequence, STREAM_MAX)
    return recorded(rows)


async def read_lane(reader: Reader, lane: int, after: int, limit: int = LANE_BATCH) -> list[Recorded[Event]]:
    """Events of a lane after a position, in order, without gaps."""
    return recorded(await reader.fetch(SQL["lane"], lane, after, limit))


async def read_client(reader: Reader, client: str, after: int, limit: int = LANE_BATCH) -> list[Recorded[Event]]:
    """Events of a client after a sequence, in order, without gaps."""
    return recorded(await reader.fetch(SQL["client"], lane_of_client(client), client, after, limit))


async def ticket_by_number(reader: Reader, client: str, number: int) -> UUID | None:
    """The stream of a client's ticket by the number in its reference."""
    found: UUID | None = await reader.fetchval(SQL["ticket_by_number"], lane_of_client(client), client, number)
    return found


async def heads(reader: Reader) -> Mapping[int, int]:
    """The last position of every lane; 0 where it is empty."""
    return {row["lane"]: row["position"] for row in await reader.fetch(SQL["heads"])}
