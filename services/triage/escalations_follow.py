"""Events of the log that have intake do something -> commands, each asked for until it is answered. I/O.

A cursor of its own says how far this is; it moves after the answer, so that a killed process asks again, under the same
command id. What intake refuses for good lies with the dead letters, is seen there and can be tried again; no other
event waits for it. Several replicas may do this at once: the second one is answered as the first was.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final
from uuid import UUID

from contracts.envelope import Recorded
from contracts.model import DESK, Event
from contracts.subjects import client_stream, lane_of_client
from contracts.ticket import fold
from contracts.tickets import TicketPrioritised
from services.kit.bus import TryLater
from services.kit.bus.away import tried
from services.kit.bus.digest import SQL as DIGEST_SQL
from services.kit.bus.digest import Digest
from services.kit.log.read import read_stream, recorded
from services.kit.postgres import Connection, queries
from services.kit.telemetry import describe, log_message
from services.triage.commands import Commands, Effect, Unwanted
from services.triage.escalations import TYPES, Agent, effects_of

if TYPE_CHECKING:
    from services.kit.clock import Clock
    from services.kit.metrics import Metrics
    from services.kit.postgres import Pool

SQL = queries("services/triage/sql/effects.sql")
LOG = logging.getLogger("daybook.escalations")

SLICE: Final = 20_000  # positions of a lane looked at in one go
LOOK_SECONDS: Final = (0.02, 0.5)  # where the log tells the time, a demo waits for us; and otherwise
PAUSE_SECONDS: Final = 1.0  # before intake is asked again that was away
POLICIES_SECONDS: Final = 30.0  # for which is remembered that a client has none
AGENTS_PAGE: Final = 200


class Follower:
    """The consumer `escalations` of one process."""

    name = "escalations"

    def __init__(
        self,
        pool: Pool,
        commands: Commands,
        clock: Clock,
        metrics: Metrics,
        *,
        log_time: bool,
        monotonic: Callable[[], float],
    ) -> None:
        self._pool, self._commands, self._monotonic = pool, commands, monotonic
        self._digest = Digest(self, pool, clock, metrics)
        self._look_seconds = LOOK_SECONDS[0 if log_time else 1]
        self._policies: dict[str, tuple[bool, float]] = {}

    async def run(self) -> None:
        """Follows the log until cancelled."""
        while not await tried(self._open(), PAUSE_SECONDS, self.name):
            pass
        while True:
            await tried(self.look(), PAUSE_SECONDS, self.name)
            await asyncio.sleep(self._look_seconds)

    async def _open(self) -> None:
        await self._pool.execute(SQL["open"], self.name)

    async def look(self) -> None:
        """Does what is new in every lane, and what a person wants to be tried again. Raises TryLater."""
        for row in await self._pool.fetch(DIGEST_SQL["asked"], self.name):
            await self._digest.replay(row["lane"], row["stream"])
        grown = await self._pool.fetch(SQL["grown"], self.name, SLICE)
        if not grown:
            return
        columns = ([row[name] for row in grown] for name in ("lane", "position", "upto"))
        events = recorded(await self._pool.fetch(SQL["causes"], *columns, TYPES))
        lanes = {event.lane for event in events}
        await self._move([(row["lane"], row["position"], row["upto"]) for row in grown if row["lane"] not in lanes])
        away: TryLater | None = None
        for row in (row for row in grown if row["lane"] in lanes):
            mine = [event for event in events if event.lane == row["lane"]]
            try:
                await self._lane(row["lane"], row["position"], row["upto"], mine)
            except TryLater as error:
                away = error
        if away is not None:
            raise away

    async def _lane(self, lane: int, position: int, upto: int, events: Sequence[Recorded[Event]]) -> None:
        for event in events:
            try:
                await self._act(event)
            except TryLater:
                await self._move([(lane, position, event.position - 1)])
                raise
            except Exception as error:  # noqa: BLE001  whatever it is, the lane goes on, and people see it
                await self._put_aside(event, error)
        await self._move([(lane, position, upto)])

    async def _move(self, steps: Sequence[tuple[int, int, int]]) -> None:
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
            await self._act(event)

    async def _act(self, event: Recorded[Event]) -> None:
        for effect in await self._effects(event):
            await self._commands.ask(effect)
            log_message(LOG, "asked", lane=event.lane, position=event.position, effect=effect.name.partition(":")[0])

    async def _effects(self, event: Recorded[Event]) -> list[Effect]:
        if isinstance(event.data, TicketPrioritised) and not await self._has_policy(event.client):
            return []
        ticket = fold(await read_stream(self._pool, event.stream))
        wants_people = getattr(event.data, "action", None) == "notify"
        return effects_of(event, ticket, await self._agents() if wants_people else ())

    async def _has_policy(self, client: str) -> bool:
        """Without a policy a promise does not go by the priority."""
        known = self._policies.get(client)
        if known is None or known[1] < self._monotonic():
            lanes = [lane_of_client(client), lane_of_client(DESK)]
            streams = [client_stream(client), client_stream(DESK)]
            found = await self._pool.fetchval(SQL["has_policy"], lanes, streams)
            known = self._policies[client] = (found, self._monotonic() + POLICIES_SECONDS)
        return known[0]

    async def _agents(self) -> list[Agent]:
        """The desk's people, of today: by the public list, page by page."""
        found: list[Agent] = []
        cursor = ""
        while True:
            page = await self._commands.read("/agents", {"limit": AGENTS_PAGE} | ({"cursor": cursor} if cursor else {}))
            found += [
                Agent(UUID(row["id"]), row["role"], row["level"], tuple(row["teams"]), tuple(row["clients"]))
                for row in page["items"]
            ]
            cursor = page.get("next_cursor") or ""
            if not cursor:
                return found
