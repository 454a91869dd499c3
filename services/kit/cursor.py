"""How far each consumer is in each lane: read, moved in the transaction of its effects, compared with heads. I/O."""

from __future__ import annotations

from collections.abc import Mapping

from services.kit.postgres import Connection, Pool, queries

SQL = queries("services/kit/sql/cursor.sql")


async def read_cursors(reader: Connection | Pool, consumer: str) -> Mapping[int, int]:
    """The last position that a consumer has digested in each lane; 0 where it has seen nothing."""
    return {row["lane"]: row["position"] for row in await reader.fetch(SQL["read"], consumer)}


async def lock_cursor(connection: Connection, consumer: str, lane: int) -> int:
    """The consumer's position in a lane, locked until the transaction ends: no other process moves it meanwhile."""
    position: int = await connection.fetchval(SQL["lock"], lane, consumer)
    return position


async def move_cursor(connection: Connection, consumer: str, lane: int, position: int) -> None:
    """Moves a cursor, in the transaction of the effects. It never goes back."""
    await connection.execute(SQL["move"], lane, consumer, position)


async def lags(reader: Connection | Pool) -> Mapping[str, Mapping[int, int]]:
    """{consumer: {lane: events not yet digested}} for every consumer that has ever moved; all lanes of each."""
    found: dict[str, dict[int, int]] = {}
    for row in await reader.fetch(SQL["lags"]):
        found.setdefault(row["consumer"], {})[row["lane"]] = row["behind"]
    return found
