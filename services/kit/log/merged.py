"""A place in every lane enters; the events that follow leave, all lanes in one order: live and in replay the same. I/O.

The order is (recorded_at, lane, position). It ends at the lowest lane's watermark, before which nothing can come in any
more; the relay's beat moves the watermark of a lane that is silent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from contracts.envelope import Recorded
from contracts.model import Event
from contracts.subjects import LANES
from services.kit.log.read import Reader, recorded
from services.kit.postgres import queries

SQL = queries("services/kit/log/sql/merged.sql")

BEAT_SECONDS: Final = 0.5  # so much later than its lane has an event its place in the order of all lanes
MERGED_BATCH: Final = 500  # events read at once


async def read_merged(reader: Reader, after: Mapping[int, int], limit: int = MERGED_BATCH) -> list[Recorded[Event]]:
    """Events of all lanes behind these positions (0 where none is given), as far as their order is settled."""
    lanes = range(LANES)
    return recorded(await reader.fetch(SQL["merged"], lanes, [after.get(lane, 0) for lane in lanes], limit))


class Merged(NamedTuple):
    """Events of some types in the order of all lanes, and how far each lane has been read with them."""

    events: list[Recorded[Event]]
    upto: dict[int, int]


async def read_merged_of(
    reader: Reader, after: Mapping[int, int], types: Collection[str], limit: int = MERGED_BATCH
) -> Merged:
    """The same for a reader of some types. `upto` has the lanes that moved, `limit` counts events of all types."""
    lanes = range(LANES)
    rows = await reader.fetch(SQL["merged_of"], lanes, [after.get(lane, 0) for lane in lanes], limit, sorted(types))
    upto = {row["lane"]: row["position"] for row in rows if row["last"]}
    return Merged(recorded(row for row in rows if row["wanted"]), upto)
