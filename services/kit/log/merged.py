"""A place in every lane enters; the events that follow leave, all lanes in one order: live and in replay the same. I/O.

The order is (recorded_at, lane, position). It ends at the lowest lane's watermark, before which nothing can come in any
more; the relay's beat moves the watermark of a lane that is silent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

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
