"""The embedded servers as tests and the supervisor start them."""

from __future__ import annotations

import asyncpg
import nats
import pytest

from services.kit.postgres import connect_pool
from services.kit.settings import ROLES, Settings
from tests.conftest import PoolOf


async def test_every_role_reaches_the_migrated_database_as_itself(database: Settings, pool_of: PoolOf) -> None:
    for role in ROLES:
        pool = await pool_of(role)
        assert await pool.fetchval("SELECT current_user::text") == f"daybook_{role}"


async def test_jsonb_is_read_and_written_as_python_objects(pool_of: PoolOf) -> None:
    pool = await pool_of("intake")
    assert await pool.fetchval("SELECT $1::jsonb || '{\"b\": 2}'", {"a": [1]}) == {"a": [1], "b": 2}


async def test_a_statement_that_runs_away_is_ended_by_the_server(database: Settings) -> None:
    pool = await connect_pool(database, "intake", size=1, statement_seconds=0.1)
    with pytest.raises(asyncpg.QueryCanceledError, match="statement timeout"):
        await pool.execute("SELECT pg_sleep(5)")
    await pool.close()


async def test_the_bus_of_a_module_is_empty_and_has_jetstream(bus: Settings) -> None:
    client = await nats.connect(bus.bus_url)
    account = await client.jetstream().account_info()
    await client.close()
    assert account.streams == 0
