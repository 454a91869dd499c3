"""G7: pages of the queue, full-text search and the dashboard of a desk with so many tickets, over the API's own routes.

Views are filled in sets, past the log: what is measured reads nothing else. `python -m tests.bench.views 1000000`
measures it alone.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from statistics import quantiles

import httpx
import uvloop
from rich.console import Console
from uuid_utils.compat import uuid7

from contracts.model import DESK
from contracts.people import Role
from contracts.subjects import lane_of_client
from services.kit.access.tokens import NewToken, make_token
from services.kit.postgres import connect_pool, queries
from services.kit.settings import Settings
from services.reporting.app import open_app
from tests.bench.servers import servers
from tests.bench.table import Row, show

SQL = queries("tests/bench/sql/views.sql")

CLIENTS, AGENTS = 200, 40
WARM = 2  # rounds before those that count
ROUNDS = 10
READERS = 32
SCHEMAS = "reporting_queue, reporting_search, reporting_directory, reporting_sla, reporting"
FILLED = ("queue", "search", "sla")  # in this order; the directory is small and stays
QUEUES = (
    "limit=50", "status=open", "priority=P2", "status=open&priority=P1,P2", "client=bench-7", "assignee=none",
    "category=category-3", "category=category-3&priority=P4&status=closed", "tag=tag-20", "sort=newest",
    "sort=priority&status=open", "overdue=true", "client=bench-7&sort=oldest&status=closed",
)  # fmt: skip
WORDS = ("printer", "word17", "printer outage", "word3 word4000", "word19999", "nosuchword", "outage&client=bench-7")
GOALS = {"queue": 60.0, "search": 200.0, "dashboard": 100.0, "queue, 32 readers": 150.0}  # ms, p99


async def fill(settings: Settings, tickets: int) -> None:
    """Fills the views as if so many tickets had come evenly in two years. Takes away what they held."""
    pool = await connect_pool(settings, "owner", size=1, statement_seconds=3_600.0)
    desk_lane = lane_of_client(DESK)
    async with pool.acquire() as owner:
        await owner.execute("SET work_mem = '256MB'; SET maintenance_work_mem = '512MB'")
        await owner.execute(SQL["functions"])
        for view in FILLED:
            await owner.execute(f"DROP SCHEMA reporting_{view} CASCADE")
            await owner.execute(f"SELECT reporting.create_{view}('reporting_{view}')")
        await owner.execute(f"SET search_path = {SCHEMAS}")
        await owner.execute("TRUNCATE clients, people, agents")
        await owner.execute(SQL["clients"], CLIENTS)
        await owner.execute(SQL["people"])
        await owner.execute(SQL["agents"], AGENTS, desk_lane)
        await owner.execute(SQL["tickets"], tickets, datetime.now(UTC), AGENTS, desk_lane, CLIENTS)
        for part in ("history", "counts", "days", "cycles", "tallies", "words"):
            await owner.execute(SQL[part])
        for view in FILLED:
            await owner.execute(f"SELECT reporting.index_{view}('reporting_{view}')")
            await owner.execute(f"SELECT reporting.guard_view('reporting_{view}')")
        await owner.execute(SQL["heads"])
        await owner.execute("VACUUM ANALYZE")
    await pool.close()


@asynccontextmanager
async def reading(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Asks the API of reporting, in this process, as an administrator."""
    pool = await connect_pool(settings, "intake", size=1)
    token = await make_token(pool, NewToken(id=uuid7(), name="bench", role=Role.ADMINISTRATOR, clients=None))
    await pool.close()
    async with open_app(settings) as app:
        headers = {"Authorization": f"Bearer {token}"}
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://desk.example", headers=headers) as http:
            yield http


async def took(http: httpx.AsyncClient, path: str) -> tuple[float, str | None]:
    """Milliseconds of one answer, and where the next page begins."""
    started = time.perf_counter()
    answer = await http.get(f"/api/v1/{path}")
    found = (time.perf_counter() - started) * 1000
    return found, answer.raise_for_status().json().get("next_cursor")


async def pages(http: httpx.AsyncClient, path: str) -> list[float]:
    """The first page of an answer and the one behind it."""
    first, cursor = await took(http, path)
    return [first] if cursor is None else [first, (await took(http, f"{path}&cursor={cursor}"))[0]]


async def measured(settings: Settings) -> dict[str, float]:
    """Milliseconds, p99 of each kind of question."""
    found: dict[str, list[float]] = {name: [] for name in GOALS}
    async with reading(settings) as http:
        for nth in range(-WARM, ROUNDS):
            queue = [each for asked in QUEUES for each in await pages(http, f"queue?{asked}")]
            search = [each for words in WORDS for each in await pages(http, f"queue?q={words}")]
            dashboard = [(await took(http, "dashboard"))[0] for _ in range(5)]
            if nth >= 0:
                for name, times in zip(GOALS, (queue, search, dashboard), strict=False):
                    found[name] += times
        for nth in range(4):
            asked = [f"queue?{QUEUES[(reader + nth) % len(QUEUES)]}" for reader in range(READERS)]
            crowd = await asyncio.gather(*(took(http, path) for path in asked))
            found["queue, 32 readers"] += [each for each, _ in crowd]
    return {name: quantiles(times, n=100)[98] for name, times in found.items()}


async def row(tickets: int) -> Row:
    """G7."""
    async with servers() as settings:
        await fill(settings, tickets)
        found = await measured(settings)
    return Row(
        figure="G7",
        what=f"p99 of queue pages, full-text search and dashboard with {tickets:,} tickets, {3 * tickets:,} messages",
        measured=", ".join(f"{name} {found[name]:.0f} ms" for name in GOALS),
        goal=", ".join(f"{name} <= {most:.0f} ms" for name, most in GOALS.items()),
        reached=all(found[name] <= most for name, most in GOALS.items()),
        values={f"{name}_ms": p99 for name, p99 in found.items()},
    )


async def main() -> None:
    show([await row(int((sys.argv[1:] or ["100000"])[0]))], Console())


if __name__ == "__main__":
    uvloop.run(main())
