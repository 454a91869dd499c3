"""A durable's messages enter; what a consumer is offered of them leaves: late, doubled, disordered, or never."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from services.kit.bus.worker import Consumer
    from tests.chaos.sim.bus import Bus, Message

FETCH_MAX = 8


@dataclass
class Durable:
    """How far the server has handed a stream out, over all processes of one consumer."""

    birth: object = None
    handed: int = 0


class Line:
    """The line between the bus and one process of a consumer."""

    def __init__(self, bus: Bus, name: str) -> None:
        self._bus = bus
        self._chance = bus.loop.chance
        self._durable = bus.durables.setdefault(name, Durable())

    async def bring(self, consumer: Consumer) -> None:
        """Offers until the process ends."""
        arrived = self._bus.listen()
        while True:
            batch = [] if self._bus.down else self._disturbed(self._next())
            if batch:
                await asyncio.sleep(self._chance.choice((0.0005, 0.0005, 0.05, 0.4)))
                offered: Any = batch
                await consumer.offer(offered)
            else:
                await arrived.wait()
                arrived.clear()

    def _next(self) -> list[Message]:
        stream, durable = self._bus.stream, self._durable
        if stream is None:
            return []
        if durable.birth != stream.created:
            durable.birth, durable.handed = stream.created, 0
        found = [message for message in stream.messages if message.seq > durable.handed][:FETCH_MAX]
        if found:
            durable.handed = found[-1].seq
        return found

    def _disturbed(self, found: list[Message]) -> list[Message]:
        faults, chance = self._bus.deliveries, self._chance
        if not faults or not found:
            return found
        kept = [message for message in found if chance.random() > faults]
        kept += [message for message in found if chance.random() < faults]
        if self._bus.stream is not None and chance.random() < faults:
            kept.append(chance.choice(self._bus.stream.messages))
        if chance.random() < faults:
            chance.shuffle(kept)
        return kept or found[:1]
