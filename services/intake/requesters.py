"""A requester's address -> the person, and the event that registers them where they are new. I/O."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple
from uuid import UUID

from contracts.people import PersonRegistered, Requester
from contracts.subjects import lane_of
from services.kit.personal import Vault
from services.kit.postgres import Pool, queries

SQL = queries("services/intake/sql/intake.sql")

PEOPLE_MAX = 50_000  # addresses remembered by one process


class Person(NamedTuple):
    """A requester; `registration` goes into the same append as what they ask for, on a stream of their own."""

    id: UUID
    registration: PersonRegistered | None


class Requesters:
    """One per process; its vault has the keys of whoever was found last."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault
        self._registered: OrderedDict[bytes, UUID] = OrderedDict()

    async def find(self, client: str, requester: Requester) -> Person:
        """The person of this address within the client, made where nobody has it. Their key is at hand afterwards."""
        handle = self._vault.handle(client, requester.email)
        known = self._registered.get(handle)
        if known is not None:
            self._registered.move_to_end(handle)
            await self._vault.load([known])
            return Person(known, None)
        person, made = await self._vault.find_or_make(client, requester.email)
        if not made:
            await self._vault.load([person])
            if await self._pool.fetchval(SQL["stream_begun"], lane_of(person), person):
                self._remember(handle, person)
                return Person(person, None)
        name = requester.name.strip() or requester.email.partition("@")[0]
        return Person(person, PersonRegistered(name=name, address=requester.email))

    def registered(self, client: str, requester: Requester, person: UUID) -> None:
        """Their registration has been written."""
        self._remember(self._vault.handle(client, requester.email), person)

    def forget(self, client: str, requester: Requester) -> None:
        """Asks the database again: somebody else registered them, or they were erased."""
        self._registered.pop(self._vault.handle(client, requester.email), None)

    def _remember(self, handle: bytes, person: UUID) -> None:
        self._registered[handle] = person
        while len(self._registered) > PEOPLE_MAX:
            self._registered.popitem(last=False)
