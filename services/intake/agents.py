"""The desk's own people: registered in the log, their passwords beside it; and their sessions. I/O."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from contracts.model import DESK
from contracts.people import AgentChanged, AgentDeactivated, AgentRegistered, PersonErased, RegisterAgent
from contracts.subjects import lane_of
from services.intake.answers import AgentAnswer, LoggedIn, SessionAnswer
from services.intake.call import Call
from services.intake.edge import Edge, new_events, sealer, stamp
from services.intake.route import Answered
from services.intake.throttle import Throttle
from services.kit.access.tokens import NewToken, forget_ended_sessions, make_token
from services.kit.log.append import Append, Backwards, NotAppended, append_in
from services.kit.log.read import read_stream
from services.kit.postgres import queries
from services.kit.refused import Refused
from services.kit.web.problem import Problem

SQL = queries("services/intake/sql/intake.sql")

SESSION = timedelta(hours=12)
NOBODY = UUID(int=0)
HASHES_MAX = 2  # at once: each takes a core for 0.2 s and 64 MB
HASHES_WAITING_MAX = 50  # longer than five seconds nobody waits for a login


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent as their stream tells, opened. `version` is that of the stream."""

    id: UUID
    version: int
    facts: RegisterAgent


class Passwords:
    """Argon2id in threads, a few at a time. One per process."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._free = asyncio.Semaphore(HASHES_MAX)
        self._waiting = 0
        self._nobody: str | None = None

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._waiting >= HASHES_WAITING_MAX:
            raise Problem("busy", "too many logins at once", headers={"retry-after": "5"})
        self._waiting += 1
        try:
            async with self._free:
                yield
        finally:
            self._waiting -= 1

    async def hash(self, password: str) -> str:
        async with self._turn():
            return await asyncio.to_thread(self._hasher.hash, password)

    async def fits(self, kept: str | None, password: str) -> bool:
        """Whether a password is the one that was kept. For nobody's it takes as long as for somebody's."""
        if self._nobody is None:
            self._nobody = await self.hash("nobody has this password")
        async with self._turn():
            try:
                return await asyncio.to_thread(self._hasher.verify, kept or self._nobody, password) and kept is not None
            except VerifyMismatchError:
                return False


async def find_agent(edge: Edge, agent: UUID) -> Agent | None:
    """An agent by id; None where there is none, or no longer."""
    found: Agent | None = None
    for event in await read_stream(edge.pool, agent):
        match event.data:
            case AgentRegistered() | AgentChanged() as told:
                await edge.vault.load([agent])
                facts = RegisterAgent.model_construct(
                    email=edge.vault.shown(told.address),
                    name=edge.vault.shown(told.name),
                    role=told.role,
                    level=told.level,
                    teams=told.teams,
                    clients=told.clients,
                    languages=told.languages,
                    skills=told.skills,
                    capacity=told.capacity,
                    available=told.available,
                    password=None,
                )
                found = Agent(agent, event.version, facts)
            case AgentDeactivated() | PersonErased():
                found = None
            case _:
                pass
    return found


async def register_agent(edge: Edge, passwords: Passwords, call: Call, command: RegisterAgent) -> Answered:
    """Registers an agent by address, or changes who is known by it; the password and the event are written together."""
    _refuse_scoped(call)
    for slug in command.clients:
        if await edge.clients.find(slug) is None:
            raise Refused("unknown_client", f"there is no client {slug}", "clients")
    kept = None if command.password is None else await passwords.hash(command.password)
    person, _ = await edge.vault.find_or_make(DESK, command.email)
    await edge.vault.load([person])
    known = await find_agent(edge, person)
    facts = command.model_copy(update={"password": None})
    version = known.version if known else await edge.pool.fetchval(SQL["version"], lane_of(person), person)
    by = stamp(edge, call)
    async with edge.pool.acquire() as connection, connection.transaction():
        if known is None or known.facts != facts:
            kind = AgentRegistered if known is None else AgentChanged
            told = kind(address=command.email, **facts.model_dump(exclude={"email", "password"}))
            news = new_events(edge, by, person, version, [told], sealer(edge, person))
            (result,) = await append_in(connection, [Append(DESK, news)])
            if isinstance(result, Backwards):
                raise result
            if isinstance(result, NotAppended):
                raise Problem("busy", "somebody else changed this agent just now", headers={"retry-after": "1"})
            version += 1
        if kept is not None:
            await connection.execute(SQL["set_password"], person, kept)
        if kept is not None or known is None or known.facts != facts:  # sessions carry role and clients of before
            await connection.execute(SQL["end_sessions"], person)
    edge.committed({lane_of(person)})
    answer = AgentAnswer(id=person, role=command.role, level=command.level, version=version)
    return Answered(answer, 201 if known is None else 200)


def _refuse_scoped(call: Call) -> None:
    """Who sees some clients only would make themselves an agent who sees all."""
    if call.caller.clients is not None:
        raise Problem("forbidden", "the token is for some clients, the desk's people are for all of them")


async def log_in(
    edge: Edge, passwords: Passwords, throttle: Throttle, *, email: str, password: str, now: datetime
) -> Answered:
    """A session for an agent. A wrong address and a wrong password look the same, and take the same time."""
    await edge.vault.prepare()
    handle = edge.vault.handle(DESK, email)
    with throttle.attempt(handle):
        person = await edge.vault.find(DESK, email)
        kept = await edge.pool.fetchval(SQL["password_of"], person or NOBODY)
        fits = await passwords.fits(kept, password)
        agent = await find_agent(edge, person) if fits and person is not None else None
        if agent is None:
            raise Problem("wrong_login", "there is no agent with this address and password")
    facts = agent.facts
    token = NewToken(
        id=edge.new_id(),
        name="session",
        role=facts.role,
        clients=facts.clients or None,
        scopes=("personal",),
        agent=agent.id,
        session=True,
        expires_at=now + SESSION,
    )
    told = LoggedIn(id=agent.id, name=facts.name, role=facts.role, level=facts.level)
    await forget_ended_sessions(edge.pool, now)
    session = SessionAnswer(token=await make_token(edge.pool, token), expires_at=now + SESSION, agent=told)
    return Answered(session, 201)
