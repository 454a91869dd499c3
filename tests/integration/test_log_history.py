"""64 writers in four processes, aborted and idle transactions, kill -9 in the middle: what did the log keep?"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import asyncpg

from services.kit.log.read import heads
from services.kit.log.verify import verify
from services.kit.postgres import ROOT, Pool
from services.kit.settings import Settings
from tests.conftest import PoolOf
from tests.integration.log_writer import ROLLED_BACK

PROCESSES = 4
WRITERS = 16  # in each process
SECONDS = 4.0


class Follower:
    """Reads every lane behind its last position, as a relay does, and keeps what it saw."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.seen: dict[int, list[tuple[int, str]]] = {lane: [] for lane in range(16)}

    async def follow(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self.catch_up()
            await asyncio.sleep(0.002)

    async def catch_up(self) -> None:
        for lane, seen in self.seen.items():
            rows = await self._pool.fetch(
                "SELECT position, id FROM log.events WHERE lane = $1 AND position > $2 ORDER BY position",
                lane,
                len(seen),
            )
            seen.extend((row["position"], str(row["id"])) for row in rows)


async def _start(settings: Settings, ledger: Path, seed: int) -> asyncio.subprocess.Process:
    arguments = [settings.dsn("intake"), str(ledger), str(seed), str(WRITERS), str(SECONDS)]
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.log_writer", *arguments, cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )


async def _until_it_writes(ledger: Path) -> None:
    while not ledger.exists() or ledger.read_bytes().count(b"\n") < 50:
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.5)


async def test_nothing_is_lost_doubled_reordered_or_skipped(
    database: Settings, pool_of: PoolOf, tmp_path: Path
) -> None:
    pool = await pool_of("reporting")
    ledgers = [tmp_path / f"ledger-{index}.jsonl" for index in range(PROCESSES + 2)]
    follower, stop = Follower(pool), asyncio.Event()
    following = asyncio.create_task(follower.follow(stop))
    foreign = await asyncpg.connect(database.dsn("owner"))
    async with foreign.transaction():
        await foreign.execute("CREATE TEMPORARY TABLE idle_foreign_transaction (id int)")
        writers = [await _start(database, ledgers[index], index) for index in range(PROCESSES)]
        for victim in (0, 1):
            await _until_it_writes(ledgers[victim])
            writers[victim].kill()
            writers.append(await _start(database, ledgers[PROCESSES + victim], PROCESSES + victim))
        for index, writer in enumerate(writers):
            _, errors = await writer.communicate()
            assert writer.returncode == (-9 if index < 2 else 0), errors.decode()
    await foreign.close()
    stop.set()
    await following
    await follower.catch_up()

    assert [fault async for fault in verify(pool)] == []
    await _holds_every_acknowledged_append(follower, ledgers)
    await _saw_everything_in_order(follower, pool)
    stored = await pool.fetchval("SELECT count(*) FROM log.events WHERE payload LIKE $1", f"%{ROLLED_BACK}%".encode())
    assert stored == 0


async def _holds_every_acknowledged_append(follower: Follower, ledgers: list[Path]) -> None:
    where = {event: (lane, position) for lane, seen in follower.seen.items() for position, event in seen}
    acknowledged = [json.loads(line) for ledger in ledgers for line in ledger.read_text().splitlines()]
    assert len(acknowledged) > 500
    for line in acknowledged:
        positions = [where.get(event) for event in line["ids"]]
        last = line["last"]
        assert positions == [(line["lane"], last - len(positions) + 1 + index) for index in range(len(positions))]


async def _saw_everything_in_order(follower: Follower, pool: Pool) -> None:
    events = [event for seen in follower.seen.values() for _, event in seen]
    assert len(events) == len(set(events))
    for lane, head in (await heads(pool)).items():
        assert [position for position, _ in follower.seen[lane]] == list(range(1, head + 1))
