"""The log -> what is wrong with it: chain, positions, sequences, numbers, versions, times, heads, counters. I/O.

It reads up to the heads that it saw at its beginning, so a desk may go on writing meanwhile. The rules are in walk.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import asyncpg

from contracts.subjects import LANES
from services.kit.log.read import Reader
from services.kit.log.walk import NO_LANE, Fault, Stored, Walk
from services.kit.postgres import queries

__all__ = ["Ends", "Fault", "Head", "read_ends", "verify", "verify_lane"]

SQL = queries("services/kit/log/sql/verify.sql")

BATCH = 2_000  # events read at once

UNREADABLE: Final = (
    asyncpg.DataCorruptedError,
    asyncpg.IndexCorruptedError,
    asyncpg.InternalServerError,  # a page whose checksum is wrong, a value that can't be unpacked
    asyncpg.CharacterNotInRepertoireError,
    UnicodeDecodeError,
)
"""What a damaged row makes server or driver say."""


@dataclass(frozen=True, slots=True)
class Head:
    """A lane's last position and that event's hash."""

    position: int
    hash: bytes


@dataclass(slots=True)
class Ends:
    """What the log said of itself at one instant."""

    heads: dict[int, Head] = field(default_factory=dict)
    counters: dict[int, dict[str, tuple[int, int]]] = field(default_factory=dict)
    """{lane: {client: (last sequence, last ticket number)}}"""
    cursors: dict[tuple[int, str], int] = field(default_factory=dict)

    @property
    def events(self) -> int:
        return sum(head.position for head in self.heads.values())


async def read_ends(reader: Reader) -> Ends:
    """Heads, counters and cursors, of one instant."""
    ends = Ends()
    for row in await reader.fetch(SQL["ends"]):
        match row["kind"]:
            case "head":
                ends.heads[row["lane"]] = Head(row["first"], row["hash"])
            case "counter":
                ends.counters.setdefault(row["lane"], {})[row["name"]] = (row["first"], row["second"])
            case _:
                ends.cursors[row["lane"], row["name"]] = row["first"]
    return ends


async def verify(reader: Reader, told: Callable[[int], None] = lambda events: None) -> AsyncIterator[Fault]:
    """Every fault of the log itself, as found. A sound log yields nothing. `told` hears how many events were read."""
    ends = await read_ends(reader)
    for lane in range(LANES):
        walk = Walk(lane)
        async for fault in verify_lane(reader, walk, ends, told):
            yield fault
    for fault in [*cursor_faults(ends), *await stray_faults(reader)]:
        yield fault


async def verify_lane(
    reader: Reader, walk: Walk, ends: Ends, told: Callable[[int], None] = lambda events: None
) -> AsyncIterator[Fault]:
    """Every fault of one lane, its head and counters included. The walk remembers what it has seen."""
    head = ends.heads.get(walk.lane)
    if head is None:
        yield Fault(walk.lane, 0, "the lane has no head")
        return
    while walk.position < head.position:
        page = await _page(reader, walk, head.position)
        if page is None:
            yield Fault(walk.lane, walk.position + 1, "it can't be read: the row is damaged")
            walk.skip(walk.position + 1)
            continue
        if not page:
            break
        for event in page:
            for fault in walk.step(event):
                yield fault
        told(len(page))
    for fault in [*walk.end(head.position, head.hash), *counter_faults(walk, ends.counters.get(walk.lane, {}))]:
        yield fault


async def _page(reader: Reader, walk: Walk, upto: int) -> list[Stored] | None:
    """The next events. Before one that can't be read the page ends; None where that one is the next."""
    size = BATCH
    while size:
        try:
            return [stored(row) for row in await reader.fetch(SQL["raw"], walk.lane, walk.position, upto, size)]
        except UNREADABLE:
            size //= 2
    return None


def stored(row: Any) -> Stored:
    """A row of the query `raw`."""
    signed = int.from_bytes(row[13], "big", signed=True), int.from_bytes(row[14], "big", signed=True)
    return Stored._make((*row[:13], *signed, *row[15:]))


def counter_faults(walk: Walk, counters: Mapping[str, tuple[int, int]]) -> list[Fault]:
    """Where the counters, from which the next sequence and number are given, are not what the events say."""
    counted = {client: (sequence, walk.numbers.get(client, 0)) for client, sequence in walk.sequences.items()}
    faults = []
    for client in sorted(counted.keys() | counters.keys()):
        says, is_ = counters.get(client, (0, 0)), counted.get(client, (0, 0))
        if says != is_:
            what = f"the counters of {client} are at sequence {says[0]} and ticket {says[1]}, its events at {is_[0]}"
            faults.append(Fault(walk.lane, walk.position, f"{what} and {is_[1]}"))
    return faults


def cursor_faults(ends: Ends) -> list[Fault]:
    """Consumers that claim to have seen what the log does not hold."""
    return [
        Fault(lane, position, f"the cursor of {consumer} is beyond the lane's head")
        for (lane, consumer), position in sorted(ends.cursors.items())
        if lane not in ends.heads or position > ends.heads[lane].position
    ]


async def stray_faults(reader: Reader) -> list[Fault]:
    """Events that stand where no lane reaches. A damaged page anywhere may hide them."""
    try:
        strays = await reader.fetch(SQL["strays"])
    except UNREADABLE:
        what = "whether events stand beyond the lanes' heads can't be told: a page of the log is damaged"
        return [Fault(NO_LANE, 0, what)]
    return [
        Fault(row["lane"], row["position"], "the event stands beyond its lane's head, or in no lane") for row in strays
    ]
