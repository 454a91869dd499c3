"""Lanes of a consumer enter; what follows their cursors leaves: from the bus if it came, else from the log. I/O."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

from nats.aio.msg import Msg

from services.kit.bus.digest import Share
from services.kit.bus.lane import Lane
from services.kit.bus.message import BODY, IN_LOG, TRACEPARENT, NotAnEvent, Stored, decoded, is_known, stored_of
from services.kit.log.read import SQL as READ
from services.kit.postgres import Pool
from services.kit.telemetry import log_message

LOG = logging.getLogger("daybook.consumer")

TOGETHER_MAX = 1_000  # events of all lanes in one transaction
LANE_BYTES_MAX = 8_000_000  # of one lane, read from the log at once; an event may be 2 MB

Found = list[tuple[Stored, str | None]]
"""Events that follow each other without a hole, and under which span each was sent."""


class Unreadable(NamedTuple):
    """The event after a cursor that cannot be decoded, and why."""

    stored: Stored
    error: ValueError | KeyError


async def following(pool: Pool, consumer: str, lanes: Sequence[Lane[Msg]], lane_max: int) -> dict[int, Found]:
    """What these lanes have next, by lane. Those that the bus has left behind share one look into the log."""
    room = TOGETHER_MAX
    found: dict[int, Found] = {}
    missing: list[Lane[Msg]] = []
    for lane in lanes:
        came = _came(lane, min(lane_max, room), consumer)
        if came:
            found[lane.number] = came
            room -= len(came)
        elif lane.kept or lane.behind:
            missing.append(lane)
    if missing and room > 0:
        chosen, limit = dealt(missing, room, lane_max)
        found |= await _logged(pool, chosen, limit)
    return dict(sorted(found.items()))


def dealt(lanes: Sequence[Lane[Msg]], room: int, lane_max: int) -> tuple[list[Lane[Msg]], int]:
    """Lanes to be read from the log, and how many events of each at most. Pure.

    All of them, where they fit; else a few, a long piece of each, because most handlers work lane by lane: then those
    that have waited longest come first.
    """
    if sum(max(1, lane.head - lane.cursor) for lane in lanes) <= room:
        return list(lanes), max(1, min(lane_max, room // len(lanes)))
    first = sorted(lanes, key=lambda lane: (lane.read, lane.number))
    limit = min(lane_max, room)
    return sorted(first[: max(1, room // limit)], key=lambda lane: lane.number), limit


def _came(lane: Lane[Msg], limit: int, consumer: str) -> Found:
    found: Found = []
    for message in lane.next_messages(limit):
        headers = message.headers or {}
        if headers.get(BODY) == IN_LOG:
            break
        try:
            stored = stored_of(headers, message.data)
        except NotAnEvent:
            log_message(LOG, "not_an_event", logging.ERROR, consumer=consumer, lane=lane.number)
            break
        found.append((stored, headers.get(TRACEPARENT)))
    return found


async def _logged(pool: Pool, lanes: Sequence[Lane[Msg]], limit: int) -> dict[int, Found]:
    numbers, cursors = [lane.number for lane in lanes], [lane.cursor for lane in lanes]
    rows = await pool.fetch(READ["window"], numbers, cursors, limit, LANE_BYTES_MAX)
    found: dict[int, Found] = {}
    for stored in map(Stored._make, rows):
        found.setdefault(stored.lane, []).append((stored, stored.trace))
    for lane in lanes:
        read = found.get(lane.number, ())
        lane.behind = len(read) == limit or sum(len(stored.payload) for stored, _ in read) >= LANE_BYTES_MAX
        lane.read += 1
        if not read:
            lane.kept.clear()  # the log has nothing there, so these messages are of another history
    return found


def share_of(found: Sequence[tuple[Stored, str | None]], ignores: Callable[[Stored], bool]) -> Share | Unreadable:
    """What comes before the first event that cannot be decoded; or that one, where nothing does. Pure.

    What the handler ignores is not decoded, unless it is of a newer program: that one may not ignore it.
    """
    wanted = [stored for stored, _ in found if not (ignores(stored) and is_known(stored))]
    events, error = decoded(wanted)
    if error is not None:
        bad = wanted[len(events)]
        found = [(stored, parent) for stored, parent in found if stored.position < bad.position]
        if not found:
            return Unreadable(bad, error)
    seen = {event.position for event in events}
    return Share(
        lane=found[0][0].lane,
        after=found[0][0].position - 1,
        upto=found[-1][0].position,
        events=events,
        parents=[parent for stored, parent in found if stored.position in seen],
        ignored=[stored.type for stored, _ in found if stored.position not in seen],
        occurred_at=max(stored.occurred_at for stored, _ in found),
        recorded_at=found[-1][0].recorded_at,
    )
