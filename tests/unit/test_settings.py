"""Settings out of the environment, a running desk's run.json and the kept secrets."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.kit.settings import Settings, load

RUN = {
    "address": "http://127.0.0.1:9000",
    "smtp": "127.0.0.1:9025",
    "nats": "nats://127.0.0.1:9022",
    "database": "postgresql://postgres:x@127.0.0.1:9032/daybook",
    "pids": {},
}


@pytest.fixture
def running_home(tmp_path: Path) -> Iterator[Path]:
    """A home in which a supervisor holds its lock."""
    (tmp_path / "run.json").write_text(json.dumps(RUN))
    with (tmp_path / "up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield tmp_path


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    first, second = load(home=tmp_path), load(home=tmp_path)
    assert first == second
    assert len(first.master_key_bytes) == 32
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [tmp_path / "secrets.json"]


def test_processes_that_start_at_once_agree_on_the_secrets(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(lambda _: load(home=tmp_path).master_key.get_secret_value(), range(32)))
    assert len(keys) == 1


def test_with_all_secrets_in_the_environment_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = load(home=tmp_path / "other")
    for name in ("master_key", "role_secret", "session_secret"):
        monkeypatch.setenv(f"DAYBOOK_{name.upper()}", getattr(other, name).get_secret_value())
    assert load(home=tmp_path / "new").master_key == other.master_key
    assert not (tmp_path / "new").exists()


def test_a_key_of_the_wrong_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="must be base64 of 32 bytes"):
        load(home=tmp_path, master_key="c2hvcnQ=")


def test_a_command_finds_the_desk_that_runs_in_its_home(running_home: Path) -> None:
    settings = load(home=running_home)
    assert settings.address == "http://127.0.0.1:9000"
    assert (settings.smtp_port, settings.bus_url) == (9025, "nats://127.0.0.1:9022")
    assert settings.admin_dsn() == RUN["database"]


def test_the_environment_outweighs_the_running_desk(running_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAYBOOK_PORT", "7000")
    assert load(home=running_home).port == 7000


def test_who_asked_for_any_free_port_finds_the_one_that_was_taken(
    running_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DAYBOOK_PORT", "DAYBOOK_SMTP_PORT"):
        monkeypatch.setenv(name, "0")
    found = load(home=running_home)
    assert (found.port, found.smtp_port) == (9000, 9025)


def test_run_json_of_a_dead_desk_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps(RUN))
    (tmp_path / "up.lock").touch()
    assert load(home=tmp_path).port == 8400
    with pytest.raises(LookupError, match="make up"):
        load(home=tmp_path).admin_dsn()


def test_a_service_connects_as_its_own_role_to_the_administrators_database(tmp_path: Path) -> None:
    settings = load(home=tmp_path, database_url="postgresql://root:a%2Fb@db.example:5433/desk?sslmode=require")
    password = settings.password_of("daybook_intake")
    assert settings.dsn("intake") == f"postgresql://daybook_intake:{password}@db.example:5433/desk?sslmode=require"
    assert password != settings.password_of("daybook_triage")


def test_secrets_do_not_show_when_settings_are_printed(tmp_path: Path) -> None:
    settings: Settings = load(home=tmp_path, database_url="postgresql://root:hidden@db.example/desk")
    assert "hidden" not in repr(settings)
    assert settings.master_key.get_secret_value() not in repr(settings)
