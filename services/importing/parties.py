"""Clients, requesters and agents of another desk -> ours, registered once, by events of origin import. I/O."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid5

from contracts.clients import ClientChanged, ClientRegistered, PutClient
from contracts.envelope import Origin
from contracts.model import DESK, Event
from contracts.people import AgentRegistered, Level, PersonRegistered, Role
from contracts.subjects import client_stream, lane_of
from services.importing.map import Map
from services.importing.names import prefixes, slugs
from services.importing.translate import SYSTEM
from services.kit.clients import Author, put_client
from services.kit.log.append import Append, Appender, Conflict, NewEvent
from services.kit.log.read import read_stream
from services.kit.personal import Vault
from services.kit.postgres import Pool, queries
from services.kit.refused import Refused

SQL = queries("services/importing/sql/importing.sql")

ADDRESS_ENDING = ".import.invalid"  # RFC 2606: an address that can never be reached


Registration = Callable[["Wanted"], Event]
"""What is told of a person who is new."""


@dataclass(frozen=True, slots=True)
class Client:
    slug: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A person to find or to register: their name, an address where there is one, and when they first appear."""

    name: str
    address: str | None
    at: datetime

    def handle(self, system: str) -> str:
        """What makes them one and the same: their address, or the source's name for them."""
        return self.address.strip().casefold() if self.address else f"{system}:{self.name}"


@dataclass
class Parties:
    """Who is who in one run. What was found once is remembered for the run."""

    source: Map
    pool: Pool
    vault: Vault
    appender: Appender
    counts: dict[str, int] = field(default_factory=dict)
    """Registrations by event type."""
    _clients: dict[str, Client] = field(default_factory=dict)
    _people: dict[tuple[str, str], UUID] = field(default_factory=dict)

    async def client(self, name: str, at: datetime) -> Client:
        """The client of this name, registered at `at` where the desk has none."""
        if name not in self._clients:
            self._clients[name] = await self._place(name, at)
        return self._clients[name]

    async def _place(self, name: str, at: datetime) -> Client:
        for slug in slugs(name):
            events = await read_stream(self.pool, client_stream(slug))
            told = [event.data for event in events if isinstance(event.data, ClientRegistered | ClientChanged)]
            if not told:
                return await self._register(slug, name, at)
            if name in {
                data.name for data in told
            }:  # under an earlier name too: a second run finds whom the first made
                return Client(slug, told[-1].prefix)
        raise AssertionError("slugs never end")

    async def _register(self, slug: str, name: str, at: datetime) -> Client:
        column = self.source.client
        stream = client_stream(slug)
        author = Author(SYSTEM, lambda: uuid5(stream, "registered"), Origin.IMPORT, at)
        for prefix in prefixes(name):
            command = PutClient(
                name=name, prefix=prefix, zone=column.zone, tier=column.tier, languages=column.languages
            )
            try:
                async with self.pool.acquire() as connection:
                    await put_client(connection, slug, command, author)
            except Refused as refused:
                if refused.code != "prefix_taken":
                    raise
                continue
            except Conflict:
                return await self._place(name, at)  # somebody registered the same client at the same moment
            self._count("client.registered", 1)
            return Client(slug, prefix)
        raise AssertionError("prefixes never end")

    async def agents(self, wanted: Collection[Wanted]) -> Mapping[str, UUID]:
        """The desk's people by name, registered without a login where they are new."""
        found = await self._found(DESK, wanted, self._agent)
        return {one.name: found[one.handle(self.source.system)] for one in wanted}

    async def requesters(self, client: str, wanted: Collection[Wanted]) -> Mapping[str, UUID]:
        """People of one client by handle, registered where they are new."""
        return await self._found(client, wanted, lambda one: PersonRegistered(name=one.name, address=one.address))

    def _agent(self, one: Wanted) -> AgentRegistered:
        local = next(slugs(one.name))
        address = one.address or f"{local}@{self.source.system.replace('_', '-')}{ADDRESS_ENDING}"
        return AgentRegistered(name=one.name, address=address, role=Role.AGENT, level=Level.L1)

    async def _found(self, client: str, wanted: Collection[Wanted], registration: Registration) -> Mapping[str, UUID]:
        system = self.source.system
        by_handle = {one.handle(system): one for one in reversed(list(wanted))}
        unknown = {handle: one for handle, one in by_handle.items() if (client, handle) not in self._people}
        if unknown:
            async with self.pool.acquire() as connection, connection.transaction():
                for handle in sorted(unknown):  # in one order everywhere: two imports must not lock crosswise
                    person, _ = await self.vault.find_or_make(client, handle, connection)
                    self._people[client, handle] = person
            await self._register_people(client, unknown, registration)
        return {handle: self._people[client, handle] for handle in by_handle}

    async def _register_people(self, client: str, wanted: Mapping[str, Wanted], registration: Registration) -> None:
        people = {self._people[client, handle]: one for handle, one in wanted.items()}
        rows = await self.pool.fetch(SQL["begun"], [lane_of(person) for person in people], list(people))
        begun = {row["stream"] for row in rows}
        new = {person: one for person, one in people.items() if person not in begun}
        await self.vault.load(new)
        events = [
            NewEvent(
                id=uuid5(person, "registered"), stream=person, version=1, data=registration(one), actor=SYSTEM,
                seal=self.vault.sealer(person), origin=Origin.IMPORT, occurred_at=one.at,
            )
            for person, one in new.items()
        ]  # fmt: skip
        done = await asyncio.gather(*(self._once(Append(client, [event])) for event in events))
        for event, was_new in zip(events, done, strict=True):
            self._count(event.data.type, int(was_new))

    async def _once(self, append: Append) -> bool:
        try:
            await self.appender.append(append)
        except Conflict:
            return False  # another import registered them at the same moment
        return True

    def _count(self, event_type: str, more: int) -> None:
        if more:
            self.counts[event_type] = self.counts.get(event_type, 0) + more
