"""Events of the bus enter; queue, search and directory leave, in the transaction that moves the cursor. I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from contracts.envelope import Recorded
from contracts.model import Event
from services.kit.bus import AfterCommit
from services.kit.postgres import Connection, queries

SQL = queries("services/reporting/sql/progress.sql")


class View(Protocol):
    """A table or some that can be thrown away and computed again. `apply` is idempotent for each stream."""

    name: str

    async def apply(self, lane: int, events: Sequence[Recorded[Event]], connection: Connection) -> None: ...


class Views:
    """The handler of reporting. `committed` is told the lane once readers can see its events."""

    name = "reporting"

    def __init__(self, views: Sequence[View], committed: Callable[[int], None] = lambda lane: None) -> None:
        self._views = views
        self._committed = committed

    async def handle(self, lane: int, events: Sequence[Recorded[Event]], connection: Connection) -> AfterCommit | None:
        """Brings every view up to the last of these events."""
        await connection.execute(SQL["lock"], lane)
        for view in self._views:
            await view.apply(lane, events, connection)
        await connection.execute(SQL["move"], lane, events[-1].position, events[-1].recorded_at)
        return lambda: self._committed(lane)
