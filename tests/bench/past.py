"""Settings of a bench's servers and a number of events enter; the log is that long already. I/O."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import replace

from uuid_utils.compat import uuid7

from contracts.envelope import Origin
from contracts.subjects import lane_of_client, stamp_lane
from services.kit.log.append import Append, Appended, append_in
from services.kit.personal import Vault
from services.kit.postgres import Pool, connect_pool
from services.kit.settings import Settings
from tests.bench.append import person_of
from tests.bench.story import EVENTS, story

CONSUMERS = ("triage", "notification", "reporting")
TICKETS_A_CALL = 20
DIGEST_SECONDS = 1_800.0


async def fill(settings: Settings, events: int) -> None:
    """Tickets of 30 events each, of 200 clients over all lanes, as an import writes them."""
    pool = await connect_pool(settings, "intake", size=4)
    vault = Vault(pool, settings.master_key_bytes, new_id=uuid7, random_bytes=os.urandom, monotonic=time.monotonic)
    people = [await person_of(vault, index) for index in range(200)]
    async with pool.acquire() as connection:
        for start in range(0, events // EVENTS, TICKETS_A_CALL):
            appends = []
            for index in range(start, start + TICKETS_A_CALL):
                client, person, seal = people[index % len(people)]
                told = story(stamp_lane(uuid7(), lane_of_client(client)), person, seal)
                appends.append(Append(client, [replace(event, origin=Origin.IMPORT) for event in told]))
            for result in await append_in(connection, appends):
                if not isinstance(result, Appended):
                    raise result
    await pool.close()


async def digested(settings: Settings, events: int) -> None:
    """As many events of an import, and every consumer of the running desk at the head."""
    if not events:
        return
    await fill(settings, events)
    pool = await connect_pool(settings, "owner", size=1)
    async with asyncio.timeout(DIGEST_SECONDS):
        while not await at_head(pool):
            await asyncio.sleep(0.5)
    await pool.close()


async def passed_over(settings: Settings, events: int) -> None:
    """As many events of an import, behind the cursors of consumers that do not run yet."""
    if not events:
        return
    await fill(settings, events)
    pool = await connect_pool(settings, "owner", size=1)
    await pool.execute(
        "INSERT INTO log.cursors (lane, consumer, position) SELECT lane, consumer, position FROM log.lanes, "
        "unnest($1::text[]) AS c (consumer) ON CONFLICT (lane, consumer) DO UPDATE SET position = excluded.position",
        list(CONSUMERS),
    )
    await pool.close()


async def at_head(pool: Pool, consumers: Sequence[str] = CONSUMERS) -> bool:
    """Whether the services' cursors of every lane are at the head."""
    behind: int = await pool.fetchval(
        "SELECT count(*) FROM log.lanes l CROSS JOIN unnest($1::text[]) AS k (consumer) "
        "LEFT JOIN log.cursors c ON c.lane = l.lane AND c.consumer = k.consumer "
        "WHERE coalesce(c.position, 0) < l.position",
        list(consumers),
    )
    return behind == 0
