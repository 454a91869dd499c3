"""(A desk with erasures) -> the same desk, whose table and index files hold nothing of who was erased. I/O.

A deleted row stays in its page until something else needs the room, and the planner's statistics quote words. So the
tables that hold keys or opened text are written anew, then the statistics, then a checkpoint takes the old files away.
While a table is rewritten its readers wait: search for its words, whoever needs a key that is not at hand for the keys.
A million of them take some ten seconds. For keys everybody waits up to half a minute; a search that waits longer than a
screen's five seconds is answered 503 `busy`, to be asked again. Run it at night.

Rewriting leaves out only rows that no open transaction can see any more; one that began before is waited for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import asyncpg

from services.kit.postgres import Connection, queries
from services.kit.settings import Settings
from services.reporting.rebuild import CHECKSUMS

SQL = queries("services/erasing/sql/compact.sql")

TABLES: Final = ("people", "words", "names", "directory", "logins", "sessions", "radar")
PATIENCE_SECONDS: Final = 90.0  # for consumers to digest the erasure, and for old transactions to end
LOCK_SECONDS: Final = 5  # for a table's readers; meanwhile new ones wait behind
LOCK_TRIES: Final = 20

Told = Callable[[str], None]


class NotNow(Exception):
    """What is in the way of a compaction, in a sentence with the remedy. Nothing was left half done that matters."""


@dataclass(slots=True)
class Compacted:
    """What was done. `notes` say what a database's administrator has to do instead."""

    erasures: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    notes: list[str] = field(default_factory=list)


async def compact(settings: Settings, told: Told = lambda part: None, *, waited: timedelta = timedelta()) -> Compacted:
    """Rewrites what may hold old bytes, where somebody was erased since the last time; `waited`: and at least so long
    ago. Raises NotNow."""
    async with _connected(settings.dsn("owner")) as owner, _connected(settings.admin_dsn()) as admin:
        due = [(row["lane"], row["position"]) for row in await owner.fetch(SQL["due"], waited)]
        if not due:
            return Compacted()
        told("waiting for the views")
        await _digested(owner)
        for view in CHECKSUMS:
            if not await owner.fetchval(SQL["one_builder"], view):
                raise NotNow(f"a rebuild of {view} is under way: run this again when it is done")
        await owner.execute(SQL["drop_unfinished"])
        await owner.fetchval(SQL["sweep"])
        told("waiting for older transactions")
        await _unseen(admin, await owner.fetchval(SQL["now"]))
        done = Compacted(len(due), await owner.fetchval(SQL["bytes"]))
        for table in TABLES:
            told(f"rewriting {table}")
            await _rewrite(owner, table)
        told("rewriting statistics")
        await _finish(admin, done)
        done.bytes_after = await owner.fetchval(SQL["bytes"])
        await owner.execute(SQL["done"], *zip(*due, strict=True))
        return done


async def _digested(owner: Connection) -> None:
    """Waits until every consumer has deleted what is its own."""
    end = time.monotonic() + PATIENCE_SECONDS
    while waiting := await owner.fetch(SQL["undigested"]):
        if time.monotonic() > end:
            names = " and ".join(row["consumer"] for row in waiting)
            raise NotNow(f"{names} has not seen every erasure yet: see that it runs (daybook health), then try again")
        await asyncio.sleep(0.5)


async def _unseen(admin: Connection, transaction: int) -> None:
    """Waits until nobody sees the rows that were deleted."""
    end = time.monotonic() + PATIENCE_SECONDS
    while holding := await admin.fetch(SQL["holding"], transaction):
        if time.monotonic() > end:
            row = holding[0]
            who = f"{row['application_name']} (process {row['pid']})"
            raise NotNow(f"{who} reads in a transaction that began before: let it end, then run this again")
        await asyncio.sleep(0.5)


async def _rewrite(owner: Connection, table: str) -> None:
    await owner.execute(SQL["patience"], f"{LOCK_SECONDS}s")
    for _ in range(LOCK_TRIES):
        try:
            await owner.execute(SQL[table])
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            continue
        return
    raise NotNow(f"the table of {table} is never free for a moment: run this when the desk is quieter")


async def _finish(admin: Connection, done: Compacted) -> None:
    """What only an administrator of the database may do."""
    before = await admin.fetchval(SQL["statistics_file"])
    await admin.execute(SQL["statistics"])
    if await admin.fetchval(SQL["statistics_file"]) == before:
        remedy = "have a superuser run VACUUM FULL pg_catalog.pg_statistic"
        done.notes.append(f"the planner's statistics, which quote words, were not rewritten: {remedy}")
    try:
        await admin.execute(SQL["checkpoint"])
    except asyncpg.InsufficientPrivilegeError:
        done.notes.append("old files go with the next checkpoint: DAYBOOK_DATABASE_URL's user may not ask for one")


@asynccontextmanager
async def _connected(dsn: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(dsn, server_settings={"application_name": "daybook-erase", "jit": "off"})
    try:
        yield connection
    finally:
        await connection.close()
