"""The routes of the desk itself: clients, agents, sessions, the clock."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import FastAPI
from pydantic import AwareDatetime, Field, StringConstraints

from contracts.clients import PutClient
from contracts.model import DESK, Command
from contracts.people import Address, ClockTicked, RegisterAgent
from contracts.subjects import lane_of_client, named_stream
from services.intake.agents import Passwords, log_in, register_agent
from services.intake.answers import AgentAnswer, ClientAnswer, ClockAnswer, SessionAnswer
from services.intake.call import Call, TheKeylessCall
from services.intake.edge import Edge, Stamp, new_events, write
from services.intake.route import Answered
from services.intake.throttle import Throttle
from services.kit.access import Gate
from services.kit.access.tokens import revoke_token
from services.kit.clients import Author, put_client
from services.kit.log.append import Append, Conflict
from services.kit.postgres import queries
from services.kit.refused import Refused
from services.kit.web.problem import Problem

SQL = queries("services/intake/sql/intake.sql")

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,38}")
CLOCK_STREAM = named_stream(DESK, "clock", "clock")
CLOCK_END = datetime(2200, 1, 1, tzinfo=UTC)  # promises are made from it, and calendars do not go on for ever
TRIES_MAX = 5


class LogIn(Command):
    email: Address
    password: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class TellClock(Command):
    now: Annotated[AwareDatetime, Field(lt=CLOCK_END)]


def add_desk_routes(
    app: FastAPI, edge: Edge, gate: Gate, *, now: Callable[[], datetime], monotonic: Callable[[], float]
) -> None:
    """PUT /clients/{client}, POST /agents, POST and DELETE /sessions, POST /clock. Sessions live in real time."""
    _add_sessions(app, edge, gate, now=now, monotonic=monotonic)

    @app.put("/clients/{client}", response_model=ClientAnswer)
    async def register_client(call: TheKeylessCall, client: str, command: PutClient) -> Answered:
        """Registers a client (201) or changes it (200)."""
        return await put(edge, call, client, command)

    @app.post("/clock", response_model=ClockAnswer)
    async def tell_clock(call: TheKeylessCall, command: TellClock) -> Answered:
        """Moves the desk's time forward, where time is what the log says."""
        return await tick(edge, call, command.now)


def _add_sessions(
    app: FastAPI, edge: Edge, gate: Gate, *, now: Callable[[], datetime], monotonic: Callable[[], float]
) -> None:
    passwords, throttle = Passwords(), Throttle(monotonic)

    @app.post("/agents", status_code=201, response_model=AgentAnswer)
    async def register(call: TheKeylessCall, command: RegisterAgent) -> Answered:
        """Registers one of the desk's people by address (201), or changes who is known by it (200)."""
        return await register_agent(edge, passwords, call, command)

    @app.post("/sessions", status_code=201, response_model=SessionAnswer)
    async def open_session(call: TheKeylessCall, command: LogIn) -> Answered:
        """Logs an agent in: a token for twelve hours."""
        return await log_in(edge, passwords, throttle, email=command.email, password=command.password, now=now())

    @app.delete("/sessions", status_code=204, response_model=None)
    async def end_session(call: TheKeylessCall) -> Answered:
        """Logs out: the token that called is revoked."""
        if call.caller.kind != "session":
            raise Problem("forbidden", "a program's token is not a session", remedy="Run `daybook token revoke`.")
        await revoke_token(edge.pool, UUID(call.caller.id))
        gate.forget(call.caller.id)
        return Answered(None, 204)


async def put(edge: Edge, call: Call, slug: str, command: PutClient) -> Answered:
    """The client as it is afterwards."""
    if SLUG.fullmatch(slug) is None:
        raise Problem(
            "invalid_field", "a client's id is lower case letters, digits and hyphens, at most 39", field="client"
        )
    if not call.caller.may_see(slug):
        raise Problem("not_found", "there is no such client")
    caller = call.caller
    occurred_at = edge.clock.now() if edge.log_clock else None
    author = Author(caller.actor, edge.new_id, caller.origin, occurred_at, call.trace)
    for _ in range(TRIES_MAX):
        try:
            async with edge.pool.acquire() as connection:
                client, appended = await put_client(connection, slug, command, author)
        except Conflict:
            continue
        edge.clients.remember(client)
        if appended is not None:
            edge.committed({appended.lane})
        status = 201 if client.version == 1 and appended is not None else 200
        return Answered(ClientAnswer.model_validate(client, from_attributes=True), status)
    raise Problem("busy", "others changed the client at the same time", headers={"retry-after": "1"})


async def tick(edge: Edge, call: Call, now: datetime) -> Answered:
    """Appends clock.ticked, then moves this process's clock. Raises Refused for an instant before the clock's."""
    if call.caller.clients is not None:
        raise Problem("forbidden", "the token is for some clients, the clock is everybody's")
    if not edge.log_clock:
        raise Refused("no_log_clock", "this desk runs on the machine's time")
    if now < edge.clock.now():
        raise Refused("clock_backwards", f"it is {edge.clock.now():%Y-%m-%d %H:%M:%SZ} already", "now")
    by = Stamp(call.caller.actor, call.caller.origin, now, call.trace)
    for _ in range(TRIES_MAX):
        version = await edge.pool.fetchval(SQL["version"], lane_of_client(DESK), CLOCK_STREAM)
        news = new_events(edge, by, CLOCK_STREAM, version, [ClockTicked(now=now)], None)
        try:
            appended = await write(edge, Append(DESK, news))
        except Conflict:
            continue
        edge.clock.advance(now)
        return Answered(ClockAnswer(now=now, position=f"{appended.lane}:{appended.position}"), 200)
    raise Problem("busy", "others moved the clock at the same time", headers={"retry-after": "1"})
