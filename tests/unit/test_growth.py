"""Who waits for more hears of it at once; a process in which nobody waits asks the database nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from contracts.subjects import LANES
from services.kit.log import growth as growing
from services.kit.log.growth import Growth


class Lanes:
    """Stands for the database: how far the lanes are, and how often that was asked."""

    def __init__(self) -> None:
        self.now = dict.fromkeys(range(LANES), 0)
        self.asked = 0

    async def heads(self, _: Any) -> dict[int, int]:
        self.asked += 1
        return dict(self.now)


@pytest.fixture
def lanes(monkeypatch: pytest.MonkeyPatch) -> Lanes:
    made = Lanes()
    monkeypatch.setattr(growing, "heads", made.heads)
    return made


@pytest.fixture
async def growth(lanes: Lanes) -> AsyncIterator[Growth]:
    made = Growth(cast(Any, None))
    task = asyncio.create_task(made.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def poke(growth: Growth) -> None:
    await growth._hear(cast(Any, None))
    await asyncio.sleep(0)


async def test_while_nobody_waits_nothing_is_asked(growth: Growth, lanes: Lanes) -> None:
    for _ in range(100):
        await poke(growth)
    assert lanes.asked == 0
    lanes.now[3] = 7
    assert await growth.beyond(growth.heads, {3}, 60)
    assert growth.heads[3] == 7


async def test_pokes_without_end_cost_one_look_in_a_while(growth: Growth, lanes: Lanes) -> None:
    waiting = asyncio.create_task(growth.beyond(growth.heads, {3}, 60))
    began = time.monotonic()
    for _ in range(100):
        await poke(growth)
        await asyncio.sleep(0.002)
    looks = 1 + (time.monotonic() - began) / growing.GAP_SECONDS
    assert 2 <= lanes.asked <= looks + 1
    lanes.now[3] = 1
    await poke(growth)
    assert await waiting


async def test_what_comes_between_two_looks_is_heard_of(
    growth: Growth, lanes: Lanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growing, "LOOK_SECONDS", 1_000.0)  # by pokes alone
    for place in range(1, 20):
        known = growth.heads
        waiting = asyncio.create_task(growth.beyond(known, {3}, 60))
        await asyncio.sleep(0)
        lanes.now[3] = place
        await poke(growth)
        assert await waiting
