"""Plain SQL files become a database, once each, in order, by several processes at once too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from services.embedded import postgres
from services.kit.migrate import CannotMigrate, Migration, create_database, migrations, provision_database
from services.kit.postgres import queries, refusing
from services.kit.settings import Role, Settings, load, with_database
from tests.conftest import ADMIN_PASSWORD, PoolOf


@pytest.fixture
async def empty(postgres_port: int, home: Path) -> AsyncIterator[Settings]:
    """Settings of a database that does not exist yet."""
    settings = load(home=home, database_url=postgres.dsn(postgres_port, ADMIN_PASSWORD, "migrated_by_test"))
    yield settings
    connection = await asyncpg.connect(with_database(settings.admin_dsn(), "postgres"))
    await connection.execute("DROP DATABASE IF EXISTS migrated_by_test WITH (FORCE)")
    await connection.close()


def test_the_kits_migrations_run_first(tmp_path: Path) -> None:
    for name in ("desk/migrations/0001_a.sql", "kit/migrations/0002_c.sql", "kit/migrations/0001_b.sql"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("SELECT 1")
    assert [file.name for file in migrations(tmp_path)] == ["kit/0001_b", "kit/0002_c", "desk/0001_a"]


async def test_several_processes_may_provision_at_once_and_each_file_runs_once(empty: Settings) -> None:
    await create_database(empty.admin_dsn())
    files = migrations()
    runs = await asyncio.gather(*(provision_database(empty, files) for _ in range(4)))
    assert sorted(len(applied) for applied in runs) == [0, 0, 0, len(files)]


@pytest.fixture
async def stranger(empty: Settings, tmp_path: Path) -> Settings:
    """A second desk, with secrets and a database of its own, on the server of the first."""
    return load(home=tmp_path / "second", database_url=empty.admin_dsn())


async def test_a_second_desk_on_one_server_is_refused_and_the_first_one_goes_on(
    empty: Settings, stranger: Settings
) -> None:
    await create_database(empty.admin_dsn())
    await provision_database(empty, migrations())
    with pytest.raises(CannotMigrate, match=r"belong to another desk.* a server of its own or that desk's"):
        await provision_database(stranger, migrations())
    connection = await asyncpg.connect(empty.dsn("intake"))
    assert await connection.fetchval("SELECT count(*) FROM log.lanes") == 16
    await connection.close()


async def test_a_desk_may_follow_one_that_is_gone(empty: Settings, stranger: Settings) -> None:
    await create_database(empty.admin_dsn())
    gone = "ALTER ROLE daybook_owner NOLOGIN"
    admin = await asyncpg.connect(with_database(empty.admin_dsn(), "postgres"))
    try:
        await admin.execute(gone)
        assert await provision_database(stranger, migrations())
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(empty.dsn("owner"))
    finally:  # the server is every test's of this process
        await admin.execute(gone)
        await provision_database(empty, migrations())
        await admin.close()


async def test_a_file_that_was_changed_after_it_ran_is_refused_by_name(empty: Settings) -> None:
    await create_database(empty.admin_dsn())
    await provision_database(empty, [*migrations(), Migration("zoo/0001_a", "CREATE SCHEMA a")])
    with pytest.raises(CannotMigrate, match="zoo/0001_a was changed"):
        await provision_database(empty, [*migrations(), Migration("zoo/0001_a", "CREATE SCHEMA b")])


async def test_a_file_that_fails_leaves_nothing_behind(empty: Settings) -> None:
    await create_database(empty.admin_dsn())
    half = Migration("zoo/0001_a", "CREATE SCHEMA half; SELECT 1 / 0;")
    with pytest.raises(CannotMigrate, match=r"zoo/0001_a failed \(division by zero\)"):
        await provision_database(empty, [*migrations(), half])
    whole = Migration("zoo/0001_a", "CREATE SCHEMA half;")
    assert await provision_database(empty, [*migrations(), whole]) == ["zoo/0001_a"]


async def test_a_broken_named_constraint_becomes_its_refusal(pool_of: PoolOf) -> None:
    owner = await pool_of("owner")
    await owner.execute("CREATE SCHEMA t; CREATE TABLE t.t (n int, CONSTRAINT n_is_positive CHECK (n > 0))")
    with pytest.raises(LookupError, match="not positive"), refusing({"n_is_positive": LookupError("not positive")}):
        await owner.execute("INSERT INTO t.t VALUES (-1)")
    with pytest.raises(asyncpg.CheckViolationError), refusing({}):
        await owner.execute("INSERT INTO t.t VALUES (-1)")


def test_every_query_file_of_the_tree_can_be_read() -> None:
    root = Path(__file__).resolve().parents[2]
    files = [str(file.relative_to(root)) for file in root.glob("services/**/sql/*.sql")]
    assert files
    for file in files:
        assert queries(file), file


def test_a_query_without_a_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "q.sql").write_text("-- why\nSELECT 1;\n-- name: one\nSELECT 1;")
    with pytest.raises(ValueError, match="needs a line"):
        queries(str(tmp_path / "q.sql"))


@pytest.mark.parametrize("role", ["reporting", "notification", "triage", "relay", "desk"])
async def test_what_intake_keeps_is_read_by_intake_alone(pool_of: PoolOf, role: Role) -> None:
    pool = await pool_of(role)
    for table in ("attachments", "quarantine", "logins", "mails"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.fetch(f"SELECT count(*) FROM intake.{table}")
