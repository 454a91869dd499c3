"""G6: a service after kill -9, a relay's lanes after its loss, a wiped bus with events behind. `rows` gives all three.

`python -m tests.bench.recovery [EVENTS]` measures it alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median

import asyncpg
import uvloop
from rich.console import Console

from services.kit.bus.provision import provision_bus
from services.kit.postgres import connect_pool
from services.kit.settings import Settings
from tests.bench.desk import Desk, desk
from tests.bench.http import Connection
from tests.bench.past import CONSUMERS, at_head, fill
from tests.bench.servers import servers
from tests.bench.services import serving
from tests.bench.table import Row, show
from tests.chaos.takeover import taken_over

RUNS = 3
BACK_SECONDS, TAKEN_SECONDS, CAUGHT_SECONDS, CAUGHT_EVENTS = 2.0, 2.0, 120.0, 1_000_000
PATIENCE_SECONDS = 60.0

DONE = {
    "triage": "SELECT count(*) FROM log.events WHERE type = 'ticket.prioritised'",
    "notification": "SELECT count(*) FROM log.events WHERE type = 'delivery.sent'",
    "reporting": "SELECT count(*) FROM reporting_queue.tickets",
}
"""What each consumer has made of the tickets so far."""


@dataclass(frozen=True)
class CaughtUp:
    """Every consumer at the head, after so many seconds with a bus that knew nothing."""

    events: int
    seconds: float
    lost: int


async def rows(events: int = 50_000) -> list[Row]:
    """G6; `events` lie behind when the bus is wiped, a million in the full form."""
    async with desk() as running:
        back = {name: median([await _back(running, name) for _ in range(RUNS)]) for name in ("web", *CONSUMERS)}
        async with serving(running.settings(), "relay"):
            taken = [await _taken(running) for _ in range(RUNS)]
    async with servers() as settings:
        caught = await wiped(settings, events)
    return [_back_row(back), _taken_row(taken), _caught_row(caught)]


def _kill(running: Desk, name: str) -> None:
    os.kill(json.loads((running.home / "run.json").read_text())["pids"][name], signal.SIGKILL)


async def _back(running: Desk, name: str) -> float:
    """Seconds from kill -9 until the service has done its part for a ticket that was sent meanwhile."""
    database = await asyncpg.connect(running.settings().admin_dsn())
    line = Connection(running.address, running.token)
    await line.request("PUT", "/api/v1/clients/bench-0", {"name": "Bench", "prefix": "BENCH0"})
    await _submitted(running)
    query = DONE.get(name, "SELECT count(*) FROM log.events WHERE type = 'ticket.submitted'")
    tickets = await database.fetchval("SELECT count(*) FROM log.events WHERE type = 'ticket.submitted'")

    async def all_done(number: int) -> bool:
        found: int = await database.fetchval(query)
        return found >= number

    await until(lambda: all_done(tickets), f"{name} is at rest")
    _kill(running, name)
    started = time.monotonic()
    await _submitted(running)
    await until(lambda: all_done(tickets + 1), f"{name} is back")
    seconds = time.monotonic() - started
    await line.close()
    await database.close()
    return seconds


async def _submitted(running: Desk) -> None:
    """A ticket, sent again until it is taken."""
    requester = {"email": "ann@bench.example", "name": "Ann"}
    body = {"client": "bench-0", "requester": requester, "subject": "Nobody can print", "body": "It says offline."}

    async def sent() -> bool:
        line = Connection(running.address, running.token)
        try:
            async with asyncio.timeout(5):
                status, _ = await line.request("POST", "/api/v1/tickets", body)
        except (OSError, EOFError, TimeoutError):
            return False
        finally:
            await line.close()
        return status == 201

    await until(sent, "a ticket is taken")


async def _taken(running: Desk) -> float:
    """Seconds from kill -9 of one of two relays until every lane was renewed by another."""
    await asyncio.sleep(3)  # both hold their share again
    _kill(running, "relay")
    return await taken_over(running.settings(), PATIENCE_SECONDS)


async def until(holds: Callable[[], Awaitable[bool]], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    end = time.monotonic() + seconds
    while not await holds():
        if time.monotonic() > end:
            raise RuntimeError(f"not within {seconds:.0f} s: {what}")
        await asyncio.sleep(0.01)


async def wiped(settings: Settings, events: int) -> CaughtUp:
    """Events of an import, which ask for nothing but views; consumers that have seen none of them; an empty bus."""
    await fill(settings, events)
    pool = await connect_pool(settings, "owner", size=2)
    await provision_bus(settings)
    total = await pool.fetchval("SELECT sum(position) FROM log.lanes")
    started = time.monotonic()
    async with serving(settings, "relay", *CONSUMERS):
        await until(lambda: at_head(pool), "every consumer is at the head", 1_800)
    seconds = time.monotonic() - started
    lost = await pool.fetchval(
        "SELECT count(*) FROM (SELECT stream, max(version) AS version FROM log.events WHERE type LIKE 'ticket.%' "
        "GROUP BY stream) l LEFT JOIN reporting_queue.tickets t ON t.ticket = l.stream AND t.version = l.version "
        "WHERE t.ticket IS NULL"
    )
    await pool.close()
    return CaughtUp(int(total), seconds, lost)


def _back_row(back: dict[str, float]) -> Row:
    return Row(
        figure="G6",
        what="a service after kill -9: a ticket sent meanwhile has its part",
        measured=", ".join(f"{name} {seconds:.1f}" for name, seconds in back.items()) + " s",
        goal=f"<= {BACK_SECONDS:.0f} s each",
        reached=max(back.values()) <= BACK_SECONDS,
        values={f"{name}_seconds": seconds for name, seconds in back.items()},
    )


def _taken_row(taken: list[float]) -> Row:
    return Row(
        figure="G6",
        what="kill -9 of one of two relays until every lane is the other's",
        measured=f"{median(taken):.2f} s (at most {max(taken):.2f})",
        goal=f"<= {TAKEN_SECONDS:.0f} s",
        reached=median(taken) <= TAKEN_SECONDS,
        values={"median_seconds": median(taken), "most_seconds": max(taken)},
    )


def _caught_row(caught: CaughtUp) -> Row:
    rate = caught.events / caught.seconds
    million = CAUGHT_EVENTS / rate
    return Row(
        figure="G6",
        what=f"an empty bus and {caught.events:,} events behind, until every consumer is at the head",
        measured=f"{caught.seconds:.0f} s with the services' start, {rate:,.0f}/s (a million: {million:.0f} s); "
        f"{caught.lost} lost",
        goal=f"<= {CAUGHT_SECONDS:.0f} s for a million, nothing lost",
        reached=million <= CAUGHT_SECONDS and caught.lost == 0,
        values={"events": float(caught.events), "seconds": caught.seconds, "lost": float(caught.lost)},
    )


async def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    show(await rows(events), Console())


if __name__ == "__main__":
    uvloop.run(main())
