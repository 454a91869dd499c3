"""The README's walk, executed: its commands run in a shell against a desk, and every step has left its trace."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.kit.postgres import ROOT
from tests.desk_process import DeskProcess

README = (ROOT / "README.md").read_text()
SECONDS = 20.0


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskProcess]:
    with DeskProcess(tmp_path_factory.mktemp("walk") / "home") as process:
        process.start()
        yield process


def commands(section: str) -> list[str]:
    """The shell blocks of one section."""
    text = README.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)


@pytest.fixture(scope="module")
def answers(desk: DeskProcess) -> list[Any]:
    """What the README's curl commands answered, in order; the last one is the feed."""
    script = "\n".join([*commands("Send a ticket"), *commands("Subscribe")])
    script = script.replace("http://127.0.0.1:8400", desk.running["address"]).replace("curl -sS", "echo; curl -sS")
    done = subprocess.run(
        ["bash", "-euc", script + "\necho; echo $TOKEN"],
        cwd=ROOT,
        env=desk.environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return [json.loads(line) if line.startswith("{") else line for line in done.stdout.splitlines() if line]


def api(desk: DeskProcess, answers: list[Any]) -> httpx.Client:
    return httpx.Client(
        base_url=f"{desk.running['address']}/api/v1", headers={"Authorization": f"Bearer {answers[-1]}"}, timeout=10
    )


def eventually(client: httpx.Client, path: str, holds: str) -> Any:
    """The answer once `holds` stands in it; what is read has to come through the whole desk first."""
    end = time.monotonic() + SECONDS
    while True:
        answer = client.get(path)
        if answer.status_code == 200 and holds in answer.text:
            return answer.json()
        assert time.monotonic() < end, f"{path} never held {holds}: {answer.text}"
        time.sleep(0.05)


def test_every_file_of_the_walk_is_there() -> None:
    table = README.partition("\n## A walk\n")[2].partition("\n## ")[0]
    files = [name for row in table.splitlines() if row.startswith("| ") for name in re.findall(r"`([\w/.]+)`", row)]
    assert len(files) >= 12
    assert [name for name in files if not (ROOT / name).exists()] == []


def test_the_commands_of_the_readme_take_a_ticket_in(answers: list[Any]) -> None:
    ticket = next(answer for answer in answers if isinstance(answer, dict) and "track_url" in answer)
    assert ticket["reference"] == "ACM-1"
    assert ticket["reply_expected_by"]


def test_the_ticket_is_prioritised_with_reasons(desk: DeskProcess, answers: list[Any]) -> None:
    with api(desk, answers) as client:
        ticket = eventually(client, "/tickets/ACM-1", '"rule_version"')
    assert ticket["priority"]["value"] in {"P1", "P2", "P3", "P4"}
    assert ticket["priority"]["reasons"]
    assert ticket["checkpoint"]["due_at"]


def test_the_receipt_is_in_the_mailbox_with_reference_and_link(desk: DeskProcess, answers: list[Any]) -> None:
    with api(desk, answers) as client:
        (letter,) = eventually(client, "/mailbox", "ACM-1")["items"]
    assert letter["to"] == "robin@acme.example"
    assert "/portal/acme/tickets/ACM-1?key=" in letter["text"]


def test_it_stands_in_the_queue_and_can_be_found(desk: DeskProcess, answers: list[Any]) -> None:
    with api(desk, answers) as client:
        found = eventually(client, "/queue?q=print", "ACM-1")
    assert [item["reference"] for item in found["items"]] == ["ACM-1"]


def test_before_it_was_sent_there_was_no_ticket(desk: DeskProcess, answers: list[Any]) -> None:
    with api(desk, answers) as client:
        opened = eventually(client, "/tickets/ACM-1", "opened_at")["opened_at"]
        assert client.get("/tickets/ACM-1", params={"as_of": opened}).json()["version"] <= 2
        assert client.get("/tickets/ACM-1", params={"as_of": "2026-01-01T00:00:00Z"}).status_code == 404


def test_a_subscriber_sees_every_event_of_the_client_in_order(desk: DeskProcess, answers: list[Any]) -> None:
    with api(desk, answers) as client:
        eventually(client, "/tickets/ACM-1", '"rule_version"')
        feed = client.get("/events", params={"client": "acme", "after": "0"})
    events = [json.loads(line) for line in feed.text.splitlines() if line]
    assert [int(event["sequence"]) for event in events] == list(range(1, len(events) + 1))
    assert {"client.registered", "ticket.submitted", "ticket.checkpoint_promised", "ticket.prioritised"} <= {
        event["type"] for event in events
    }
    assert "Nobody can print" not in feed.text, "a token without the scope sees sealed text only"


def test_the_pictures_of_the_readme_are_there() -> None:
    for picture in re.findall(r"!\[[^]]+\]\(([^)]+)\)", README):
        assert (Path(ROOT) / picture).exists()
