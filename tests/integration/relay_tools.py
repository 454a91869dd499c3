"""What the tests of the relay share: the stream as it is, and a relay in a process of its own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import nats

from contracts.subjects import ALL, LANES, STREAM
from services.kit.bus.message import Stored, stored_of
from services.kit.log.tails import read_tails
from services.kit.postgres import Pool
from services.kit.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


async def stream_of(settings: Settings) -> dict[int, list[Stored]]:
    """Everything in the stream, by lane, in the order in which the stream has it."""
    client = await nats.connect(settings.bus_url)
    jetstream = client.jetstream()
    count = (await jetstream.stream_info(STREAM)).state.messages
    found: dict[int, list[Stored]] = defaultdict(list)
    subscription = await jetstream.subscribe(ALL, ordered_consumer=True)
    for _ in range(count):
        message = await subscription.next_msg(5)
        stored = stored_of(message.headers or {}, message.data)
        found[stored.lane].append(stored)
    await client.close()
    return found


async def published(settings: Settings, pool: Pool) -> bool:
    """Whether the stream's last message of each lane is the log's head."""
    client = await nats.connect(settings.bus_url)
    try:
        _, tails = await read_tails(client.jetstream(), pool, range(LANES))
    except nats.js.errors.NotFoundError:
        return False
    finally:
        await client.close()
    heads = await pool.fetch("SELECT lane, position FROM log.lanes")
    return all(tails[row["lane"]].position == row["position"] for row in heads)


async def assert_each_lane_once_in_order(settings: Settings, pool: Pool) -> None:
    found = await stream_of(settings)
    for row in await pool.fetch("SELECT lane, position FROM log.lanes"):
        positions = [stored.position for stored in found[row["lane"]]]
        assert positions == list(range(1, row["position"] + 1)), f"lane {row['lane']}"


async def start_process(settings: Settings) -> subprocess.Popen[bytes]:
    """A relay as a process of its own, ready."""
    reading, writing = os.pipe()
    environment = {
        **os.environ,
        "DAYBOOK_HOME": str(settings.home),
        "DAYBOOK_DATABASE_URL": settings.admin_dsn(),
        "DAYBOOK_NATS_URL": settings.bus_url,
        "DAYBOOK_READY_FD": str(writing),
    }
    process = subprocess.Popen(
        (sys.executable, "-m", "services", "serve", "relay"), cwd=ROOT, env=environment, pass_fds=(writing,)
    )
    os.close(writing)
    assert await asyncio.to_thread(os.read, reading, 10) == b"ready\n"
    os.close(reading)
    return process
