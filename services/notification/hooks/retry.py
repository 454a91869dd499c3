"""What a receiver did not take -> sent again, a ticket's first first, until it is taken or its time is over. I/O."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from contracts.envelope import Recorded
from contracts.model import Event
from services.kit.log.read import recorded
from services.kit.postgres import Connection
from services.notification.hooks.desk import SQL, HookDesk
from services.notification.hooks.hook import Hook
from services.notification.hooks.post import Said
from services.notification.hooks.receiver import Receiver

AT_ONCE: Final = 8  # tickets whose turn has come
LOOK_SECONDS: Final = 30.0  # at the latest, whatever was due when


class Retries:
    """The letters of one webhook that wait."""

    def __init__(self, desk: HookDesk, hook: Hook, receiver: Receiver) -> None:
        self._desk = desk
        self._hook = hook
        self._receiver = receiver
        self._waiting: set[UUID] = set()
        self._changing = asyncio.Lock()
        self._woken = asyncio.Event()

    async def load(self) -> None:
        self._waiting = {row["stream"] for row in await self._desk.pool.fetch(SQL["parked"], self._hook.id)}

    def waits(self, stream: UUID) -> bool:
        """Whether something of this ticket waits, so that what is newer must wait behind it."""
        return stream in self._waiting

    def changing(self) -> asyncio.Lock:
        """Held by whoever adds a letter, or finds that a ticket has none any more: the two must not cross."""
        return self._changing

    async def add(self, connection: Connection, event: Recorded[Event], said: Said | None) -> None:
        """A letter that was refused, or with `said` None waits behind another one."""
        wait = timedelta()
        if said is not None:
            wait = max(self._desk.pace.retry(1), timedelta(seconds=said.wait_seconds))
        await connection.execute(
            SQL["park"], self._hook.id, event.lane, event.position, event.stream, event.id, event.type,
            0 if said is None else 1, "waits" if said is None else said.code, wait, self._desk.pace.trying,
        )  # fmt: skip
        self._waiting.add(event.stream)
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._woken.clear()
            rows = await self._desk.pool.fetch(SQL["heads"], self._hook.id, AT_ONCE)
            due = [row for row in rows if row["due"]]
            if due:
                async with asyncio.TaskGroup() as tasks:
                    for row in due:
                        tasks.create_task(self._again(row), name="webhook-retry")
                continue
            soonest = min((row["due_in_seconds"] for row in rows), default=LOOK_SECONDS)
            try:
                async with asyncio.timeout(min(LOOK_SECONDS, max(0.01, soonest))):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def _again(self, row: Any) -> None:
        lane, position = row["lane"], row["position"]
        (event,) = recorded(await self._desk.pool.fetch(SQL["event"], lane, position))
        said = await self._receiver.send(event)
        async with self._changing:
            async with self._receiver.writing() as connection:
                if said.taken:
                    await connection.execute(SQL["taken"], self._hook.id, lane, position)
                    await connection.execute(SQL["succeeded"], self._hook.id, said.code)
                else:
                    await self._refused(connection, row, said)
                more = await connection.fetchval(SQL["waits_still"], self._hook.id, event.stream)
            if not more:
                self._waiting.discard(event.stream)

    async def _refused(self, connection: Connection, row: Any, said: Said) -> None:
        wait = max(self._desk.pace.retry(row["attempts"] + 1), timedelta(seconds=said.wait_seconds))
        state = await connection.fetchval(SQL["refused"], self._hook.id, row["lane"], row["position"], said.code, wait)
        if state == "dead":
            self._desk.counts.message("dead")
