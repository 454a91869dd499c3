"""Events of incidents -> priorities of their tickets in the log, letters asked of intake. I/O; `incident_plan` thinks.

Whoever holds the radar follows the desk's own lane. Each effect is idempotent (a judgement says nothing twice, a
command has the event's id), and the place moves on once all effects of an event are done: a kill repeats some of them,
to no effect. One event at a time: an update comes after the confirmation before it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Final
from uuid import UUID, uuid5

from contracts.envelope import Origin, Recorded
from contracts.incident import INITIAL, evolve
from contracts.incidents import IncidentUpdated
from contracts.model import DESK, Event, Sealed
from contracts.subjects import lane_of, lane_of_client
from contracts.ticket import fold
from contracts.ticket_state import Absent, Held
from services.kit.log.append import Append, Conflict, NewEvent, NotAppended, append_in
from services.kit.log.read import read_stream, recorded
from services.kit.personal import ERASED, Vault
from services.kit.postgres import Pool, queries
from services.kit.telemetry import log_message
from services.triage.commands import Commands, Effect, Unwanted
from services.triage.incident_plan import Told, plan
from services.triage.incident_words import known_words
from services.triage.judging import judge_again

SQL = queries("services/triage/sql/incidents.sql")
LOG = logging.getLogger("daybook.incidents")

ACTOR: Final = "system:triage"
LANE: Final = lane_of_client(DESK)
TRIES_MAX: Final = 5
ASK_AT_ONCE: Final = 4  # commands under way
ACTING: Final = frozenset({Origin.LIVE, Origin.DEMO, Origin.PRACTICE})


class Effects:
    """What follows from incidents. `committed` pokes the relay."""

    def __init__(
        self,
        pool: Pool,
        vault: Vault,
        commands: Commands,
        *,
        log_time: bool,
        committed: Callable[[Iterable[int]], None] = lambda lanes: None,
    ) -> None:
        self._pool = pool
        self._vault = vault
        self._commands = commands
        self._log_time = log_time
        self._committed = committed
        self._place: int | None = None

    async def turn(self) -> bool:
        """Carries out what follows from the events since the last time; whether there were any. Raises TryLater where
        intake is away."""
        if self._place is None:
            self._place = await self._pool.fetchval(SQL["place"], LANE) or 0
        head = await self._pool.fetchval(SQL["head"], LANE)
        if head == self._place:
            return False
        news = recorded(await self._pool.fetch(SQL["news"], LANE, self._place, head))
        for event in news:
            if event.origin in ACTING:
                await self._carry_out(event)
            await self._move(event.position)
        await self._move(head)
        return bool(news)

    async def _move(self, position: int) -> None:
        await self._pool.execute(SQL["move"], LANE, position)
        self._place = position

    async def _carry_out(self, event: Recorded[Event]) -> None:
        history = await read_stream(self._pool, event.stream)
        before, after = INITIAL, INITIAL
        for one in history:
            if one.version > event.version:
                break
            before, after = after, evolve(after, one)
        has_words = any(isinstance(one.data, IncidentUpdated) for one in history)
        found = plan(before, after, event, has_words=has_words)
        for ticket in found.judged:
            await self._judge(ticket, event, found.clients, found.confirmed)
        for ticket in found.gone:
            await self._judge(ticket, event, 1, 0)
        if found.told is not None:
            await self._tell(event, found.told)

    async def _judge(self, ticket: UUID, cause: Recorded[Event], clients: int, confirmed: int) -> None:
        """Judges one ticket again; what grew meanwhile is read once more."""
        for _ in range(TRIES_MAX):
            history = await read_stream(self._pool, ticket)
            held = fold(history)
            if isinstance(held, Absent):
                return
            judged = judge_again(held, clients=clients, incident_clients=confirmed)
            if judged is None:
                return
            last = history[-1]
            new = NewEvent(
                id=uuid5(cause.id, f"{ticket}:{last.version}"),
                stream=ticket,
                version=last.version + 1,
                data=judged,
                actor=ACTOR,
                causation=str(cause.id),
                origin=Origin(held.origin),
                occurred_at=max(cause.occurred_at, last.occurred_at) if self._log_time else None,
                trace=cause.trace,
            )
            async with self._pool.acquire() as connection:
                (result,) = await append_in(connection, [Append(held.client, [new])])
            if isinstance(result, Conflict):
                continue
            if isinstance(result, NotAppended):
                raise result
            self._committed({lane_of(ticket)})
            return

    async def _tell(self, event: Recorded[Event], told: Told) -> None:
        text = None
        if told.text is not None:
            await self._vault.load({told.text.person} if isinstance(told.text, Sealed) else ())
            text = self._vault.open(told.text)
            if text == ERASED:
                return
        room = asyncio.Semaphore(ASK_AT_ONCE)

        async def one(ticket: UUID) -> None:
            async with room:
                await self._write(event, told, ticket, text)

        await asyncio.gather(*(one(ticket) for ticket in told.tickets))

    async def _write(self, event: Recorded[Event], told: Told, ticket: UUID, text: str | None) -> None:
        """Has intake answer one ticket, once: the command's id is the event's and the ticket's."""
        if text is None:
            held = fold(await read_stream(self._pool, ticket))
            text = known_words(held.language if isinstance(held, Held) else None)
        body: dict[str, object] = {"body": text}
        if told.next_update_at is not None:
            body["checkpoint"] = {"due_at": told.next_update_at.isoformat()}
        effect = Effect(event, f"{told.name}:{ticket}", f"/tickets/{ticket}/replies", body)
        try:
            await self._commands.ask(effect)
        except Unwanted as unwanted:  # it is resolved, closed or merged by now: nobody waits for the word
            log_message(LOG, "not_told", logging.INFO, ticket=str(ticket), error=unwanted.code)
