"""Actions enter, calls of the running desk's public API leave; and the wait until its consumers are done. I/O."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from time import monotonic
from typing import Any
from uuid import UUID

import orjson
from pydantic import BaseModel

from contracts.calendars import PutCalendar
from contracts.clients import PutClient
from contracts.envelope import Origin
from contracts.incident_commands import ConfirmIncident, ResolveIncident, UpdateIncident
from contracts.people import RegisterAgent, Role
from contracts.policies import PutPolicy
from contracts.ticket_commands import Assign, SubmitTicket
from services.demo.actions import INCIDENT_PATHS, PATHS, Action, IncidentStep
from services.demo.http import Connections
from services.demo.outage import NAMED
from services.demo.record import Record
from services.demo.suspicion import found_by_radar
from services.intake.desk_routes import CLOCK_STREAM, TellClock
from services.kit.access.tokens import NewToken, make_token, revoke_token
from services.kit.cursor import lags
from services.kit.log.read import read_stream
from services.kit.postgres import Pool, queries

SQL = queries("services/demo/sql/demo.sql")

PATIENCE_SECONDS = 60.0  # for a service that is being started again, and for consumers that lag
PAUSE_SECONDS = (0.05, 1.0)  # between two tries of one command, doubling
LOOK_SECONDS = 0.01  # between two looks at the cursors
DONE = range(200, 300)
AGAIN = frozenset({425, 429, 502, 503, 504})  # answers after which the same command may be sent again


class DemoStopped(Exception):
    """The month can't go on; the sentence says why and what to do."""


class DeskApi:
    """One running desk. Every command carries a key, so a repetition is answered and not done twice."""

    def __init__(self, connections: Connections, pool: Pool, record: Record, new_id: Callable[[], UUID]) -> None:
        self._connections, self._pool, self._record, self._new_id = connections, pool, record, new_id
        self._told: datetime | None = None
        self._latest = record.start

    async def play_thread(self, actions: list[Action]) -> None:
        """The actions of one ticket, one after the other."""
        for action in actions:
            await self._play(action)

    async def _play(self, action: Action) -> None:
        record, self._latest = self._record, max(self._latest, action.at)
        match action.command:
            case PutClient() as command:
                await self.send("PUT", f"clients/{action.client}", record.token, command, action)
            case PutCalendar() | PutPolicy() as command:
                kind = "calendar" if isinstance(command, PutCalendar) else "policy"
                await self.send("PUT", f"clients/{action.client}/{kind}", record.token, command, action)
            case RegisterAgent() as command:
                answer = await self.send("POST", "agents", record.token, command, action)
                record.agents[command.email] = UUID(answer["id"])
                if command.email not in record.tokens:
                    record.tokens[command.email] = await self.token(command.role, record.agents[command.email])
            case SubmitTicket() as command:
                answer = await self.send("POST", "tickets", record.token, command, action)
                record.tickets[action.thread] = UUID(answer["id"])
                if NAMED in action.thread:
                    record.outage = record.outage or answer["reference"]
            case ConfirmIncident() | UpdateIncident() | ResolveIncident() as command:
                await self._play_incident(action, command)
            case command:
                if isinstance(command, Assign):
                    command = command.model_copy(update={"agent": record.agents[action.assignee]})
                path = f"tickets/{record.tickets[action.thread]}/{PATHS[type(command)]}"
                await self.send("POST", path, record.tokens.get(action.by, record.token), command, action)

    async def _play_incident(self, action: Action, command: IncidentStep) -> None:
        """Nobody can act on what the radar did not find; then the month goes on without."""
        found = self._record.incident or await found_by_radar(self._pool, action.at)
        if found is None:
            return
        path = f"incidents/{found}/{INCIDENT_PATHS[type(command)]}"
        await self.send("POST", path, self._record.tokens[action.by], command, action)
        self._record.incident = found

    async def token(self, role: Role, agent: UUID | None = None) -> str:
        """A new token of origin `demo`; with an agent what it does bears their name."""
        identifier = self._new_id()
        made = NewToken(identifier, "demo", role, origin=Origin.DEMO, agent=agent)
        token = await make_token(self._pool, made)
        self._record.token_ids.append(identifier)
        return token

    async def revoke_tokens(self) -> None:
        for identifier in self._record.token_ids:
            await revoke_token(self._pool, identifier)

    async def set_clock(self, now: datetime) -> None:
        """The desk's time goes on to this instant. It never goes back: what was played before a crash stays."""
        if self._told is None:
            self._told = await self._time_of_log() or now
        self._told = max(self._told, self._latest, now)
        await self.send("POST", "clock", self._record.token, TellClock(now=self._told))

    async def _time_of_log(self) -> datetime | None:
        ticks = await read_stream(self._pool, CLOCK_STREAM)
        return ticks[-1].occurred_at if ticks else None

    async def settle(self) -> None:
        """Returns once no consumer is behind the log and no timer has anything to do. Raises DemoStopped when nothing
        moves any more."""
        before, until = 0, monotonic() + PATIENCE_SECONDS
        while behind := await self._behind():
            if sum(behind.values()) != before:
                before, until = sum(behind.values()), monotonic() + PATIENCE_SECONDS
            if monotonic() > until:
                late = ", ".join(f"{name} by {events} events" for name, events in behind.items())
                raise DemoStopped(f"the desk stands still ({late}): see the logs, then start again")
            await asyncio.sleep(LOOK_SECONDS)

    async def _behind(self) -> dict[str, int]:
        """How many events each consumer has not digested, and how many tickets the timers have still to look at, for
        those that have any left. Both at one moment: what one has done, the other has to do."""
        async with (
            self._pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            found = {name: sum(lanes.values()) for name, lanes in (await lags(connection)).items()}
            found["timers"] = await connection.fetchval(SQL["still_due"], self._told) if found and self._told else 0
        return {name: events for name, events in found.items() if events}

    async def send(
        self, method: str, path: str, token: str, command: BaseModel, action: Action | None = None
    ) -> dict[str, Any]:
        """The answer of one command. Raises DemoStopped where the desk refuses it or stays away."""
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        if action is not None:
            headers["idempotency-key"] = f"{self._record.prefix}-{action.key}"
            headers["daybook-time"] = action.at.isoformat()
        body = command.model_dump_json(exclude_defaults=True).encode()
        pause, until = PAUSE_SECONDS[0], monotonic() + PATIENCE_SECONDS
        while True:
            answer = await self._try(method, path, headers, body)
            if answer is not None:
                return answer
            if monotonic() > until:
                raise DemoStopped(f"{method} /{path} got no answer for {PATIENCE_SECONDS:.0f} s: see the logs")
            await asyncio.sleep(pause)
            pause = min(2 * pause, PAUSE_SECONDS[1])

    async def _try(self, method: str, path: str, headers: dict[str, str], body: bytes) -> dict[str, Any] | None:
        """The answer, or None where the same command may be sent again. Raises DemoStopped for a refusal."""
        try:
            status, content = await self._connections.request(method, f"/api/v1/{path}", headers, body)
        except (OSError, TimeoutError):
            return None
        if status in AGAIN:
            return None
        if status not in DONE:
            raise DemoStopped(f"{method} /{path} was refused with {status}: {content[:300].decode(errors='replace')}")
        return dict(orjson.loads(content))
