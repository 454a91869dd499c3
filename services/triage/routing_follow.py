"""New and escalated tickets -> assignments that intake is asked for, by the routes of their clients. I/O.

`routing` thinks, `following` is the frame. Where nobody has routes, the cursors only move on. Who has how much to do is
kept in a table that follows the log: what came before an event is written with the cursor before the event is acted on,
what was asked for itself as soon as intake has answered, so the next ticket is given to somebody else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from contracts.catalogue import decode, encode
from contracts.envelope import Recorded
from contracts.model import DESK, Event
from contracts.routes import RoutesSet
from services.kit.bus import TryLater
from services.kit.log.read import read_stream, recorded
from services.kit.postgres import queries
from services.kit.rules.routes import in_force, routes_of
from services.kit.rules.routing import Worker, route
from services.kit.staff import Member, read_staff
from services.kit.telemetry import log_message
from services.triage.commands import Commands, Effect, Unwanted
from services.triage.following import Following, Step
from services.triage.routing import (
    MOVES,
    TYPES,
    Standing,
    asked_of,
    command_of,
    matter_of,
    standing,
    standing_again,
)

if TYPE_CHECKING:
    from services.kit.clock import Clock
    from services.kit.metrics import Metrics
    from services.kit.postgres import Connection, Pool

SQL = queries("services/triage/sql/routing.sql")
LOG = logging.getLogger("daybook.routing")

STAFF_SECONDS: Final = 5.0  # after which a change of the desk's people is felt at the latest
TRIES_MAX: Final = 5  # others may write to the ticket meanwhile
READ: Final = (RoutesSet.type, *TYPES, *MOVES)


class Routing(Following):
    """The consumer `routing` of one process."""

    name = "routing"

    def __init__(
        self, pool: Pool, commands: Commands, clock: Clock, metrics: Metrics, *, monotonic: Callable[[], float]
    ) -> None:
        super().__init__(pool, clock, metrics)
        self._commands, self._monotonic = commands, monotonic
        self._routes: dict[str, RoutesSet] = {}
        self._staff: tuple[float, list[Member]] = (0.0, [])

    async def causes(self, grown: Sequence[Any]) -> list[Recorded[Event]] | None:
        """Routes that are set count before the tickets that were submitted after them, in whichever lane."""
        columns = [[row[name] for row in grown] for name in ("lane", "position", "upto")]
        if not await self._pool.fetchval(SQL["pass_by"], self.name, *columns):
            return None
        events = recorded(await self._pool.fetch(SQL["events"], *columns, READ))
        for event in events:
            if isinstance(event.data, RoutesSet):
                await self._set(event, event.data)
        self._routes = await self._known()
        return [event for event in events if not isinstance(event.data, RoutesSet)]

    async def _set(self, event: Recorded[Event], told: RoutesSet) -> None:
        """Notes routes; with the first of all, who has which ticket up to where this consumer is."""
        async with self._pool.acquire() as connection, connection.transaction():
            held = await connection.fetch(SQL["hold"], self.name)
            if not await connection.fetch(SQL["routes"]):
                await connection.execute(SQL["fill"], [row["lane"] for row in held], [row["position"] for row in held])
            await connection.execute(SQL["set_routes"], event.lane, event.client, event.position, encode(told).decode())

    async def _known(self) -> dict[str, RoutesSet]:
        found = {}
        for row in await self._pool.fetch(SQL["routes"]):
            told = decode(RoutesSet.type, RoutesSet.schema_version, row["told"].encode())
            if isinstance(told, RoutesSet):
                found[row["client"]] = told
        return found

    async def lane(self, lane: int, position: int, upto: int, events: Sequence[Recorded[Event]]) -> None:
        """As the frame has it; what events say of people's loads is written before the next ticket is given away."""
        noted: list[Recorded[Event]] = []
        for event in events:
            if event.type in MOVES:
                noted.append(event)
                continue
            if noted:
                if not await self._note((lane, position, event.position - 1), noted):
                    return  # another replica is here
                position, noted = event.position - 1, []
            try:
                await self.tried(event)
            except TryLater:
                await self.move([(lane, position, event.position - 1)])
                raise
        if noted:
            await self._note((lane, position, upto), noted)
        else:
            await self.move([(lane, position, upto)])

    async def _note(self, step: Step, events: Sequence[Recorded[Event]]) -> bool:
        """Moves a cursor and writes the loads in one transaction; whether the cursor was where it was thought to be."""
        newest: dict[UUID, Standing] = {}
        for event in events:
            told = standing(event) or standing_again(event, await read_stream(self._pool, event.stream))
            newest[event.stream] = told
        async with self._pool.acquire() as connection, connection.transaction():
            if not await connection.fetch(SQL["step"], self.name, *step):
                return False
            await _write(connection, list(newest.values()))
        return True

    async def act(self, event: Recorded[Event]) -> None:
        routes = routes_of(in_force(self._routes.get(event.client), self._routes.get(DESK)))
        if not routes or event.type not in TYPES:
            return
        escalated = event.type == "ticket.escalated"
        if not escalated and await self._pool.fetchval(SQL["has_somebody"], event.lane, event.stream):
            return
        for _ in range(TRIES_MAX):
            history = await read_stream(self._pool, event.stream)
            held = asked_of(event, history)
            if held is None:
                return
            workers = await self._workers()
            found = route(matter_of(held, history), routes, workers)
            body = command_of(held, found, workers)
            if body is None or await self._asked(event, held.version, body):
                return
        raise TryLater("others wrote to the ticket meanwhile")

    async def _asked(self, event: Recorded[Event], version: int, body: dict[str, Any]) -> bool:
        """Whether intake was asked; False where a person was faster, and the ticket has to be looked at again."""
        effect = Effect(event, "route", f"/tickets/{event.stream}/assignment", body, if_match=version)
        try:
            answer = await self._commands.ask(effect)
        except Unwanted as refused:
            match refused.code:
                case "stale_version":
                    return False
                case "idempotency_key_reused":  # a replica asked first, when others had more to do
                    return True
                case "unknown_agent":  # who has left meanwhile
                    self._staff = (0.0, [])
                    return False
                case "erased" if "reason" in body:  # the words are sealed to the requester, who is gone
                    return await self._asked(event, version, {**body, "reason": None})
                case _:
                    raise
        if body["agent"] is not None:
            async with self._pool.acquire() as connection, connection.transaction():
                await _write(connection, [(event.lane, event.stream, UUID(body["agent"]), answer["version"])])
        log_message(LOG, "routed", lane=event.lane, position=event.position)
        return True

    async def _workers(self) -> list[Worker]:
        until, staff = self._staff
        if until <= self._monotonic():
            staff = await read_staff(self._pool)
            self._staff = (self._monotonic() + STAFF_SECONDS, staff)
        loads = {row["agent"]: row["open"] for row in await self._pool.fetch(SQL["loads"])}
        return [one.worker(loads.get(one.id, 0)) for one in staff]


async def _write(connection: Connection, rows: Sequence[Standing]) -> None:
    await connection.execute(SQL["note"], *zip(*rows, strict=True))
