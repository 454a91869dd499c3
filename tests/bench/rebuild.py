"""G5: events read, decoded, validated and folded by one process, beside a raw cursor over the same rows."""

from __future__ import annotations

import time
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from contracts.subjects import LANES, lane_of_client, stamp_lane
from contracts.ticket import INITIAL, Ticket, evolve
from services.kit.log.append import Append, Appended, append_in
from services.kit.log.read import SQL, read_lane
from services.kit.personal import Vault
from services.kit.postgres import Pool
from services.kit.settings import Settings
from tests.bench.append import person_of
from tests.bench.story import EVENTS, story

PAGE = 2_000  # events read at once
TICKETS_A_CALL = 20


async def fill(pool: Pool, vault: Vault, events: int) -> None:
    """Tickets of 30 events each, dealt to 200 clients over all lanes."""
    people = [await person_of(vault, index) for index in range(200)]
    async with pool.acquire() as connection:
        for start in range(0, events // EVENTS, TICKETS_A_CALL):
            appends = []
            for index in range(start, start + TICKETS_A_CALL):
                client, person, seal = people[index % len(people)]
                appends.append(Append(client, story(stamp_lane(uuid7(), lane_of_client(client)), person, seal)))
            results = await append_in(connection, appends)
            if not all(isinstance(result, Appended) for result in results):
                raise RuntimeError(f"the log refused an append of the benchmark: {results}")


async def folded(pool: Pool) -> float:
    """Events a second from the log to tickets, personal text unopened."""
    tickets: dict[UUID, Ticket] = {}
    count = 0
    started = time.perf_counter()
    for lane in range(LANES):
        position = 0
        while events := await read_lane(pool, lane, position, PAGE):
            for event in events:
                tickets[event.stream] = evolve(tickets.get(event.stream, INITIAL), event)
            count += len(events)
            position = events[-1].position
    return count / (time.perf_counter() - started)


async def raw(settings: Settings) -> float:
    """Rows a second of an asyncpg cursor over the same columns, nothing done with them."""
    connection = await asyncpg.connect(settings.dsn("reporting"))
    query = SQL["lane"].replace("LIMIT $3", "")
    count = 0
    started = time.perf_counter()
    for lane in range(LANES):
        async with connection.transaction():
            async for _ in connection.cursor(query, lane, 0, prefetch=PAGE):
                count += 1
    seconds = time.perf_counter() - started
    await connection.close()
    return count / seconds
