"""The process `triage`: settings enter, a consumer runs until it is told to stop. I/O."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import uvloop
from uuid_utils.compat import uuid7

from services.kit.bus import run_consumer
from services.kit.bus.late import late_bus
from services.kit.clock import clock_for
from services.kit.keyring import keyring
from services.kit.metrics import Metrics
from services.kit.personal import Vault
from services.kit.postgres import connect_pool
from services.kit.ready import announce_ready
from services.kit.telemetry import setup_logging, setup_tracing
from services.triage import models
from services.triage.commands import open_commands
from services.triage.escalations_follow import Follower
from services.triage.following import Following, follow
from services.triage.handler import Triage
from services.triage.incidents import Effects
from services.triage.radar.leader import Leader, secret_of
from services.triage.routing_follow import Routing
from services.triage.timers.index import Indexed
from services.triage.timers.loop import Timers
from services.triage.tone_tables import load_tables

if TYPE_CHECKING:
    from services.kit.settings import Settings


def main(settings: Settings) -> None:
    """Runs triage until the process is told to stop."""
    setup_logging(settings, "triage")
    setup_tracing(settings, "triage")
    uvloop.run(run(settings))


async def run(settings: Settings) -> None:
    """Runs triage until cancelled."""
    pool = await connect_pool(settings, "triage", size=8)
    try:
        async with AsyncExitStack() as stack:
            bus = await stack.enter_async_context(late_bus(settings, "triage-poke"))
            ring = keyring(settings, time.monotonic)
            vault = Vault(pool, ring, new_id=uuid7, random_bytes=os.urandom, monotonic=time.monotonic)
            metrics, log_time = Metrics("triage"), settings.clock == "log"
            secret, told = models.secret_of(settings), bus.committed
            handler = Triage(vault, tables=load_tables(), log_time=log_time, committed=told, words_secret=secret)
            # A clock of its own: what tells timers the time is what ticks, not an event that happened ahead of it.
            timers = Timers(pool, clock_for(settings), holder=uuid7(), log_time=log_time, committed=bus.committed)
            indexed, clock = Indexed(handler, timers), clock_for(settings)
            consumer = run_consumer(settings, indexed, pool, clock, metrics=metrics, started=announce_ready)
            asking = await stack.enter_async_context(open_commands(settings))
            steps = Follower(pool, asking, clock_for(settings), metrics, monotonic=time.monotonic)
            routing = Routing(pool, asking, clock_for(settings), metrics, monotonic=time.monotonic)
            turns: tuple[tuple[Following, ...], ...] = ((steps, routing),) if log_time else ((steps,), (routing,))
            effects = Effects(pool, vault, asking, log_time=log_time, committed=bus.committed)
            radar = Leader(
                pool,
                vault,
                uuid7(),
                secret_of(settings),
                log_time=log_time,
                committed=bus.committed,
                effects=effects.turn,
            )
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(timers.run())
                    tasks.create_task(radar.run())
                    for followers in turns:
                        tasks.create_task(follow(followers, log_time=log_time))
                    tasks.create_task(consumer)
            finally:
                await radar.resign()
    finally:
        await pool.close()
