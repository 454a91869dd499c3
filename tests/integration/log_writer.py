"""A writer process for test_log_history: one ledger line an acknowledged append.

Each writer keeps tickets of its own and shares some with all others, so that appends conflict. Every tenth append is
made inside a transaction that is rolled back: it must leave no trace.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from pathlib import Path
from typing import TextIO
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from contracts.subjects import lane_of_client, stamp_lane
from contracts.terms import Channel
from contracts.tickets import NoteAdded, TicketSubmitted
from services.kit.log.append import Append, Appended, Appender, NewEvent, NotAppended, append_in
from tests.sealing import sealed

SHARED = [stamp_lane(UUID(int=1_000_000 + index * 16), lane_of_client(f"history-{index}")) for index in range(8)]
ROLLED_BACK = "rolled back"


class Writer:
    """One of the concurrent writers of a process."""

    def __init__(
        self, pool: asyncpg.Pool[asyncpg.Record], appender: Appender, ledger: TextIO, chance: random.Random
    ) -> None:
        self._pool = pool
        self._appender = appender
        self._ledger = ledger
        self._chance = chance

    async def run(self, until: float) -> None:
        while time.monotonic() < until:
            client = self._chance.randrange(8)
            match self._chance.random():
                case x if x < 0.1:
                    await self._roll_back(client)
                case x if x < 0.5:
                    await self._append(
                        f"history-{client}", [_note(SHARED[client], await self._next(SHARED[client]), "shared")]
                    )
                case _:
                    stream = stamp_lane(uuid7(), lane_of_client(f"history-{client}"))
                    await self._append(f"history-{client}", [_submitted(stream), _note(stream, 2, "own")])

    async def _next(self, stream: UUID) -> int:
        last = await self._pool.fetchval("SELECT max(version) FROM log.events WHERE stream = $1", stream)
        return (last or 0) + 1

    async def _append(self, client: str, events: list[NewEvent]) -> None:
        try:
            placed = await self._appender.append(Append(client, events))
        except NotAppended:
            return
        self._acknowledge(placed, events)

    async def _roll_back(self, client: int) -> None:
        stream = stamp_lane(uuid7(), lane_of_client(f"history-{client}"))
        async with self._pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            await append_in(connection, [Append(f"history-{client}", [_note(stream, 1, ROLLED_BACK)])])
            await asyncio.sleep(self._chance.random() * 0.003)
            await transaction.rollback()

    def _acknowledge(self, placed: Appended, events: list[NewEvent]) -> None:
        line = {"lane": placed.lane, "last": placed.position, "ids": [str(event.id) for event in events]}
        self._ledger.write(json.dumps(line) + "\n")
        self._ledger.flush()


def _submitted(stream: UUID) -> NewEvent:
    data = TicketSubmitted(prefix="HIST", requester=stream, subject="s", body="b", channel=Channel.API)
    return NewEvent(uuid7(), stream, 1, data, "token:history", sealed)


def _note(stream: UUID, version: int, text: str) -> NewEvent:
    return NewEvent(uuid7(), stream, version, NoteAdded(body=text), "token:history", sealed)


async def main(dsn: str, ledger: TextIO, seed: int, writers: int, seconds: float) -> None:
    pool = await asyncpg.create_pool(dsn, min_size=1, max_size=6)
    appender = Appender(pool)
    until = time.monotonic() + seconds
    crowd = [Writer(pool, appender, ledger, random.Random(seed * 1000 + index)) for index in range(writers)]
    await asyncio.gather(*(writer.run(until) for writer in crowd))
    await appender.close()
    await pool.close()


if __name__ == "__main__":
    with Path(sys.argv[2]).open("a") as ledger_file:
        asyncio.run(main(sys.argv[1], ledger_file, int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])))
