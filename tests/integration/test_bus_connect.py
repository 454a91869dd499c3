"""Connecting to a server that is not there."""

from __future__ import annotations

import asyncio

import pytest

from services.embedded.ports import claim
from services.kit.bus import connect
from services.kit.settings import Settings

STEPS = 60  # of the event loop: enough for several attempts, each of which has a moment that loses a cancellation


@pytest.mark.parametrize("chunk", range(4))
async def test_an_attempt_that_is_told_to_end_does_at_whatever_moment(database: Settings, chunk: int) -> None:
    away = Settings.model_validate({**database.model_dump(), "nats_url": f"nats://127.0.0.1:{claim(0, 'no variable')}"})
    for steps in range(chunk, STEPS, 4):
        task = asyncio.create_task(connect(away, "relay-under-test"))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=30)
        assert done, f"it goes on though it was told to end after {steps} steps"
        assert task.cancelled()
