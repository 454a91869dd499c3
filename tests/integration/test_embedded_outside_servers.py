"""The desk on servers that somebody else runs: Debian's PostgreSQL 15, and a NATS that is already there."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from services.embedded import postgres
from services.embedded.place import Place
from services.embedded.ports import claim
from services.embedded.process import Child, Program, login
from tests.desk_process import DeskProcess

DEBIAN_BIN = Path("/usr/lib/postgresql/15/bin")
PASSWORD = "for-tests-only"

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
async def debian_dsn(place: Place, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The DSN of a database on Debian's own PostgreSQL 15, in a folder of ours."""
    if not (DEBIAN_BIN / "postgres").exists():
        pytest.skip("Debian's PostgreSQL 15 is not installed here: apt-get install postgresql-15")
    data = place.data / "debian"
    port = claim(0, "no variable")
    await asyncio.to_thread(_initdb, place, data)
    argv = (str(DEBIAN_BIN / "postgres"), "-D", str(data), "-p", str(port), "-c", "unix_socket_directories=")

    async def answers() -> bool:
        return await postgres.reachable(postgres.dsn(port, PASSWORD))

    child = Child(Program("debian", argv, ready=answers, account=place.account), tmp_path_factory.mktemp("logs"))
    child.spawn()
    await child.wait_ready()
    yield postgres.dsn(port, PASSWORD, "daybook_outside")
    await child.stop()
    shutil.rmtree(data, ignore_errors=True)


def _initdb(place: Place, data: Path) -> None:
    secret = place.data / "password"
    secret.write_text(PASSWORD)
    if place.account:
        os.chown(secret, place.account.user, place.account.group)
    argv = (str(DEBIAN_BIN / "initdb"), "-D", str(data), "-U", "postgres", f"--pwfile={secret}", "--auth=scram-sha-256")
    options = ("--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
    subprocess.run((*argv, *options), check=True, capture_output=True, cwd="/", **login(place.account))


async def test_the_desk_runs_on_debians_postgresql_15(debian_dsn: str, tmp_path: Path) -> None:
    with DeskProcess(tmp_path / "home", DAYBOOK_DATABASE_URL=debian_dsn) as desk:
        running = desk.start()
        assert "postgres" not in running["pids"]
        assert running["database"] == debian_dsn
        connection = await asyncpg.connect(debian_dsn)
        assert (await connection.fetchval("SHOW server_version")).startswith("15")
        assert await connection.fetchval("SELECT count(*) FROM log.lanes") == 16
        await connection.close()


async def test_the_desk_uses_the_nats_that_it_is_given(nats_url: str, tmp_path: Path) -> None:
    with DeskProcess(tmp_path / "home", "--servers-only", DAYBOOK_NATS_URL=nats_url) as desk:
        running = desk.start()
        assert "nats" not in running["pids"]
        assert running["nats"] == nats_url


def test_a_bus_that_cannot_be_reached_is_named_in_one_sentence(tmp_path: Path) -> None:
    nowhere = f"nats://127.0.0.1:{claim(0, 'no variable')}"
    with DeskProcess(tmp_path / "home", "--servers-only", DAYBOOK_NATS_URL=nowhere) as desk:
        said = [line for line in desk.refused().splitlines() if line.startswith("daybook:")]
    assert len(said) == 1
    assert "DAYBOOK_NATS_URL" in said[0]


def test_a_database_that_cannot_be_reached_is_named_in_one_sentence(tmp_path: Path) -> None:
    nowhere = f"postgresql://postgres:x@127.0.0.1:{claim(0, 'no variable')}/daybook"
    with DeskProcess(tmp_path / "home", DAYBOOK_DATABASE_URL=nowhere) as desk:
        said = [line for line in desk.refused().splitlines() if line.startswith("daybook:")]
    assert len(said) == 1
    assert "DAYBOOK_DATABASE_URL" in said[0]
