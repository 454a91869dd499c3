"""The command line tells in one sentence what a person can mend."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer.main

from services.cli import app
from services.cli.up import without_login


def said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    monkeypatch.setattr("sys.argv", ["daybook", *arguments])
    with pytest.raises(SystemExit) as ended:
        app.run()
    assert ended.value.code == 1
    return capsys.readouterr().err


def test_a_setting_that_is_no_number_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DAYBOOK_HOME", str(tmp_path))
    monkeypatch.setenv("DAYBOOK_PORT", "abc")
    error = said(capsys, monkeypatch, "up")
    assert error.startswith("daybook: DAYBOOK_PORT: ")
    assert len(error.splitlines()) == 1


def test_a_home_of_another_user_is_named_with_the_remedy(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def closed() -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path / "secrets.json"))

    monkeypatch.setattr("services.cli.health.load", closed)
    error = said(capsys, monkeypatch, "health")
    assert error.startswith(f"daybook: {tmp_path}/secrets.json belongs to another user: start as that user")
    assert len(error.splitlines()) == 1


def test_every_command_is_registered_under_its_first_word() -> None:
    for command in app.COMMANDS:
        built = typer.main.get_command(app.build(command))
        assert command in built.commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["MASTER_KEY", "SECOND_MASTER_KEY", "SESSION_SECRET"])
@pytest.mark.parametrize("value", ["c2hvcnQtYnV0LXNlY3JldA==", "not base64: secret"])
def test_a_secret_that_is_wrong_is_named_and_never_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str
) -> None:
    monkeypatch.setenv("DAYBOOK_HOME", str(tmp_path))
    monkeypatch.setenv(f"DAYBOOK_{name}", value)
    error = said(capsys, monkeypatch, "up")
    assert error.startswith(f"daybook: DAYBOOK_{name}: ")
    assert value not in error


def test_where_the_bus_listens_is_said_without_its_password() -> None:
    assert without_login("nats://127.0.0.1:8422") == "127.0.0.1:8422"
    assert without_login("nats://desk:pa:ss@bus.example:4222,tls://token@two.example") == "bus.example:4222,two.example"
