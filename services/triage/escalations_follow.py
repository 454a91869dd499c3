"""Steps of policies, missed promises and high priorities -> commands that intake carries out. I/O.

`escalations` thinks, `following` is the frame.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from contracts.envelope import Recorded
from contracts.model import DESK, Event
from contracts.subjects import client_stream, lane_of_client
from contracts.ticket import fold
from contracts.tickets import TicketPrioritised
from services.kit.log.read import read_stream, recorded
from services.kit.telemetry import log_message
from services.triage.commands import Commands, Effect
from services.triage.escalations import TYPES, Agent, effects_of
from services.triage.following import SQL, Following

if TYPE_CHECKING:
    from services.kit.clock import Clock
    from services.kit.metrics import Metrics
    from services.kit.postgres import Pool

LOG = logging.getLogger("daybook.escalations")

POLICIES_SECONDS: Final = 30.0  # for which is remembered that a client has none
AGENTS_PAGE: Final = 200


class Follower(Following):
    """The consumer `escalations` of one process."""

    name = "escalations"

    def __init__(
        self, pool: Pool, commands: Commands, clock: Clock, metrics: Metrics, *, monotonic: Callable[[], float]
    ) -> None:
        super().__init__(pool, clock, metrics)
        self._commands, self._monotonic = commands, monotonic
        self._policies: dict[str, tuple[bool, float]] = {}

    async def causes(self, grown: Sequence[Any]) -> list[Recorded[Event]]:
        columns = ([row[name] for row in grown] for name in ("lane", "position", "upto"))
        return recorded(await self._pool.fetch(SQL["causes"], *columns, TYPES))

    async def act(self, event: Recorded[Event]) -> None:
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
