"""G3 and G4: tickets over HTTP into a whole running desk: how fast taken, how soon seen, at what cost in CPU."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

from tests.bench.desk import Desk
from tests.bench.http import Connection
from tests.bench.story import BODY

CLIENTS = 20
DRAIN_SECONDS = 120.0
LOOK_SECONDS = 0.01  # between two pages: a reader that never rests would take half of the web process for itself
URGENCIES = ("low", "normal", "high", "critical")


@dataclass(frozen=True)
class Accepted:
    """G4. Latencies in milliseconds, CPU of the desk's processes in milliseconds a ticket."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    drained_seconds: float


@dataclass(frozen=True)
class Seen:
    """G3, milliseconds from the 201 to the ticket with its priority in GET /queue."""

    p50_ms: float
    p99_ms: float
    missed: int


async def prepare(desk: Desk) -> None:
    """The clients that the tickets come from."""
    connection = Connection(desk.address, desk.token)
    for index in range(CLIENTS):
        body = {"name": f"Bench {index}", "prefix": f"BENCH{index}"}
        status, answer = await connection.request("PUT", f"/api/v1/clients/bench-{index}", body)
        if status >= 300:
            raise RuntimeError(f"the desk refused a client of the benchmark: {answer}")
    await connection.close()


async def accept(desk: Desk, tickets: int, connections: int = 32) -> Accepted:
    """Submits tickets as fast as they are taken, then waits until every consumer has come to the end."""
    latencies: list[float] = []
    left = iter(range(tickets))

    async def sender() -> None:
        connection = Connection(desk.address, desk.token)
        for index in left:
            started = time.perf_counter()
            await _submit(connection, index)
            latencies.append((time.perf_counter() - started) * 1000)
        await connection.close()

    cpu, started = desk.cpu_seconds(), time.perf_counter()
    await asyncio.gather(*(sender() for _ in range(connections)))
    seconds = time.perf_counter() - started
    drained = await drain(desk)
    cuts = quantiles(latencies, n=100)
    cpu_ms = (desk.cpu_seconds() - cpu) * 1000 / tickets
    return Accepted(tickets / seconds, cuts[49], cuts[98], cpu_ms, drained)


async def see(desk: Desk, per_second: int, seconds: float) -> Seen:
    """Submits at a steady rate while one reader asks for the newest of the queue every few milliseconds."""
    submitted: dict[str, float] = {}
    seen: dict[str, float] = {}
    stop = asyncio.Event()

    async def reader() -> None:
        connection = Connection(desk.address, desk.token)
        while not stop.is_set():
            _, page = await connection.request("GET", "/api/v1/queue?sort=newest&limit=50")
            now = time.perf_counter()
            for item in page["items"]:
                if item["priority"]:
                    seen.setdefault(item["reference"], now)
            await asyncio.sleep(LOOK_SECONDS)
        await connection.close()

    reading = asyncio.create_task(reader())
    pool = [Connection(desk.address, desk.token) for _ in range(16)]
    locks = [asyncio.Lock() for _ in pool]

    async def one(index: int) -> None:
        await asyncio.sleep(index / per_second)
        async with locks[index % len(pool)]:
            answer = await _submit(pool[index % len(pool)], index)
        submitted[answer["reference"]] = time.perf_counter()

    await asyncio.gather(*(one(index) for index in range(int(per_second * seconds))))
    await asyncio.sleep(1.0)
    stop.set()
    await reading
    waits = [max(0.0, seen[ref] - at) * 1000 for ref, at in submitted.items() if ref in seen]
    cuts = quantiles(waits, n=100)
    return Seen(cuts[49], cuts[98], len(submitted) - len(waits))


async def drain(desk: Desk) -> float:
    """Seconds until no consumer is behind."""
    connection = Connection(desk.address, desk.token)
    started = time.perf_counter()
    while time.perf_counter() - started < DRAIN_SECONDS:
        _, subscribers = await connection.request("GET", "/api/v1/subscribers")
        if not any(lag(subscribers)):
            break
        await asyncio.sleep(0.1)
    await connection.close()
    return time.perf_counter() - started


def lag(subscribers: dict[str, Any]) -> list[int]:
    """How many events each consumer is behind."""
    return [int(item["behind"]) for item in subscribers["items"] if item["kind"] == "consumer"]


async def _submit(connection: Connection, index: int) -> Any:
    chance = random.Random(index)
    body = {
        "client": f"bench-{chance.randrange(CLIENTS)}",
        "requester": {"email": f"person{chance.randrange(400)}@bench.example", "name": "Robin Example"},
        "subject": f"Nobody can print in Lyon ({index})",
        "body": BODY,
        "category": "printing",
        "urgency": chance.choice(URGENCIES),
    }
    status, answer = await connection.request("POST", "/api/v1/tickets", body)
    if status != 201:
        raise RuntimeError(f"the desk refused a ticket of the benchmark: {status} {answer}")
    return answer
