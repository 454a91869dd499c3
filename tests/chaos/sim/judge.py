"""A world after its last fault enters; whether it has come to rest, and what is wrong with it, leaves."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from contracts.ticket import fold
from services.kit.bus.message import MESSAGE_ID, Stored, opened
from tests.chaos.sim.database import LANES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from tests.chaos.sim.world import World


def calm(world: World) -> str | None:
    """What is still to be done; None where nothing is."""
    tables, db = world.db.tables, world.db
    for name in world.names:
        for lane in range(LANES):
            cursor = tables.cursors.get((name, lane))
            if db.head(lane) and (cursor is None or cursor.position < db.head(lane)):
                return f"{name} is at {cursor and cursor.position} of lane {lane}, which is at {db.head(lane)}"
    if any(not letter.replayed for letter in tables.letters.values()):
        return "letters wait"
    if any(cursor.waiting for cursor in tables.cursors.values()):
        return "streams wait for letters"
    ends = _stream_ends(world)
    for lane in range(LANES):
        # A lane that all had digested out of the log before the bus had any of it is not put there any more.
        if lane in ends and ends[lane] != db.head(lane):
            return f"the bus is at {ends[lane]} of lane {lane}, which is at {db.head(lane)}"
    return None


def _stream_ends(world: World) -> Counter[int]:
    ends: Counter[int] = Counter()
    for lane, position in _published(world):
        ends[lane] = max(ends[lane], position)
    return ends


def _published(world: World) -> Iterator[tuple[int, int]]:
    for message in world.bus.stream.messages if world.bus.stream else ():
        lane, _, position = message.headers[MESSAGE_ID].partition(":")
        yield int(lane), int(position)


def faults_of(world: World) -> list[str]:
    """Sentences; each names a broken promise."""
    return [*_effects(world), *_views(world), *_stream(world), *_letters(world)]


def _effects(world: World) -> Iterator[str]:
    """Each event once, and those of one stream in its order."""
    seen: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for name, lane, position in world.db.tables.effects:
        seen[name].append((lane, position))
    every = {(stored.lane, stored.position): stored for lane in world.db.log for stored in lane}
    for name in world.names:
        counted = Counter(seen[name])
        lost, doubled = every.keys() - counted.keys(), [place for place, times in counted.items() if times > 1]
        if lost:
            yield f"{name} lost {sorted(lost)}"
        if doubled:
            yield f"{name} digested twice {sorted(doubled)}"
        last: dict[UUID, int] = {}
        for place in seen[name]:
            stored = every[place]
            if stored.version <= last.get(stored.stream, 0):
                yield f"{name} digested {place} after a later event of its stream"
            last[stored.stream] = stored.version


def _views(world: World) -> Iterator[str]:
    """The tickets that were folded event by event are those of a fresh fold."""
    streams: dict[UUID, list[Stored]] = defaultdict(list)
    for lane in world.db.log:
        for stored in lane:
            streams[stored.stream].append(stored)
    fresh = {stream: fold(map(opened, events)) for stream, events in streams.items()}
    for name in world.names:
        view = {stream: row for (owner, stream), row in world.db.tables.rows.items() if owner == name}
        if view != fresh:
            yield f"{name}'s view is not what a fresh fold gives"


def _stream(world: World) -> Iterator[str]:
    """What the bus holds of a lane is a piece of it without hole, double or disorder."""
    last: dict[int, int] = {}
    for lane, position in _published(world):
        if lane in last and position != last[lane] + 1:
            yield f"the bus has {lane}:{position} after {lane}:{last[lane]}"
        last[lane] = position


def _letters(world: World) -> Iterator[str]:
    """Only what could not be digested was put aside."""
    guilty = world.blamed | world.troubles.killed
    for (lane, name, position), letter in world.db.tables.letters.items():
        if letter.stream not in guilty:
            yield f"{name} put {lane}:{position} aside, which nothing was wrong with"
