"""`daybook triage route`: who would work a ticket, by a desk's file, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli.app import build

DESK: dict[str, Any] = {
    "routes": [{"team": "first"}, {"team": "network", "category": "vpn", "skills": ["vpn"]}],
    "people": [
        {"id": f"{0:031}1", "name": "Ada", "level": "L1", "teams": ["first", "network"], "load": 3},
        {"id": f"{0:031}2", "name": "Bo", "level": "L2", "teams": ["network"], "skills": ["vpn"], "clients": ["acme"]},
    ],
}


def told(folder: Path, desk: object, *lines: str) -> tuple[int, str]:
    (folder / "desk.json").write_text(desk if isinstance(desk, str) else json.dumps(desk), encoding="utf-8")
    (folder / "tickets.jsonl").write_text("\n".join(lines), encoding="utf-8")
    asked = ["triage", "route", "--file", str(folder / "tickets.jsonl"), "--desk", str(folder / "desk.json"), "--json"]
    result = CliRunner().invoke(build("triage"), asked)
    return result.exit_code, result.stdout if result.exit_code == 0 else str(result.output) + str(result.exception)


def test_a_ticket_goes_by_what_its_text_says_to_who_can_do_it_and_it_is_said_why(tmp_path: Path) -> None:
    code, out = told(
        tmp_path,
        DESK,
        '{"client": "acme", "subject": "VPN", "body": "the vpn tunnel drops since this morning"}',
        '{"client": "bolt", "subject": "VPN", "body": "the vpn tunnel drops since this morning"}',
        '{"client": "bolt", "category": "printing"}',
        '{"client": "bolt", "level": "L9"}',
        '{"category": "vpn"}',
    )
    assert code == 0
    one, other, third, level, nobody = (json.loads(line) for line in out.splitlines())
    assert (one["team"], one["agent_name"], one["category"]) == ("network", "Bo", "vpn")
    assert "to team network: category vpn" in one["why"]
    assert (other["team"], other["agent"]) == ("network", None)
    assert other["why"][-1] == "nobody there knows vpn"
    assert (third["team"], third["agent_name"]) == ("first", "Ada")
    assert "level" in level["error"]
    assert "client" in nobody["error"]


@pytest.mark.parametrize(
    ("desk", "field"),
    [
        ("{", "the file"),
        ({"routes": []}, "people"),
        ({"routes": [{"team": ""}], "people": []}, "routes.0.team"),
        ({"routes": [{"team": "x", "colour": "red"}], "people": []}, "routes.0.colour"),
    ],
)
def test_a_desk_that_cannot_be_read_is_refused_by_the_field(tmp_path: Path, desk: object, field: str) -> None:
    code, out = told(tmp_path, desk, '{"client": "acme"}')
    assert code != 0
    assert field in out
