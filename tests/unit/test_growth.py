"""Whoever waits for the log to grow: told when it has, and free to end at any moment."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from services.kit.log.growth import Growth


class Deaf:
    """A connection whose subscribe swallows a cancellation, as nats-py's flush does."""

    def __init__(self) -> None:
        self.subscribed = 0
        self.under_way = asyncio.Event()

    async def subscribe(self, _: str, **__: Any) -> None:
        self.subscribed += 1
        self.under_way.set()
        try:
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            return


async def test_who_is_told_to_end_while_it_subscribes_ends() -> None:
    bus = Deaf()

    async def listen() -> None:
        await Growth(cast(Any, None)).listen(cast(Any, bus))
        await asyncio.Event().wait()

    task = asyncio.create_task(listen())
    await bus.under_way.wait()
    task.cancel()
    await asyncio.wait({task}, timeout=30)
    assert task.cancelled()
    assert bus.subscribed < 16


async def test_a_lane_that_grew_before_somebody_waits_for_it_is_told_at_once() -> None:
    growth = Growth(cast(Any, None))
    known = growth.heads
    growth.heads = {**known, 3: 1}
    assert await growth.beyond(known, [3], 30.0)
    assert not await growth.beyond(growth.heads, [3], 0.01)
    assert not await growth.beyond(known, [4], 0.01)
