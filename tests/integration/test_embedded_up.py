"""`daybook up` as a stranger meets it: started, stopped, killed, started again, and with what may stand in its way."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from services.cli.processes import present
from tests.desk_process import DeskProcess

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[DeskProcess]:
    """PostgreSQL, NATS and their supervisor: what these tests are about, without the seconds that the services take."""
    with DeskProcess(tmp_path / "home", "--servers-only") as desk:
        yield desk


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


async def one_row_written(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE IF NOT EXISTS public.kept (n int)")
    await connection.execute("INSERT INTO public.kept VALUES (1)")
    await connection.close()


async def rows_kept(url: str) -> int:
    connection = await asyncpg.connect(url)
    count = await connection.fetchval("SELECT count(*) FROM public.kept")
    await connection.close()
    return int(count)


def test_the_whole_desk_starts_survives_kill_9_of_everything_and_stops_on_ctrl_c(tmp_path: Path) -> None:
    with DeskProcess(tmp_path / "home") as whole:
        running = whole.start()
        assert set(running["pids"]) == {"supervisor", "postgres", "nats", *present()}
        assert all(is_alive(pid) for pid in running["pids"].values())
        assert httpx.get(f"{running['address']}/ready").status_code == 200
        assert f"{running['address']}/login as administrator@" in whole.said
        whole.kill_everything()
        running = whole.start()
        os.kill(running["pids"]["relay"], signal.SIGKILL)
        until(lambda: "relay          ready again" in whole.said)
        assert whole.running["pids"]["relay"] != running["pids"]["relay"]
        running = whole.running
        assert whole.end(signal.SIGINT) == 0
    assert not any(is_alive(pid) for pid in running["pids"].values())
    assert not (tmp_path / "home" / "run.json").exists()


async def test_what_was_written_is_there_after_ctrl_c_and_after_kill_9_of_everything(desk: DeskProcess) -> None:
    await one_row_written(desk.start()["database"])
    desk.end(signal.SIGINT)
    await one_row_written(desk.start()["database"])
    desk.kill_everything()
    assert await rows_kept(desk.start()["database"]) == 2
    assert len(list(desk.data.glob(".s.PGSQL.*.lock"))) <= 1, "the killed server's socket is gone"


async def test_after_kill_9_of_the_supervisor_alone_the_next_start_finds_a_clean_home(desk: DeskProcess) -> None:
    running = desk.start()
    os.kill(running["pids"]["supervisor"], signal.SIGKILL)
    desk.end()
    await one_row_written(desk.start()["database"])
    left = [name for name, pid in running["pids"].items() if is_alive(pid)]
    assert left == []


async def test_a_server_that_is_killed_comes_back_on_its_port(desk: DeskProcess) -> None:
    running = desk.start()
    await one_row_written(running["database"])
    for name in ("postgres", "nats"):
        os.kill(running["pids"][name], signal.SIGKILL)
    until(lambda: all(f"{name:<14} ready again" in desk.said for name in ("postgres", "nats")))
    assert all(desk.running["pids"][name] != running["pids"][name] for name in ("postgres", "nats"))
    assert await rows_kept(running["database"]) == 1


def test_a_second_desk_in_the_same_home_is_refused_in_one_sentence(desk: DeskProcess, tmp_path: Path) -> None:
    running = desk.start()
    second = DeskProcess(tmp_path / "home", "--servers-only")
    said = second.refused()
    assert len(said.splitlines()) == 1
    assert running["address"] in said
    assert "DAYBOOK_HOME" in said


@pytest.mark.parametrize("variable", ["DAYBOOK_PORT", "DAYBOOK_SMTP_PORT", "DAYBOOK_NATS_PORT"])
def test_a_taken_port_is_named_in_one_sentence_with_the_remedy(tmp_path: Path, variable: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        with DeskProcess(tmp_path / "home", **{variable: port}) as desk:
            said = desk.refused()
    assert len(said.splitlines()) == 1
    assert f"Port {port}" in said
    assert f"{variable}=0" in said


def test_a_half_written_data_folder_is_named_in_one_sentence_with_the_remedy(desk: DeskProcess) -> None:
    desk.start()
    desk.end()
    for gone in ("PG_VERSION", "global/pg_control", "base"):
        path = desk.data / "postgres" / gone
        path.rename(path.with_name("away"))
        said = desk.refused()
        assert f"daybook: The PostgreSQL data in {desk.data / 'postgres'} is not whole ({gone} missing)" in said
        assert "rm -r" in said
        assert len(said.splitlines()) == 1
        path.with_name("away").rename(path)


def test_data_that_postgres_itself_refuses_is_named_in_one_sentence_with_the_remedy(desk: DeskProcess) -> None:
    desk.start()
    desk.end()
    control = desk.data / "postgres" / "global" / "pg_control"
    control.write_bytes(control.read_bytes()[:100])
    said = [line for line in desk.refused().splitlines() if "daybook:" in line]
    assert len(said) == 1
    assert "PostgreSQL could not start on" in said[0]
    assert "rm -r" in said[0]


def test_an_interrupted_initdb_leaves_nothing_to_trip_over(desk: DeskProcess) -> None:
    desk.start()
    desk.end()
    (desk.data / "postgres").rename(desk.data / "postgres.new")
    (desk.data / "postgres.new" / "PG_VERSION").unlink()
    desk.start()
