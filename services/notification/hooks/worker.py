"""One webhook -> its receiver has every event, each ticket's in order. I/O.

Events are read from the log behind the webhook's place, a bounded number at a time; tickets go side by side, the
events of one ticket one after the other. What was taken is written down before the next of its ticket is sent. What was
refused is put aside, its ticket waits behind it and the others go on. A receiver that fails again and again rests: then
nothing more is read for it, and nothing is lost. Whatever goes wrong here, the worker ends and begins again from the
database.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final
from uuid import UUID

from contracts.envelope import Recorded
from contracts.model import Event
from services.kit.log.select import Source, select_events
from services.kit.postgres import Connection
from services.notification.hooks.desk import SQL, HookDesk
from services.notification.hooks.hook import Hook, Progress
from services.notification.hooks.post import Said
from services.notification.hooks.receiver import Receiver
from services.notification.hooks.retry import Retries

WINDOW: Final = 64  # events of one receiver, read at once
FEW: Final = 16  # of them that are left when more are read
IDLE_SECONDS: Final = 10.0  # a place that moves over what is not wanted is written down at least so often


class Worker:
    """Works on one version of one webhook until cancelled. Raises Lost once it is another's."""

    def __init__(self, desk: HookDesk, hook: Hook) -> None:
        self._desk = desk
        self._hook = hook
        self._receiver = Receiver(desk, hook)
        self._retries = Retries(desk, hook, self._receiver)
        self._lanes: dict[int, Progress] = {}
        self._noted: dict[int, tuple[int, list[int]]] = {}
        self._queues: dict[UUID, deque[Recorded[Event]]] = {}
        self._room = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled, or until something goes wrong, which it raises."""
        try:
            await self._receiver.load()
            await self._retries.load()
            for row in await self._desk.pool.fetch(SQL["places"], self._hook.id):
                self._lanes[row["lane"]] = Progress(row["place"], set(row["ahead"]))
                self._noted[row["lane"]] = (row["place"], row["ahead"])
            with self._desk.room.reading():
                await self._work()
        finally:
            await self._receiver.close()

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._retries.run(), name="webhook-retries")
            await self._read(tasks)

    async def _read(self, tasks: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        noted = loop.time()
        while True:
            while sum(len(queue) for queue in self._queues.values()) > FEW:
                self._room.clear()
                await self._room.wait()
            known = self._desk.growth.heads
            found, more = await self._take(WINDOW)
            for event in found:
                queue = self._queues.get(event.stream)
                if queue is not None:
                    queue.append(event)
                    continue
                self._queues[event.stream] = deque([event])
                tasks.create_task(self._ticket(event.stream), name="webhook-ticket")
            left = IDLE_SECONDS - (loop.time() - noted)
            if left <= 0 or not (more or await self._desk.growth.beyond(known, self._lanes, left)):
                await self._note()
                noted = loop.time()

    async def _take(self, limit: int) -> tuple[list[Recorded[Event]], bool]:
        """The next events that are wanted and not done, and whether there are more already."""
        sources = [Source(lane, self._hook.client, progress.read) for lane, progress in self._lanes.items()]
        limit = max(1, limit // len(sources))
        found = await select_events(
            self._desk.pool,
            sources,
            self._hook.wanted,
            limit=limit,
            bytes_max=self._desk.room.bytes_max // len(sources),
        )
        events: list[Recorded[Event]] = []
        for source, (given, upto, _) in zip(sources, found, strict=True):
            fresh = set(self._lanes[source.lane].begin(map(source.place_of, given), upto))
            events += [event for event in given if source.place_of(event) in fresh]
        return events, any(each.more for each in found)

    async def _ticket(self, stream: UUID) -> None:
        """Everything of one ticket that was read, in order."""
        queue = self._queues[stream]
        while queue:
            event = queue[0]
            if self._retries.waits(stream):
                await self._put_aside(event, None)
            else:
                said = await self._receiver.send(event)
                await (self._taken(event, said) if said.taken else self._put_aside(event, said))
            queue.popleft()
            self._room.set()
        del self._queues[stream]

    async def _taken(self, event: Recorded[Event], said: Said) -> None:
        async with self._receiver.writing() as connection:
            await connection.execute(SQL["succeeded"], self._hook.id, said.code)
            await self._move(connection, event)
        self._ended(event)

    async def _put_aside(self, event: Recorded[Event], said: Said | None) -> None:
        """It was refused, or waits behind one of its ticket that was."""
        async with self._retries.changing():
            async with self._receiver.writing() as connection:
                await self._retries.add(connection, event, said)
                await self._move(connection, event)
            self._ended(event)

    async def _move(self, connection: Connection, event: Recorded[Event]) -> None:
        """The place as it will be once this transaction is committed."""
        place, ahead = self._lanes[event.lane].settled(self._place(event))
        await connection.execute(SQL["move"], self._hook.id, event.lane, place, ahead)

    def _ended(self, event: Recorded[Event]) -> None:
        self._lanes[event.lane].end(self._place(event))

    def _place(self, event: Recorded[Event]) -> int:
        return Source(event.lane, self._hook.client, 0).place_of(event)

    async def _note(self) -> None:
        """Writes down places that have moved over what is not wanted."""
        now = {lane: progress.settled() for lane, progress in self._lanes.items()}
        moved = {lane: settled for lane, settled in now.items() if settled != self._noted[lane]}
        if not moved:
            return
        async with self._receiver.writing() as connection:
            for lane in moved:
                self._noted[lane] = self._lanes[lane].settled()
                await connection.execute(SQL["move"], self._hook.id, lane, *self._noted[lane])
