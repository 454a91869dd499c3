"""Who works a lane: leases with expiry and epoch in PostgreSQL, shared evenly by all who ask. I/O.

A lease saves double work; it does not fence. A frozen holder does not know that it lost its lane, so what it writes
must be refused by other means (for the relay: the expected sequence of every publish). An advisory lock would be kept
by a frozen process for ever.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from contracts.subjects import LANES
from services.kit.postgres import Pool, queries

SQL = queries("services/kit/log/sql/lease.sql")

LEASE_SECONDS = 1.0  # a frozen holder is replaced within this and one RENEW_SECONDS of another
RENEW_SECONDS = 0.3


@dataclass
class Leases:
    """The lanes that one process holds for one purpose. Call `renew` every RENEW_SECONDS."""

    pool: Pool
    purpose: str
    holder: UUID
    seconds: float = LEASE_SECONDS
    _held: Mapping[int, int] = field(default_factory=dict)
    _until: float = 0.0

    def held(self) -> Mapping[int, int]:
        """{lane: epoch} of the lanes that are ours beyond doubt; empty when the last renewal is too long ago."""
        return self._held if time.monotonic() < self._until else {}

    async def renew(self) -> Mapping[int, int]:
        """Renews what is held; gives up what is more than a fair share, takes what is free."""
        started = time.monotonic()
        lease = timedelta(seconds=self.seconds)
        row = await self.pool.fetchrow(SQL["renew"], self.purpose, self.holder, lease)
        if row is None:
            raise LookupError("the renewal of a lease always answers with one row")
        share = -(-LANES // max(1, row["seats"]))
        missing = min(share - len(row["lanes"]), LANES - row["taken"])
        if row["seated"] and missing <= 0 <= share - len(row["lanes"]):
            self._held = dict(zip(row["lanes"], row["epochs"], strict=True))
        else:
            self._held = await self._share(lease)
        self._until = started + self.seconds
        return self._held

    async def _share(self, lease: timedelta) -> Mapping[int, int]:
        async with self.pool.acquire() as connection, connection.transaction():
            # One who decides at a time: two that count at once would both take, or both give up, the same lanes.
            await connection.execute(SQL["one_at_a_time"], self.purpose)
            await connection.execute(SQL["sit"], self.purpose, self.holder, lease)
            share = -(-LANES // max(1, await connection.fetchval(SQL["seats"], self.purpose)))
            await connection.execute(SQL["give_up"], self.purpose, self.holder, share)
            await connection.execute(SQL["take"], self.purpose, self.holder, lease, share)
            rows = await connection.fetch(SQL["held"], self.purpose, self.holder)
        return {row["lane"]: row["epoch"] for row in rows}

    async def release(self) -> None:
        """Gives everything up at once, so that another need not wait for the expiry."""
        self._held = {}
        await self.pool.execute(SQL["release"], self.purpose, self.holder)
