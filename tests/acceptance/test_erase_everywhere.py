"""A whole desk as `make up` starts it: a person writes by every way in, is erased, and is nowhere any more.

Within 60 seconds no API, page, search, feed or letter shows them; after `daybook erase --compact` neither PostgreSQL's
table and index files nor JetStream's store hold a byte of their words. What is searched for are words that stand
nowhere else, given by every way in.
"""

from __future__ import annotations

import json
import smtplib
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.desk_process import DeskProcess

NAME, LOCAL, SUBJECT, BODY, FILE, MAIL, REPLY, ASIDE = (f"quaggacanary{part}" for part in "abcdefgh")
CANARIES = (NAME, LOCAL, SUBJECT, BODY, FILE, MAIL, REPLY, ASIDE)
ADDRESS = f"{LOCAL}@home.example"
SECONDS_MAX = 60.0


@dataclass
class Running:
    """A desk and its administrator's token."""

    process: DeskProcess
    http: httpx.Client
    smtp: tuple[str, int]

    def daybook(self, *arguments: str) -> Any:
        """What a command says, as JSON."""
        done = subprocess.run(
            (sys.executable, "-m", "services", *arguments, "--json"),
            env=self.process.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr + done.stdout
        return json.loads(done.stdout)

    def said(self, *arguments: str) -> list[Any]:
        """What a command says in lines of JSON."""
        done = subprocess.run(
            (sys.executable, "-m", "services", *arguments),
            env=self.process.environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return [json.loads(line) for line in done.stdout.splitlines()]

    def get(self, path: str) -> httpx.Response:
        answer = self.http.get(path)
        assert answer.status_code == 200, (path, answer.text)
        return answer

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.http.post(path, json=body)
        assert answer.is_success, (path, answer.text)
        return dict(answer.json())

    def mail(self, subject: str, body: str, **headers: str) -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = f"{NAME} <{ADDRESS}>", "acme@desk.example", subject
        message["Message-ID"] = f"<{subject}@home.example>"
        for name, value in headers.items():
            message[name.replace("_", "-")] = value
        message.set_content(body)
        with smtplib.SMTP(*self.smtp) as door:
            door.send_message(message)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Running]:
    with DeskProcess(tmp_path / "home") as process:
        running = process.start()
        host, _, port = running["smtp"].rpartition(":")
        with httpx.Client(base_url=running["address"], timeout=30) as http:
            found = Running(process, http, (host, int(port)))
            token = found.daybook("token", "create", "--role", "administrator", "--personal")["token"]
            http.headers["authorization"] = f"Bearer {token}"
            yield found


def until(what: Any, seconds: float = SECONDS_MAX) -> float:
    """Waits until something holds; how long it took."""
    started = time.monotonic()
    while not what():
        assert time.monotonic() - started < seconds, "not in time"
        time.sleep(0.25)
    return time.monotonic() - started


def write_by_every_way_in(desk: Running) -> dict[str, Any]:
    answer = desk.http.put("/api/v1/clients/acme", json={"name": "Acme", "prefix": "ACME"})
    assert answer.status_code == 201, answer.text
    hours = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    for what, body in (
        ("calendar", {"zone": "UTC", "hours": hours}),
        ("policy", {"rows": [{"targets": {"first_reply": "8h", "resolution": "72h"}}]}),
    ):
        answer = desk.http.put(f"/api/v1/clients/acme/{what}", json=body)
        assert answer.is_success, answer.text
    content = b64encode(f"{FILE}\n".encode() * 50).decode()
    ticket = desk.post(
        "/api/v1/tickets",
        {
            "client": "acme",
            "requester": {"email": ADDRESS, "name": NAME},
            "subject": f"{SUBJECT} is offline",
            "body": f"{BODY} " * 30,
            "attachments": [{"name": f"{FILE}.txt", "content": content}],
        },
    )
    key = ticket["track_url"].partition("key=")[2]
    desk.post(f"/api/v1/guest/tickets/{ticket['reference']}/messages", {"key": key, "body": f"Still {BODY}"})
    desk.post(f"/api/v1/tickets/{ticket['id']}/replies", {"body": f"Dear {NAME}, {REPLY}"})
    desk.post("/api/v1/incidents", {"title": "Printers are offline", "tickets": [ticket["reference"]]})
    desk.mail(f"{MAIL} by mail", f"{MAIL} body")
    desk.mail("Out of office", f"{ASIDE} body", Auto_Submitted="auto-replied")
    return ticket


def surfaces(desk: Running, ticket: dict[str, Any]) -> dict[str, str]:
    """Everything that shows something to somebody."""
    paths = [
        "/api/v1/queue", f"/api/v1/queue?q={BODY}", f"/api/v1/queue?q={LOCAL}", "/api/v1/mailbox", "/api/v1/dashboard",
        f"/api/v1/tickets/{ticket['reference']}", f"/api/v1/tickets/{ticket['id']}/events", "/api/v1/tickets/ACME-2",
        "/api/v1/events?client=acme&limit=200", "/api/v1/incidents", "/api/v1/sla/cycles", "/api/v1/sla/stories",
    ]  # fmt: skip
    paths += [f"/api/v1/incidents/{incident['id']}" for incident in desk.get("/api/v1/incidents").json()["items"]]
    found = {path: desk.get(path).text for path in paths}
    found["guest"] = desk.http.get(ticket["track_url"], follow_redirects=True).text
    return found


def shown(desk: Running, ticket: dict[str, Any]) -> set[tuple[str, str]]:
    """Where which of the words can be read. A search that says nothing but what was asked says nothing."""
    return {
        (path, word)
        for path, text in surfaces(desk, ticket).items()
        for word in CANARIES
        if word in text and not (f"q={word}" in path and '"items":[]' in text)
    }


def figures(desk: Running) -> dict[str, Any]:
    """What an erasure changes nothing of: SLA results and incidents, without the instants at which they were asked."""
    sla, incidents = desk.get("/api/v1/clients/acme/sla").json(), desk.get("/api/v1/incidents").json()
    kept = {name: value for name, value in sla.items() if name not in {"fresh_at", "as_of", "from", "to"}}
    return {"sla": kept, "incidents": [(item["id"], item["status"], item["version"]) for item in incidents["items"]]}


def files_with(words: tuple[str, ...], folder: Path) -> set[str]:
    found = set()
    for file in folder.rglob("*"):
        try:
            content = file.read_bytes() if file.is_file() else b""
        except FileNotFoundError:  # a server takes its files away as it likes
            continue
        if any(word.encode() in content for word in words):
            found.add(str(file.relative_to(folder)))
    return found


def settled(desk: Running, ticket: dict[str, Any]) -> bool:
    """Whether every ticket has been judged, the incident's requester has been told of it, which is a second reply and
    a new promise, and every consumer has digested all of that: it is asked last."""
    if "none" in desk.get("/api/v1/queue").json()["counts"]["priority"]:
        return False
    story = desk.get(f"/api/v1/tickets/{ticket['id']}/events").json()["items"]
    if sum(event["type"] == "ticket.reply_sent" for event in story) < 2:
        return False
    consumers = [item for item in desk.get("/api/v1/subscribers").json()["items"] if item["kind"] == "consumer"]
    return bool(consumers) and all(item["behind"] == 0 for item in consumers)


def test_who_is_erased_is_nowhere_any_more(desk: Running, tmp_path: Path) -> None:
    ticket = write_by_every_way_in(desk)
    until(lambda: desk.get("/api/v1/queue").json()["total"] == 2)
    until(lambda: len(desk.get("/api/v1/mailbox").json()["items"]) >= 3)
    until(lambda: desk.get(f"/api/v1/queue?q={BODY}").json()["total"] == 1)
    until(lambda: desk.get("/api/v1/sla/cycles").json()["items"] and desk.get("/api/v1/incidents").json()["items"])
    until(lambda: settled(desk, ticket))  # what triage says of tickets comes a moment after they stand in the queue
    before, results = desk.get("/api/v1/queue").json(), figures(desk)
    readable = {word for _, word in shown(desk, ticket)}
    assert readable >= {NAME, LOCAL, SUBJECT, BODY, FILE, MAIL, REPLY}
    person = desk.get(f"/api/v1/tickets/{ticket['id']}").json()["requester"]["id"]
    data = desk.process.data
    desk.daybook("export", str(tmp_path / "sealed"))
    assert files_with(CANARIES, tmp_path / "sealed") == set()
    assert files_with(CANARIES, data / "nats") == set(), "the bus carries sealed text only"

    answer = desk.http.delete(f"/api/v1/people/{person}/data")
    assert answer.status_code == 200, answer.text
    took = until(lambda: not shown(desk, ticket))
    print(f"nothing was readable any more after {took:.1f} s")

    after = desk.get("/api/v1/queue").json()
    assert (after["total"], after["counts"]) == (before["total"], before["counts"])
    assert [(item["reference"], item["status"], item["opened_at"]) for item in after["items"]] == [
        (item["reference"], item["status"], item["opened_at"]) for item in before["items"]
    ]
    assert figures(desk) == results, "SLA results and incidents are unchanged"
    desk.daybook("export", str(tmp_path / "opened"), "--parquet", "--opened")
    assert files_with(CANARIES, tmp_path / "opened") == set()

    done = desk.daybook("erase", "--compact")
    assert (done["erasures"], done["notes"]) == (1, [])
    assert files_with(CANARIES, data / "postgres" / "base") == set()
    assert files_with(CANARIES, data / "postgres" / "global") == set()
    assert files_with(CANARIES, data / "nats") == set()
    assert files_with(CANARIES, desk.process.home / "logs") == set()
    proof = desk.daybook("verify")
    assert (proof["sound"], proof["notes"], proof["mails"]) == (True, [], {"tickets": 1, "quarantined": 1})

    again = desk.post(
        "/api/v1/tickets", {"client": "acme", "requester": {"email": ADDRESS}, "subject": "s", "body": "b"}
    )
    told = desk.daybook("erase", ADDRESS, "--client", "acme")
    newcomer = desk.get(f"/api/v1/tickets/{again['id']}").json()["requester"]["id"]
    assert told["now"] is True
    assert told["person"] == newcomer != person, "who comes back is somebody new, and can be erased by address"
    assert [line["person"] for line in desk.said("erase", "--list")] == [person, newcomer]
