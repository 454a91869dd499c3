"""The commands `daybook tail` and `daybook dead-letters` against real servers."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from contracts.envelope import CloudEvent
from contracts.subjects import lane_of
from services.embedded.place import Place
from services.kit.bus import Poker, blame, connect
from services.kit.log.append import Append, Appender
from services.kit.settings import Settings
from tests.conftest import PoolOf
from tests.integration.bus_tools import (
    SEEN,
    Bus,
    Ledger,
    append_tickets,
    caught_up,
    consume,
    eventually,
    note,
    own_bus,
    running,
    submitted,
    ticket_of,
)

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
async def own(database: Settings, place: Place, tmp_path: Path, pool_of: PoolOf) -> AsyncIterator[Bus]:
    await (await pool_of("owner")).execute(SEEN)
    async with own_bus(database, place, tmp_path) as bus:
        yield bus


def start(settings: Settings, *command: str) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "DAYBOOK_HOME": str(settings.home),
        "DAYBOOK_DATABASE_URL": settings.admin_dsn(),
        "DAYBOOK_NATS_URL": settings.bus_url,
    }
    return subprocess.Popen(
        (sys.executable, "-m", "services", *command),
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


async def run(settings: Settings, *command: str) -> tuple[int, str, str]:
    process = start(settings, *command)
    out, err = await asyncio.to_thread(process.communicate, timeout=60)
    return process.returncode, out, err


async def test_tail_shows_what_happened_and_what_happens(own: Bus, pool_of: PoolOf) -> None:
    intake = await pool_of("intake")
    await append_tickets(intake, 5)
    follower = start(own.settings, "tail", "--after", "start", "--limit", "14", "--json")
    await asyncio.sleep(1.5)
    client = await connect(own.settings, "test")
    appender = Appender(intake, Poker(client).committed)
    for name in ("bus-1", "bus-2"):
        stream = ticket_of(name)
        await appender.append(Append(name, [submitted(stream), note(stream, 2)]))
    out, _ = await asyncio.to_thread(follower.communicate, timeout=30)
    await client.close()
    events = [json.loads(line) for line in out.splitlines()]
    assert len(events) == 14
    assert [event["client"] for event in events[-4:]] == ["bus-1", "bus-1", "bus-2", "bus-2"]
    assert all(CloudEvent.model_validate(event) for event in events)
    assert follower.returncode == 0


async def test_tail_follows_one_client_from_a_sequence(own: Bus, pool_of: PoolOf) -> None:
    stream = ticket_of("followed")
    events = [submitted(stream), *(note(stream, version) for version in range(2, 6))]
    await Appender(await pool_of("intake")).append(Append("followed", events))
    code, out, _ = await run(own.settings, "tail", "--client", "followed", "--after", "2", "--limit", "3", "--json")
    assert code == 0
    assert [json.loads(line)["sequence"] for line in out.splitlines()] == ["3", "4", "5"]
    code, out, _ = await run(own.settings, "tail", "--client", "followed", "--after", "start", "--limit", "1")
    assert code == 0
    assert "ticket.submitted" in out
    assert str(stream) in out


@pytest.mark.parametrize(
    "wrong", [("--after", "yesterday"), ("--client", "No Such"), ("--client", "a", "--after", "x")]
)
async def test_tail_says_what_it_cannot_read(own: Bus, wrong: tuple[str, ...]) -> None:
    code, _, err = await run(own.settings, "tail", *wrong)
    assert code == 1
    assert err.startswith("daybook: ")


async def poisoned_ticket(settings: Settings, pool_of: PoolOf, ledger: Ledger) -> tuple[UUID, int]:
    pool, stream = await pool_of("triage"), ticket_of("poisoned")
    ledger.refuse.add(stream)
    append = Append("poisoned", [submitted(stream), note(stream, 2)])
    await Appender(await pool_of("intake")).append(append)
    async with running(consume(settings, ledger, pool)):
        await eventually(lambda: caught_up(pool, ledger.name))
    return stream, await pool.fetchval("SELECT min(position) FROM log.events WHERE stream = $1", stream)


async def test_dead_letters_are_listed_shown_and_replayed(
    own: Bus, pool_of: PoolOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blame, "ATTEMPTS_SECONDS", (0.01,))
    pool, ledger = await pool_of("triage"), Ledger("cli")
    stream, position = await poisoned_ticket(own.settings, pool_of, ledger)
    place = f"{lane_of(stream)}:{position}"

    code, out, _ = await run(own.settings, "dead-letters", "list", "--consumer", "cli", "--json")
    letters = json.loads(out)
    assert (code, [letter["position"] for letter in letters]) == (0, [position, position + 1])
    code, out, _ = await run(own.settings, "dead-letters", "list")
    assert "ticket.submitted" in out
    assert f"waits for {place}" in out
    code, out, _ = await run(own.settings, "dead-letters", "show", "cli", place, "--json")
    assert (code, json.loads(out)["data"]["prefix"]) == (0, "ACME")
    code, _, err = await run(own.settings, "dead-letters", "show", "cli", "3:999999")
    assert (code, err.startswith("daybook: ")) == (1, True)

    async with running(consume(own.settings, ledger, pool)):
        code, out, _ = await run(own.settings, "dead-letters", "replay", "cli", place, "--json")
        assert (code, json.loads(out)["left"]) == (1, 2)  # it fails again
        ledger.refuse.clear()
        code, out, _ = await run(own.settings, "dead-letters", "replay", "cli", place, "--json")
        assert (code, json.loads(out)) == (0, {"streams": 1, "replayed": 1, "left": 0, "letters": []})
    code, out, _ = await run(own.settings, "dead-letters", "list", "--consumer", "cli")
    assert out == "No dead letters: every event was digested.\n"
