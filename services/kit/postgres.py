"""Settings and a role enter, a connection pool leaves; named queries out of SQL files; constraints become refusals.

Every connection carries server-side limits, so that a forgotten transaction or a runaway query cannot hold a lane.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import asyncpg
import orjson

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    from services.kit.settings import Role, Settings

    Pool = asyncpg.Pool[asyncpg.Record]
    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
else:
    Pool, Connection = asyncpg.Pool, asyncpg.Connection

ROOT = Path(__file__).resolve().parents[2]

STATEMENT_SECONDS = 30.0  # longer work (rebuild, export) asks for its own limit
IDLE_IN_TRANSACTION_SECONDS = 10.0  # a process that froze in a transaction must not hold a lane's lock
LOST_SERVER_GRACE_SECONDS = 5.0  # the client gives up this long after the server should have


class Lean(asyncpg.Connection):
    """A connection that goes back to its pool without a round trip.

    What stays in a session harms nobody: no LISTEN, the one advisory lock (a rebuild's) is given back by who took it,
    and the one setting, whose rows the reader sees (services/reporting/narrow.py), is written anew by whoever takes the
    connection, before its first query. A pooler between that shares sessions by transaction would break both.
    """

    def get_reset_query(self) -> str:
        return ""


async def connect_pool(
    settings: Settings,
    role: Role,
    *,
    size: int = 8,
    program: str = "",
    statement_seconds: float = STATEMENT_SECONDS,
    idle_in_transaction_seconds: float = IDLE_IN_TRANSACTION_SECONDS,
    server_settings: Mapping[str, str] = MappingProxyType({}),
) -> Pool:
    """A pool of at most `size` connections for one role; jsonb columns read and write Python objects.

    `server_settings` are PostgreSQL's, for this pool alone (search_path, plan_cache_mode). `program` shows in
    pg_stat_activity. Raises OSError or asyncpg.PostgresError when the server cannot be reached now; a pool that was
    opened survives a server that goes away and comes back.
    """
    return await asyncpg.create_pool(
        settings.dsn(role),
        min_size=1,
        max_size=size,
        init=_read_json,
        connection_class=Lean,
        command_timeout=statement_seconds + LOST_SERVER_GRACE_SECONDS,
        server_settings={
            "application_name": program or f"daybook-{role}",
            "statement_timeout": f"{statement_seconds * 1000:.0f}",
            "idle_in_transaction_session_timeout": f"{idle_in_transaction_seconds * 1000:.0f}",
            "timezone": "UTC",
            "jit": "off",  # compiling costs more than any of our short queries
            **server_settings,
        },
    )


async def _read_json(connection: Connection) -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=lambda value: orjson.dumps(value).decode(), decoder=orjson.loads
        )


def queries(path: str) -> Mapping[str, str]:
    """The named queries of one SQL file, given by its path from the root of the tree.

    A query starts at a line `-- name: append_events` and runs to the next one; its comments travel with it, so that
    pg_stat_activity tells which query runs. Raises ValueError for SQL without a name and for a name used twice.
    """
    head, *parts = re.split(r"^-- name: *", (ROOT / path).read_text(), flags=re.MULTILINE)
    if any(line.strip() and not line.startswith("--") for line in head.splitlines()):
        raise ValueError(f"{path}: the first query needs a line '-- name: …' above it")
    found: dict[str, str] = {}
    for part in parts:
        name, _, body = part.partition("\n")
        if not body.strip() or name.strip() in found:
            raise ValueError(f"{path}: '-- name: {name.strip()}' stands above no query, or twice")
        found[name.strip()] = f"-- name: {part.strip()}"
    return MappingProxyType(found)


@contextmanager
def refusing(refusals: Mapping[str, Exception]) -> Iterator[None]:
    """Turns a broken named constraint into its named refusal: `with refusing({"one_slug_per_client": Refused(…)}):`.

    A constraint that is not listed is a fault of ours and goes on as it is.
    """
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as error:
        refusal = refusals.get(error.constraint_name or "")
        if refusal is None:
            raise
        raise refusal from error
