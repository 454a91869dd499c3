"""Events of the bus enter; queue, search and directory leave, in the transaction that moves the cursor. I/O.

All lanes of a batch go together: a statement costs about as much for one row as for fifty, and a new ticket would wait
for the round trips of a dozen statements for each lane.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from contracts.envelope import Recorded
from contracts.model import Event
from services.kit.bus import AfterCommit
from services.kit.postgres import Connection, queries

SQL = queries("services/reporting/sql/progress.sql")

Batch = Mapping[int, Sequence[Recorded[Event]]]
"""What some lanes have next, each in order."""


class View(Protocol):
    """A table or some that can be thrown away and computed again. `apply` is idempotent for each stream."""

    name: str

    async def apply(self, batch: Batch, connection: Connection) -> None: ...


class Views:
    """The handler of reporting. `committed` is told the lanes once readers can see their events."""

    name = "reporting"

    def __init__(
        self, views: Sequence[View], committed: Callable[[Collection[int]], None] = lambda lanes: None
    ) -> None:
        self._views = views
        self._committed = committed

    async def handle(self, lane: int, events: Sequence[Recorded[Event]], connection: Connection) -> AfterCommit | None:
        """Brings every view up to the last of these events."""
        return await self.handle_lanes({lane: events}, connection)

    async def handle_lanes(self, batch: Batch, connection: Connection) -> AfterCommit | None:
        """The same for several lanes."""
        lanes = sorted(batch)
        last = [batch[lane][-1] for lane in lanes]
        await connection.execute(
            SQL["move"], lanes, [event.position for event in last], [event.recorded_at for event in last]
        )
        for view in self._views:
            await view.apply(batch, connection)
        return lambda: self._committed(lanes)
