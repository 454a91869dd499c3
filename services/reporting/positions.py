"""Places of events and a caller's clients -> the positions that the caller is told. I/O: the log, for whole pages.

What is told to whom, and why, stands in services/kit/log/told.py.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from contracts.envelope import Recorded
from contracts.model import Event
from services.kit.log.told import write_told
from services.kit.postgres import Pool, queries

SQL = queries("services/reporting/sql/positions.sql")


def told(clients: Collection[str] | None, event: Recorded[Event]) -> str:
    """The position of an event for a caller of these clients; None: of all."""
    return write_told(clients, lane=event.lane, position=event.position, sequence=event.sequence)


async def told_of(
    reader: Pool, clients: Collection[str] | None, items: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Lines whose `position` is `<lane>:<position>`, as a caller of these clients is told them."""
    if clients is None or not items:
        return [dict(item) for item in items]
    places = [tuple(map(int, item["position"].split(":"))) for item in items]
    lanes, positions = zip(*places, strict=True)
    rows = await reader.fetch(SQL["sequences"], list(lanes), list(positions))
    return [dict(item) | {"position": str(row["sequence"])} for item, row in zip(items, rows, strict=True)]
