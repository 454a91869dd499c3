"""A stranger's program for Node reads one client's events over NATS: killed, started again, and too curious."""

from __future__ import annotations

import asyncio
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest
from uuid_utils.compat import uuid7

from contracts.people import Role
from services.cli.bus_token import Refusal, make_bus_token
from services.kit.access.tokens import NewToken, make_token
from services.kit.postgres import connect_pool
from services.kit.settings import Settings, load
from tests.desk_process import DeskProcess

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "tests" / "node"
SECONDS = 60.0
INSTALL_SECONDS = 100.0
CLIENTS = ("acme", "globex")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the program and its packages, as package-lock.json pins them."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        without("node and npm are not installed: the stranger's program is one for Node")
    folder = tmp_path_factory.mktemp("node") / "program"
    shutil.copytree(PROGRAM, folder, ignore=shutil.ignore_patterns("node_modules"))
    npm = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
    try:
        done = subprocess.run(npm, cwd=folder, check=False, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        without(f"npm did not install the NATS client for Node within {INSTALL_SECONDS:.0f} s")
    if done.returncode != 0:
        without(f"npm cannot install the NATS client for Node here: {done.stderr.strip()[-200:]}")
    return folder


def without(reason: str) -> NoReturn:
    """Skips where Node may be missing; fails where DAYBOOK_REQUIRE_NODE says that it must be there, as CI does."""
    if os.environ.get("DAYBOOK_REQUIRE_NODE"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskProcess]:
    with DeskProcess(tmp_path_factory.mktemp("subscriber") / "home") as process:
        process.start()
        with api(process) as administrator:
            for client in CLIENTS:
                body = {"name": client.title(), "prefix": client[:3].upper(), "zone": "Europe/Berlin"}
                administrator.put(f"/clients/{client}", json=body).raise_for_status()
        yield process


def command(desk: DeskProcess, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "services", *words),
        cwd=ROOT, env=desk.environment, check=False, capture_output=True, text=True,
    )  # fmt: skip


def settings_of(desk: DeskProcess) -> Settings:
    return load(home=desk.home, home_id=desk.environment["DAYBOOK_HOME_ID"])


def new_token(role: Role, *clients: str) -> NewToken:
    return NewToken(id=uuid7(), name="", role=role, clients=clients or None)


def created(desk: DeskProcess, client: str, after: str = "beginning") -> dict[str, Any]:
    """As `daybook token create --nats` does, without a process for each."""

    async def make() -> dict[str, Any]:
        pool = await connect_pool(settings_of(desk), "intake", size=2)
        new = new_token(Role.SUBSCRIBER, client)
        try:
            made = await make_bus_token(settings_of(desk), pool, new, client, after)
        finally:
            await pool.close()
        return {**made.nats, "id": str(new.id)}

    return asyncio.run(make())


def api(desk: DeskProcess) -> httpx.Client:
    async def make() -> str:
        pool = await connect_pool(settings_of(desk), "intake", size=1)
        try:
            return await make_token(pool, new_token(Role.ADMINISTRATOR))
        finally:
            await pool.close()

    return httpx.Client(
        base_url=f"{desk.running['address']}/api/v1",
        headers={"Authorization": f"Bearer {asyncio.run(make())}"},
        timeout=30,
    )


def send(administrator: httpx.Client, client: str, count: int) -> None:
    for number in range(count):
        ticket = {
            "client": client,
            "requester": {"email": f"robin@{client}.example", "name": "Robin Canary"},
            "subject": f"Printer {number}",
            "body": "Canary words that nobody outside may read.",
        }
        administrator.post("/tickets", json=ticket).raise_for_status()


def sequences(administrator: httpx.Client, client: str) -> list[int]:
    """What HTTP tells of the same client."""
    lines = administrator.get("/events", params={"client": client, "limit": 200}).text.splitlines()
    return [int(json.loads(line)["sequence"]) for line in lines]


class Reader:
    """The program reader.mjs, running."""

    def __init__(self, folder: Path, given: dict[str, Any]) -> None:
        self._lines: queue.Queue[str] = queue.Queue()
        self._process = subprocess.Popen(
            ("node", "reader.mjs"), cwd=folder, env={**os.environ, "DAYBOOK_READER": json.dumps(given)},
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)

    def next(self) -> dict[str, Any]:
        return dict(json.loads(self._lines.get(timeout=SECONDS)))

    def upto(self, sequence: int) -> list[dict[str, Any]]:
        """Everything up to the client's event of this number."""
        found = [self.next()]
        while found[-1]["seq"] < sequence:
            found.append(self.next())
        return found

    def kill(self) -> list[dict[str, Any]]:
        """Ends it as a power failure would; returns what it had printed that nobody has asked for."""
        self._process.kill()
        self._process.wait()
        self._reading.join()
        return [self.next() for _ in range(self._lines.qsize())]


def test_it_consumes_is_killed_resumes_and_sees_no_gap_and_nothing_foreign(desk: DeskProcess, node: Path) -> None:
    with api(desk) as administrator:
        send(administrator, "acme", 5)
        done = command(desk, "token", "create", "--role", "subscriber", "--client", "acme", "--nats", "--json")
        assert done.returncode == 0, done.stderr
        made = json.loads(done.stdout)["nats"]
        reader = Reader(node, made)
        first = [*reader.upto(8), *reader.kill()]
        send(administrator, "globex", 5)
        send(administrator, "acme", 5)
        reader = Reader(node, made)
        last = settled(administrator, "acme")
        second = reader.upto(last)
        reader.kill()
    seen = {message["seq"] for message in (*first, *second)}
    assert seen == set(range(1, last + 1))
    assert [message["seq"] for message in second] == sorted(message["seq"] for message in second)
    for message in (*first, *second):
        assert message["headers"]["ce-client"] == "acme"
        assert int(message["headers"]["ce-sequence"]) == message["seq"]
        assert not {"ce-lane", "ce-position", "Nats-Msg-Id"} & message["headers"].keys()
        assert "globex" not in json.dumps(message)
        assert "Canary" not in json.dumps(message)


def test_the_readmes_program_reads(desk: DeskProcess, node: Path) -> None:
    blocks = re.findall(r"```js\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    (program,) = (block for block in blocks if "@nats-io" in block)
    (node / "readme.mjs").write_text(program)
    (node / "reader.json").write_text(json.dumps({"nats": created(desk, "acme")}))
    running = subprocess.Popen(("node", "readme.mjs"), cwd=node, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    try:
        first = running.stdout.readline()
    finally:
        running.kill()
        running.wait()
    assert first.startswith("1 client.registered {")


def settled(administrator: httpx.Client, client: str) -> int:
    """The client's last sequence, once every service has said what it has to say: two looks that agree."""
    before: list[int] = []
    end = time.monotonic() + SECONDS
    while (now := sequences(administrator, client)) != before or not now:
        assert time.monotonic() < end
        before = now
        time.sleep(1)
    return now[-1]


def test_whatever_more_it_tries_to_read_or_say_fails(desk: DeskProcess, node: Path) -> None:
    acme, globex = created(desk, "acme"), created(desk, "globex")
    hexes = [one["stream"].removeprefix("FEED_") for one in (acme, globex)]
    subjects = ["daybook.3.acme.ticket.submitted.0", "poke.daybook.1", f"$JS.ACK.{globex['stream']}.reader.1.1.1.1.1"]
    subjects += [f"feed.{name}.acme.ticket.submitted.0" for name in hexes]
    others = json.dumps({"stream": globex["stream"], "subjects": subjects})
    with api(desk) as administrator:
        before = {client: settled(administrator, client) for client in CLIENTS}
        with subprocess.Popen(
            ("node", "pry.mjs"), cwd=node, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "DAYBOOK_READER": json.dumps(acme), "DAYBOOK_OTHERS": others},
        ) as prying:  # fmt: skip
            assert prying.stdin is not None
            assert prying.stdout is not None
            assert prying.stdout.readline() == "listening\n"
            for client in CLIENTS:  # there is much to hear now, on every subject of the desk
                send(administrator, client, 3)
            after = {client: settled(administrator, client) for client in CLIENTS}
            prying.stdin.close()
            told = json.loads(prying.stdout.readlines()[-1])
        assert all(after[client] >= before[client] + 3 for client in CLIENTS)
        assert {name: came for name, came in told["tried"].items() if "refused" not in came} == {}
        assert len(told["tried"]) >= 40
        assert told["heard"] == []
        assert "globex" not in json.dumps(told)
        assert told["own"]["num_pending"] + told["own"]["num_ack_pending"] <= after["acme"]
        assert {client: sequences(administrator, client)[-1] for client in CLIENTS} == after


def test_a_revoked_token_reads_nothing_any_more(desk: DeskProcess, node: Path) -> None:
    made, other = created(desk, "acme", after="2"), created(desk, "globex")
    reader, untouched = Reader(node, made), Reader(node, other)
    assert reader.next()["seq"] == 3
    assert untouched.next()["seq"] == 1
    assert command(desk, "token", "revoke", made["id"]).returncode == 0
    while "closed" not in (line := reader.next()):
        assert line["seq"] > 3
    again = Reader(node, made)
    assert again._process.wait(SECONDS) != 0
    with api(desk) as administrator:
        send(administrator, "globex", 1)
        untouched.upto(settled(administrator, "globex"))
    untouched.kill()


@pytest.mark.parametrize(
    ("client", "after", "sentence"),
    [
        ("nobody", "now", "there is no client 'nobody'"),
        ("acme", "999999", "--after is beginning, now, or"),
        ("acme", "soon", "--after is beginning, now, or"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(desk: DeskProcess, client: str, after: str, sentence: str) -> None:
    with pytest.raises(Refusal, match=sentence):
        created(desk, client, after)


def test_a_program_lives_through_the_next_start_of_the_desk(desk: DeskProcess, node: Path) -> None:
    made, later = created(desk, "acme"), created(desk, "acme")
    reader = Reader(node, made | {"reconnect": True})
    assert reader.next()["seq"] == 1
    desk.end(signal.SIGTERM)
    desk.environment["DAYBOOK_NATS_PORT"] = made["url"].rpartition(":")[2]  # where the program looks for it
    desk.start()
    with api(desk) as administrator:
        send(administrator, "acme", 1)
        reader.upto(settled(administrator, "acme"))
    reader.kill()
    reader = Reader(node, later)
    assert reader.next()["seq"] == 1
    reader.kill()
