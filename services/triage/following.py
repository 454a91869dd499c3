"""Events of the log that have intake do something -> commands, each asked for until it is answered. I/O.

The frame of a consumer that asks intake. A cursor of its own says how far it is; it moves after the answer, so that a
killed process asks again, under the same command id. What intake refuses for good lies with the dead letters, is seen
there and can be tried again; no other event waits for it. Several replicas may do this at once.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from contracts.envelope import Recorded
from contracts.model import Event
from services.kit.bus import TryLater
from services.kit.bus.away import tried
from services.kit.bus.digest import SQL as DIGEST_SQL
from services.kit.bus.digest import Digest
from services.kit.postgres import Connection, queries
from services.kit.telemetry import describe, log_message
from services.triage.commands import Unwanted

if TYPE_CHECKING:
    from services.kit.clock import Clock
    from services.kit.metrics import Metrics
    from services.kit.postgres import Pool

SQL = queries("services/triage/sql/effects.sql")
LOG = logging.getLogger("daybook.following")

SLICE: Final = 20_000  # positions of a lane looked at in one go
LOOK_SECONDS: Final = (0.02, 0.5)  # where the log tells the time, a demo waits for us; and otherwise
PAUSE_SECONDS: Final = 1.0  # before intake is asked again that was away

Step = tuple[int, int, int]
"""A lane, where its cursor is, and where it goes."""


class Following(ABC):
    """A consumer that asks intake. `name` is its cursor's."""

    name: ClassVar[str]

    def __init__(self, pool: Pool, clock: Clock, metrics: Metrics) -> None:
        self._pool = pool
        self._digest = Digest(self, pool, clock, metrics)

    @abstractmethod
    async def causes(self, grown: Sequence[Any]) -> list[Recorded[Event]] | None:
        """The events of some lanes, from their positions up to `upto`, that are something to it; None where it has
        moved its cursors itself."""

    @abstractmethod
    async def act(self, event: Recorded[Event]) -> None:
        """What one event has intake do. Raises TryLater where it has to be asked again."""

    async def open(self) -> None:
        """Its cursors are there."""
        await self._pool.execute(SQL["open"], self.name)

    async def look(self) -> None:
        """Does what is new in every lane, and what a person wants to be tried again. Raises TryLater."""
        for row in await self._pool.fetch(DIGEST_SQL["asked"], self.name):
            await self._digest.replay(row["lane"], row["stream"])
        grown = await self._pool.fetch(SQL["grown"], self.name, SLICE)
        events = await self.causes(grown) if grown else None
        if events is None:
            return
        lanes = {event.lane for event in events}
        await self.move([(row["lane"], row["position"], row["upto"]) for row in grown if row["lane"] not in lanes])
        away: TryLater | None = None
        for row in (row for row in grown if row["lane"] in lanes):
            mine = [event for event in events if event.lane == row["lane"]]
            try:
                await self.lane(row["lane"], row["position"], row["upto"], mine)
            except TryLater as error:
                away = error
        if away is not None:
            raise away

    async def lane(self, lane: int, position: int, upto: int, events: Sequence[Recorded[Event]]) -> None:
        """The events of one lane, in order, and then its cursor."""
        for event in events:
            try:
                await self.tried(event)
            except TryLater:
                await self.move([(lane, position, event.position - 1)])
                raise
        await self.move([(lane, position, upto)])

    async def tried(self, event: Recorded[Event]) -> None:
        """One event; what fails for good is put aside. Raises TryLater."""
        try:
            await self.act(event)
        except TryLater:
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, the lane goes on, and people see it
            await self._put_aside(event, error)

    async def move(self, steps: Sequence[Step]) -> None:
        """Cursors of some lanes, each from a position to another, in one commit."""
        moved = [(lane, position, upto) for lane, position, upto in steps if upto > position]
        if moved:
            await self._pool.execute(SQL["move"], self.name, *zip(*moved, strict=True))

    async def _put_aside(self, event: Recorded[Event], error: Exception) -> None:
        told = f"{type(error).__name__} {error}"[:500] if isinstance(error, Unwanted) else describe(error)
        place = (event.lane, self.name, event.position, event.stream, event.type)
        await self._pool.execute(SQL["put_aside"], *place, told)
        log_message(LOG, "dead_letter", logging.ERROR, consumer=self.name, lane=event.lane, position=event.position,
                    type=event.type, error=describe(error))  # fmt: skip

    async def handle(self, lane: int, events: Sequence[Recorded[Event]], connection: Connection) -> None:
        """A dead letter that is tried again."""
        for event in events:
            await self.act(event)


async def follow(followers: Sequence[Following], *, log_time: bool) -> None:
    """Follows the log until cancelled; several take turns, so that a demo waits for one pause and not for each."""
    for one in followers:
        while not await tried(one.open(), PAUSE_SECONDS, one.name):
            pass
    while True:
        for one in followers:
            await tried(one.look(), PAUSE_SECONDS, one.name)
        await asyncio.sleep(LOOK_SECONDS[0 if log_time else 1])
