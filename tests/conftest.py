"""Real servers for tests: one PostgreSQL and one NATS a test process, started on free ports when first asked for.

Fixtures: `database` (Settings of a fresh migrated database, one a test module), `pool_of` (role -> asyncpg pool on it),
`bus` (the same Settings with an empty NATS of this module alone), `nats_url` (one server for all tests of the process).
Data that other people made lies outside the tree: `shared_data` skips with a sentence where it is missing.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from services.cli.provision import provision_log
from services.embedded import nats, postgres
from services.embedded.place import ROOT_BASE, Place, place_for
from services.embedded.ports import claim
from services.embedded.process import Child
from services.kit.postgres import Pool, connect_pool
from services.kit.settings import Role, Settings, load

PoolOf = Callable[[Role], Awaitable[Pool]]
ADMIN_PASSWORD = "for-tests-only"
TEMPLATE = "daybook_template"


def pytest_configure() -> None:
    """The desk that a developer runs, and how it is set up, must not leak into tests."""
    for field in Settings.model_fields:
        os.environ.pop(f"DAYBOOK_{field.upper()}", None)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DAYBOOK_HOME of this test process."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def place(home: Path) -> Iterator[Place]:
    """Where this test process keeps its servers' data; as root that is beside the desks', under a name of its own."""
    _sweep_after_killed_runs()
    found = place_for(load(home=home, home_id=f"test-{os.getpid()}"))
    yield found
    if found.account:
        shutil.rmtree(found.data, ignore_errors=True)


def _sweep_after_killed_runs() -> None:
    for left in (ROOT_BASE / "homes").glob("test-*"):
        if not Path(f"/proc/{left.name.split('-')[1]}").exists():
            shutil.rmtree(left, ignore_errors=True)


@pytest.fixture(scope="session")
async def postgres_port(place: Place, home: Path) -> AsyncIterator[int]:
    """A PostgreSQL without a single database of ours. It never flushes: its data may be lost with the machine."""
    port = claim(0, "no variable")
    child = Child(postgres.program(place, port, ADMIN_PASSWORD, durable=False), home / "logs")
    child.spawn()
    await child.wait_ready()
    yield port
    await child.stop()


@pytest.fixture(scope="session")
async def template(postgres_port: int, home: Path) -> Settings:
    """A database with roles and all migrations, of which each module gets a copy within 30 ms."""
    settings = load(home=home, database_url=postgres.dsn(postgres_port, ADMIN_PASSWORD, TEMPLATE))
    await provision_log(settings)
    return settings


@pytest.fixture(scope="module")
async def database(template: Settings, postgres_port: int, request: pytest.FixtureRequest) -> AsyncIterator[Settings]:
    """Settings that lead to a fresh, provisioned database of this test module alone."""
    name = re.sub(r"\W", "_", Path(request.node.nodeid).stem.lower())[:50]
    await _admin(postgres_port, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await _admin(postgres_port, f"CREATE DATABASE {name} OWNER daybook_owner TEMPLATE {TEMPLATE} STRATEGY wal_log")
    url = postgres.dsn(postgres_port, ADMIN_PASSWORD, name)
    yield Settings.model_validate({**template.model_dump(), "database_url": url})
    await _admin(postgres_port, f"DROP DATABASE {name} WITH (FORCE)")


async def _admin(port: int, statement: str) -> None:
    connection = await asyncpg.connect(postgres.dsn(port, ADMIN_PASSWORD))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="module")
async def pool_of(database: Settings) -> AsyncIterator[PoolOf]:
    """`await pool_of("intake")`: one pool a role on this module's database, opened on first use."""
    pools: dict[Role, Pool] = {}

    async def pool(role: Role) -> Pool:
        if role not in pools:
            pools[role] = await connect_pool(database, role, size=10)
        return pools[role]

    yield pool
    await asyncio.gather(*(opened.close() for opened in pools.values()))


@pytest.fixture(scope="session")
async def nats_url(place: Place, home: Path) -> AsyncIterator[str]:
    """A NATS with JetStream for all tests of this process: make your own stream, or use `bus`, which empties it."""
    port = claim(0, "no variable")
    child = Child(nats.program(place, port), home / "logs")
    child.spawn()
    await child.wait_ready()
    yield f"nats://127.0.0.1:{port}"
    await child.stop()


@pytest.fixture(scope="module")
async def bus(database: Settings, place: Place, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Settings]:
    """Settings with this module's database and an empty NATS of this module alone."""
    port = claim(0, "no variable")
    data = place.data / f"bus-{port}"
    data.mkdir(mode=0o700)
    if place.account:
        os.chown(data, place.account.user, place.account.group)
    child = Child(nats.program(replace(place, data=data), port), tmp_path_factory.mktemp("logs"))
    child.spawn()
    await child.wait_ready()
    yield Settings.model_validate({**database.model_dump(), "nats_url": f"nats://127.0.0.1:{port}"})
    await child.stop()
    shutil.rmtree(data, ignore_errors=True)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """../shared/data beside the project: real input of other people, never part of the tree."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the folder ../shared/data with other people's data is not here")
    return folder
