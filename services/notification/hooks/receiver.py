"""An event -> what the webhook's receiver said to it; and what we write down about the receiver. I/O."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from contracts.envelope import Recorded
from contracts.model import Event
from services.kit.postgres import Connection
from services.notification.hooks.desk import SQL, HookDesk, Lost
from services.notification.hooks.hook import Hook
from services.notification.hooks.message import Kept, body_of, signed
from services.notification.hooks.post import CONNECTIONS_MAX, Line, Said


class Receiver:
    """The other side of one webhook, of which there is one. Load it first, close it last."""

    def __init__(self, desk: HookDesk, hook: Hook) -> None:
        self._desk = desk
        self._hook = hook
        self._line = Line(hook.url, desk.allowed, desk.ways, seconds=desk.post_seconds)
        self._secrets: list[Kept] = []
        self._failures = hook.failures
        self._rest_until = 0.0
        self._turns = asyncio.Semaphore(CONNECTIONS_MAX)
        self._probing = asyncio.Lock()
        self._writing = asyncio.Lock()

    async def load(self) -> None:
        self._secrets = [Kept(*row) for row in await self._desk.pool.fetch(SQL["secrets"], self._hook.id)]

    async def close(self) -> None:
        await self._line.close()

    @property
    def rest(self) -> timedelta:
        """How long it is left alone between two messages; nothing while it is well."""
        return self._desk.pace.rest(self._failures)

    async def send(self, event: Recorded[Event]) -> Said:
        """One attempt, when it is its turn. A receiver that rests is asked by one message at a time."""
        async with self._turns:
            if not self.rest:
                return await self._post(event)
        async with self._probing:
            await asyncio.sleep(max(0.0, self._rest_until - asyncio.get_running_loop().time()))
            return await self._post(event)

    async def _post(self, event: Recorded[Event]) -> Said:
        # Opened when it leaves, and not before: a receiver may rest for hours, and who is erased meanwhile is erased.
        body = await body_of(event, self._desk.vault, opened=self._hook.personal)
        headers = signed(str(event.id), body, self._secrets, self._desk.ring, self._desk.now())
        said = await self._line.post(headers, body)
        self._desk.counts.message("taken" if said.taken else "refused")
        if said.gone:
            async with self.writing() as connection:  # it spoke for the address that it was asked at, no later one
                await connection.execute(SQL["gone"], self._hook.id)
            raise Lost("the receiver is gone")
        if said.taken:
            if self.rest:
                async with self.writing() as connection:
                    await connection.execute(SQL["due_now"], self._hook.id)
            self._failures, self._rest_until = 0, 0.0
            return said
        self._failures += 1
        self._rest_until = asyncio.get_running_loop().time() + self.rest.total_seconds()
        async with self.writing() as connection:
            await connection.execute(SQL["failed"], self._hook.id, said.code, self._failures)
        return said

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Connection]:
        """A transaction, if the webhook is still ours as we know it; one after the other. Raises Lost."""
        async with self._writing, self._desk.pool.acquire() as connection, connection.transaction():
            ours = await connection.fetchval(SQL["fence"], self._hook.id, self._desk.holder, self._hook.version)
            if not ours:
                raise Lost("another process has the webhook, or it was changed")
            yield connection
