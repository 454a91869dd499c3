"""(Database, current and second master key) -> every key wrapped by the current one. I/O, as the database's owner.

Each batch is a transaction of its own. What the current key opens is left as it is, so a rotation that was killed is
simply run again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from services.keys import secrets_file
from services.kit.keyring import NONCE_BYTES, REREAD_SECONDS, MasterKeys, opened, wrap
from services.kit.postgres import Pool, queries

SQL = queries("services/keys/sql/keys.sql")

BATCH = 500  # keys in one transaction: a few milliseconds during which their persons can't be erased
NOBODY = UUID(int=0)

SETTLE_SECONDS: Final = REREAD_SECONDS + 5
"""Until every running service has read secrets.json again, and wraps with the new key."""


class Unreadable(Exception):
    """Some keys are wrapped by neither master key."""


@dataclass(slots=True)
class Wrapped:
    """How many keys are wrapped by which master key. `unreadable`: by neither, so their text is lost."""

    current: int = 0
    second: int = 0
    unreadable: int = 0

    def __add__(self, other: Wrapped) -> Wrapped:
        return Wrapped(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))


async def rotate(
    pool: Pool,
    path: Path,
    random_bytes: Callable[[int], bytes],
    told: Callable[[int], None] = lambda done: None,
    *,
    settle_seconds: float = SETTLE_SECONDS,
) -> Wrapped:
    """Changes the master key in secrets.json, with running services or without; goes on where it was killed.

    The old key is taken out once nothing is wrapped by it and no service can do so any more. Raises Unreadable.
    """
    keys = secrets_file.begin(path, random_bytes(32))
    settled = time.monotonic() + settle_seconds
    total = Wrapped()
    while True:
        late = time.monotonic() >= settled
        found = await rewrap(pool, keys, random_bytes, told)
        total = Wrapped(found.current + found.second, total.second + found.second, found.unreadable)
        if found.unreadable:
            raise Unreadable(f"{found.unreadable} keys are wrapped by neither master key, so the old one stays")
        if late and not found.second:
            secrets_file.finish(path)
            return total
        await asyncio.sleep(min(1.0, settle_seconds))


async def rewrap(
    pool: Pool, keys: MasterKeys, random_bytes: Callable[[int], bytes], told: Callable[[int], None] = lambda done: None
) -> Wrapped:
    """Wraps everything that only the second key opens with the current one. Counts what it found before."""
    found = await _rewrap_secrets(pool, keys, random_bytes)
    after = (-1, NOBODY)
    while True:
        async with pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(SQL["batch"], *after, BATCH)
            batch = [(row["lane"], row["person"], row["wrapped"]) for row in rows]
            counts, changed = _changed(batch, keys, random_bytes)
            if changed:
                await connection.execute(SQL["rewrap"], *zip(*changed, strict=True))
        found += counts
        told(len(batch))
        if len(batch) < BATCH:
            return found
        after = (batch[-1][0], batch[-1][1])


def _changed(
    batch: list[tuple[int, UUID, bytes]], keys: MasterKeys, random_bytes: Callable[[int], bytes]
) -> tuple[Wrapped, list[tuple[int, UUID, bytes]]]:
    counts, changed = Wrapped(), []
    for lane, person, wrapped in batch:
        key = _count(counts, keys, person.bytes, wrapped)
        if key is not None:
            changed.append((lane, person, wrap(keys.current, person.bytes, key, random_bytes(NONCE_BYTES))))
    return counts, changed


def _count(counts: Wrapped, keys: MasterKeys, identity: bytes, wrapped: bytes) -> bytes | None:
    """Counts one key; gives it where only the second master key opens it."""
    if opened(keys.current, identity, wrapped) is not None:
        counts.current += 1
        return None
    key = None if keys.second is None else opened(keys.second, identity, wrapped)
    if key is None:
        counts.unreadable += 1
    else:
        counts.second += 1
    return key


async def _rewrap_secrets(pool: Pool, keys: MasterKeys, random_bytes: Callable[[int], bytes]) -> Wrapped:
    counts = Wrapped()
    async with pool.acquire() as connection, connection.transaction():
        for read, write in (("secrets", "rewrap_secret"), ("webhook_secrets", "rewrap_webhook_secret")):
            for row in await connection.fetch(SQL[read]):
                identity = row["name"].encode()
                key = _count(counts, keys, identity, row["wrapped"])
                if key is not None:
                    again = wrap(keys.current, identity, key, random_bytes(NONCE_BYTES))
                    await connection.execute(SQL[write], row["name"], again)
    return counts


async def count(reader: asyncpg.Connection[asyncpg.Record] | Pool, keys: MasterKeys) -> Wrapped:
    """Which master key wraps how many persons' keys."""
    counts = Wrapped()
    async for batch in batches(reader):
        for row in batch:
            _count(counts, keys, row["person"].bytes, row["wrapped"])
    return counts


async def batches(reader: asyncpg.Connection[asyncpg.Record] | Pool) -> AsyncIterator[list[asyncpg.Record]]:
    """Every person's wrapped key, in the order of lanes and persons."""
    after = (-1, NOBODY)
    while True:
        rows = await reader.fetch(SQL["read"], *after, BATCH)
        if rows:
            yield rows
        if len(rows) < BATCH:
            return
        after = (rows[-1]["lane"], rows[-1]["person"])
