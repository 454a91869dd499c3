"""A requester's address -> the person, and the event that registers them where they are new. I/O.

While the database is asked, further questions wait for the next one: a crowd shares a round trip and a commit.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import NamedTuple
from uuid import UUID

from contracts.people import PersonRegistered, Requester
from services.kit.personal import Known, Vault

PEOPLE_MAX = 50_000  # addresses remembered by one process
BATCH_MAX = 200  # addresses in one question


class Person(NamedTuple):
    """A requester; `registration` goes into the same append as what they ask for, on a stream of their own."""

    id: UUID
    registration: PersonRegistered | None


class Requesters:
    """One per process; the vault has the key of whoever was found last."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._registered: OrderedDict[bytes, UUID] = OrderedDict()
        self._waiting: dict[bytes, tuple[str, str, asyncio.Future[Known]]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def find(self, client: str, requester: Requester) -> Person:
        """The person of this address within the client, made where nobody has it. Their key is at hand afterwards."""
        await self._vault.prepare()
        handle = self._vault.handle(client, requester.email)
        registered = self._registered.get(handle)
        if registered is not None and await self._lives(registered):
            self._registered.move_to_end(handle)
            return Person(registered, None)
        known = await self._ask(handle, client, requester.email)
        if known.registered:
            self._remember(handle, known.person)
            return Person(known.person, None)
        name = requester.name.strip() or requester.email.partition("@")[0]
        return Person(known.person, PersonRegistered(name=name, address=requester.email))

    async def _lives(self, person: UUID) -> bool:
        """Whether the person still has a key, and has it at hand: who was erased comes back as somebody new."""
        await self._vault.load([person])
        try:
            self._vault.sealer(person)
        except KeyError:
            return False
        return True

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

    async def _ask(self, handle: bytes, client: str, address: str) -> Known:
        held = self._waiting.get(handle)
        future = held[2] if held else asyncio.get_running_loop().create_future()
        self._waiting[handle] = (client, address, future)
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_all(), name="requesters")
        return await asyncio.shield(future)

    async def _ask_all(self) -> None:
        try:
            while self._waiting:
                batch = {handle: self._waiting.pop(handle) for handle in list(self._waiting)[:BATCH_MAX]}
                await self._ask_batch(batch)
        finally:
            self._asking = None

    async def _ask_batch(self, batch: dict[bytes, tuple[str, str, asyncio.Future[Known]]]) -> None:
        try:
            found = await self._vault.find_or_make_many([(client, address) for client, address, _ in batch.values()])
        except Exception as error:  # noqa: BLE001  every waiting caller hears of it
            for _, _, future in batch.values():
                future.set_exception(error)
            return
        for handle, (_, _, future) in batch.items():
            future.set_result(found[handle])
