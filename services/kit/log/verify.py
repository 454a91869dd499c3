"""The log -> what is wrong with it. Recomputes chain, positions, sequences, versions and times. I/O.

It reads by lane and holds one batch and one number a stream and client, so its memory grows with streams, not events.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from contracts.envelope import chain_hash, head_bytes, microseconds
from contracts.subjects import LANES, lane_of, lane_of_client
from services.kit.log.read import Reader
from services.kit.postgres import queries

SQL = queries("services/kit/log/sql/verify.sql")

BATCH = 2_000  # events read at once
GENESIS = bytes(32)
"""What the first event of a lane is chained to."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that must not be: where it stands and what is wrong, in a sentence."""

    lane: int
    position: int
    what: str


@dataclass(slots=True)
class Walk:
    """What a lane's reader remembers between two events."""

    position: int = 0
    hash: bytes = GENESIS
    recorded_at: datetime | None = None
    sequences: dict[str, int] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    streams: dict[UUID, tuple[int, datetime]] = field(default_factory=dict)


async def verify(reader: Reader) -> AsyncIterator[Fault]:
    """Every fault of every lane, as found. A sound log yields nothing."""
    for lane in range(LANES):
        async for fault in verify_lane(reader, lane):
            yield fault


async def verify_lane(reader: Reader, lane: int) -> AsyncIterator[Fault]:
    """Every fault of one lane, its head included."""
    head = await reader.fetchrow(SQL["head"], lane)
    if head is None:
        yield Fault(lane, 0, "the lane has no head")
        return
    walk = Walk()
    while walk.position < head["position"]:
        rows = await reader.fetch(SQL["raw"], lane, walk.position, head["position"], BATCH)
        if not rows:
            yield Fault(lane, walk.position + 1, f"events up to {head['position']} are missing")
            return
        for row in rows:
            for what in _step(walk, row):
                yield Fault(lane, row["position"], what)
    if walk.hash != head["hash"]:
        yield Fault(lane, walk.position, "the lane's head has another hash than its last event")


def _step(walk: Walk, row: Any) -> list[str]:
    """Compares one event with what came before it, and goes on from what the event says."""
    faults = [*_order_faults(walk, row), *_stream_faults(walk, row)]
    expected = recompute(walk.hash, row)
    if expected != row["hash"]:
        faults.append("its bytes are not those that were chained")
    walk.position, walk.hash, walk.recorded_at = row["position"], row["hash"], row["recorded_at"]
    walk.sequences[row["client"]] = row["sequence"]
    walk.streams[row["stream"]] = (row["version"], row["occurred_at"])
    if row["number"] is not None:
        walk.numbers[row["client"]] = row["number"]
    return faults


def _order_faults(walk: Walk, row: Any) -> list[str]:
    client, faults = row["client"], []
    if row["position"] != walk.position + 1:
        faults.append(f"position {walk.position + 1} is missing")
    if row["sequence"] != walk.sequences.get(client, 0) + 1:
        faults.append(f"sequence {row['sequence']} of {client} follows {walk.sequences.get(client, 0)}")
    if row["number"] is not None and row["number"] != walk.numbers.get(client, 0) + 1:
        faults.append(f"ticket number {row['number']} of {client} follows {walk.numbers.get(client, 0)}")
    if lane_of_client(client) != row["lane"] or lane_of(row["stream"]) != row["lane"]:
        faults.append("client or stream belongs to another lane")
    if walk.recorded_at is not None and row["recorded_at"] < walk.recorded_at:
        faults.append("it was recorded before the event before it")
    return faults


def _stream_faults(walk: Walk, row: Any) -> list[str]:
    version, occurred_at = walk.streams.get(row["stream"], (0, row["occurred_at"]))
    faults = []
    if row["version"] != version + 1:
        faults.append(f"version {row['version']} of its stream follows {version}")
    if row["occurred_at"] < occurred_at:
        faults.append("it happened before the event before it in its stream")
    return faults


def recompute(previous: bytes, row: Any) -> bytes:
    """The hash that a stored event must have behind `previous`."""
    head = head_bytes(
        event_id=row["id"],
        client=row["client"],
        stream=row["stream"],
        version=row["version"],
        event_type=row["type"],
        schema_version=row["schema_version"],
        actor=row["actor"],
        causation=row["causation"],
        origin=row["origin"],
        trace=row["trace"],
    )
    return chain_hash(
        previous,
        head,
        position=row["position"],
        sequence=row["sequence"],
        number=row["number"],
        occurred_us=microseconds(row["occurred_at"]),
        recorded_us=microseconds(row["recorded_at"]),
        payload=row["payload"],
    )
