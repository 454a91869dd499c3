"""How far each consumer is in each lane: read, and compared with the lanes' heads. I/O."""

from __future__ import annotations

from collections.abc import Mapping

from services.kit.postgres import Connection, Pool, queries

SQL = queries("services/kit/sql/cursor.sql")


async def read_cursors(reader: Connection | Pool, consumer: str) -> Mapping[int, int]:
    """The last position that a consumer has digested in each lane; 0 where it has seen nothing."""
    return {row["lane"]: row["position"] for row in await reader.fetch(SQL["read"], consumer)}


async def lags(reader: Connection | Pool) -> Mapping[str, Mapping[int, int]]:
    """{consumer: {lane: events not yet digested}} for every consumer that has ever moved; all lanes of each."""
    found: dict[str, dict[int, int]] = {}
    for row in await reader.fetch(SQL["lags"]):
        found.setdefault(row["consumer"], {})[row["lane"]] = row["behind"]
    return found
