"""G1: durable, checked one-event appends through kit/log, beside raw inserts of the same rows."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import Any
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from contracts.model import Seal
from contracts.subjects import lane_of_client, stamp_lane
from contracts.terms import Channel, Urgency
from contracts.tickets import TicketSubmitted
from services.kit.log.append import Append, Appender, NewEvent
from services.kit.personal import Vault
from services.kit.postgres import connect_pool
from services.kit.settings import Settings
from tests.bench.story import BODY

CALLERS = 256
CLIENTS = 200
RAW_ROWS = 500  # rows in one raw insert


@dataclass(frozen=True)
class Figures:
    """Events a second and the latency of one append in milliseconds."""

    per_second: float
    p50_ms: float
    p99_ms: float


async def daybook(settings: Settings, events: int, *, sealed: bool = True) -> Figures:
    """One process, 256 callers, 200 clients over all lanes; every append waits for its commit."""
    pool = await connect_pool(settings, "intake", size=4)
    vault = Vault(pool, settings.master_key_bytes, new_id=uuid7, random_bytes=os.urandom, monotonic=time.monotonic)
    appender = Appender(pool)
    people = await asyncio.gather(*(person_of(vault, index) for index in range(CALLERS)))
    latencies: list[float] = []

    async def caller(index: int) -> None:
        client, person, seal = people[index]
        for _ in range(events // CALLERS):
            started = time.perf_counter()
            await appender.append(Append(client, [event(client, person, seal if sealed else as_it_is)]))
            latencies.append((time.perf_counter() - started) * 1000)

    started = time.perf_counter()
    await asyncio.gather(*(caller(index) for index in range(CALLERS)))
    seconds = time.perf_counter() - started
    await appender.close()
    await pool.close()
    cuts = quantiles(latencies, n=100)
    return Figures(len(latencies) / seconds, cuts[49], cuts[98])


def as_it_is(text: str) -> Any:
    """Seals nothing: what an append costs without encryption."""
    return text


async def person_of(vault: Vault, index: int) -> tuple[str, UUID, Seal]:
    """One of the bench's clients, a person of it and what seals for them."""
    client = f"bench-{index % CLIENTS}"
    person, _ = await vault.find_or_make(client, f"caller-{index}@bench.example")
    await vault.load([person])
    return client, person, vault.sealer(person)


def event(client: str, person: UUID, seal: Seal) -> NewEvent:
    data = TicketSubmitted(
        prefix="BENCH",
        requester=person,
        subject="Nobody can print in Lyon",
        body=BODY,
        channel=Channel.API,
        category="printing",
        urgency=Urgency.HIGH,
    )
    return NewEvent(uuid7(), stamp_lane(uuid7(), lane_of_client(client)), 1, data, "token:bench", seal)


async def raw(settings: Settings, events: int) -> float:
    """Rows a second of `insert … unnest` of 500 of the same rows, one connection, a primary key, no check."""
    connection = await asyncpg.connect(settings.admin_dsn())
    await connection.execute("DROP TABLE IF EXISTS raw_events")
    await connection.execute("CREATE TABLE raw_events (LIKE log.events, PRIMARY KEY (lane, position))")
    names, types = await _columns(connection)
    columns = ", ".join(names)
    rows = await connection.fetch(f"SELECT {columns} FROM log.events ORDER BY lane, position LIMIT $1", events)
    insert = f"INSERT INTO raw_events ({columns}) SELECT {columns} FROM unnest({', '.join(types)}) AS u ({columns})"
    batches: list[Sequence[Sequence[Any]]] = [
        list(zip(*(tuple(row) for row in rows[start : start + RAW_ROWS]), strict=True))
        for start in range(0, len(rows), RAW_ROWS)
    ]
    started = time.perf_counter()
    for batch in batches:
        await connection.execute(insert, *batch)
    seconds = time.perf_counter() - started
    await connection.execute("DROP TABLE raw_events")
    await connection.close()
    return len(rows) / seconds


async def _columns(connection: asyncpg.Connection[asyncpg.Record]) -> tuple[list[str], list[str]]:
    columns = await connection.fetch(
        "SELECT attname, format_type(atttypid, NULL) AS type FROM pg_attribute "
        "WHERE attrelid = 'raw_events'::regclass AND attnum > 0 ORDER BY attnum"
    )
    names = [column["attname"] for column in columns]
    return names, [f"${index + 1}::{column['type']}[]" for index, column in enumerate(columns)]
