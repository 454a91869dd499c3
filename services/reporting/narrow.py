"""A pool of the reader's role and some clients enter; what reads like a pool leaves, and finds their rows alone. I/O.

PostgreSQL holds the rule (row-level security): a query that forgets its client finds nothing of another one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from contracts.model import DESK
from services.kit.postgres import Connection, Pool, queries

SQL = queries("services/reporting/sql/narrow.sql")


class Narrow:
    """Connections of a pool, each told whose rows are wanted before it is asked."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def to(self, clients: Collection[str]) -> Narrowed:
        """The rows of these clients, and of the desk itself: who its agents are."""
        return Narrowed(self, ",".join(sorted({*clients, DESK})))

    def only(self, clients: Collection[str]) -> Narrowed:
        """The rows of these clients and nothing of the desk itself: what leaves it as events."""
        return Narrowed(self, ",".join(sorted(clients)))

    @asynccontextmanager
    async def connection(self, clients: str) -> AsyncIterator[Connection]:
        """A connection that has been told, whatever its last user wanted to see."""
        async with self._pool.acquire() as connection:
            await connection.execute(SQL["see"], clients)
            yield connection


class Narrowed:
    """The queries of a pool, over some clients' rows."""

    def __init__(self, narrow: Narrow, clients: str) -> None:
        self._narrow = narrow
        self._clients = clients

    async def fetch(self, query: str, *arguments: Any) -> Sequence[asyncpg.Record]:
        async with self._narrow.connection(self._clients) as connection:
            return await connection.fetch(query, *arguments)

    async def fetchrow(self, query: str, *arguments: Any) -> asyncpg.Record | None:
        async with self._narrow.connection(self._clients) as connection:
            return await connection.fetchrow(query, *arguments)

    async def fetchval(self, query: str, *arguments: Any) -> Any:
        async with self._narrow.connection(self._clients) as connection:
            return await connection.fetchval(query, *arguments)
