"""The golden log is read, proven, folded, shown and written again: by today's program, and by one of tomorrow in which
an event has a second version."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from contracts.people import Role
from contracts.ticket import fold
from contracts.ticket_state import Held
from services.exporting.read import faults_of, open_export
from services.exporting.restore import restore
from services.exporting.write import Writer
from services.kit.access.tokens import NewToken, make_token
from services.kit.keyring import MasterKeys
from services.kit.log.read import read_stream
from services.kit.log.verify import verify
from services.kit.postgres import ROOT, Pool, connect_pool
from services.kit.settings import Settings
from services.proving import heads
from services.reporting.app import open_app
from tests.golden_log import FOLDER, MASTER_KEY, with_golden_key
from tests.tomorrow import TYPE, NoteAddedTo, tomorrow

KEYS = MasterKeys(MASTER_KEY)
TICKETS = {"ACME-1": ("closed", 21), "ACME-2": ("new", 7), "BOLT-1": ("open", 16), "BOLT-2": ("new", 5)}


@dataclass
class Restored:
    """A desk that the golden log was read back into."""

    settings: Settings
    owner: Pool


@pytest.fixture(scope="module")
async def desk(database: Settings) -> AsyncIterator[Restored]:
    settings = with_golden_key(database)
    owner = await connect_pool(settings, "owner", size=3, idle_in_transaction_seconds=0)
    export = open_export(FOLDER)
    assert await restore(export, owner, KEYS) == export.events
    yield Restored(settings, owner)
    await owner.close()


@contextmanager
def today() -> Iterator[None]:
    with nullcontext():
        yield


either_day = pytest.mark.parametrize("day", [today, tomorrow], ids=["today", "tomorrow"])


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.ndjson"))}


def test_its_files_are_as_they_were_written() -> None:
    assert list(faults_of(open_export(FOLDER), heads.own_keys(KEYS), KEYS)) == []


@either_day
async def test_it_is_sound_and_folds_into_the_same_tickets(desk: Restored, day: Any) -> None:
    with day():
        assert [fault async for fault in verify(desk.owner)] == []
        rows = await desk.owner.fetch("SELECT DISTINCT stream FROM log.events WHERE type = 'ticket.submitted'")
        found = {}
        for row in rows:
            ticket = fold(await read_stream(desk.owner, row["stream"]))
            assert isinstance(ticket, Held)
            found[ticket.reference] = (ticket.status.value, ticket.version)
    assert found == TICKETS


@either_day
async def test_it_is_exported_again_byte_for_byte(desk: Restored, tmp_path: Path, day: Any) -> None:
    """What is stored is never rewritten, whatever it is lifted to when it is read."""
    with day():
        await Writer(tmp_path / "again", None).write(desk.owner, MASTER_KEY, datetime(2026, 12, 1, tzinfo=UTC))
    again, golden = files(tmp_path / "again"), files(FOLDER)
    changing = {"tokens.ndjson", "cursors.ndjson"}  # other tests of this file make a token
    assert {name: again[name] for name in golden.keys() - changing} == {
        name: golden[name] for name in golden.keys() - changing
    }
    assert not any(again[name] for name in again.keys() - golden.keys())  # what exports have learned to hold since


async def test_old_notes_are_lifted_and_the_feed_names_the_version_that_it_shows(desk: Restored) -> None:
    row = await desk.owner.fetchrow("SELECT lane, stream FROM log.events WHERE type = $1 LIMIT 1", TYPE)
    assert row is not None
    with tomorrow():
        notes = [event for event in await read_stream(desk.owner, row["stream"]) if event.type == TYPE]
        assert all(isinstance(note.data, NoteAddedTo) and note.data.audience == "desk" for note in notes)
        shown = [event for event in await fed(desk) if event["type"] == TYPE]
    assert [(event["dataschema"], event["data"]["audience"]) for event in shown] == [
        ("/schemas/ticket.note_added.v2.json", "desk")
    ] * 3
    stored = await desk.owner.fetch("SELECT schema_version FROM log.events WHERE type = $1", TYPE)
    assert {row["schema_version"] for row in stored} == {1}


async def test_a_program_of_tomorrow_proves_it_offline() -> None:
    key = b64encode(MASTER_KEY).decode()
    secrets = {f"DAYBOOK_{name}": key for name in ("MASTER_KEY", "ROLE_SECRET", "SESSION_SECRET")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.tomorrow", "verify", "--export", str(FOLDER), "--json"],
        cwd=ROOT, env={"DAYBOOK_HOME": "unused", **secrets}, check=False, capture_output=True, text=True,
    )  # fmt: skip
    said = json.loads(done.stdout)
    assert (said["sound"], said["events"]) == (True, open_export(FOLDER).events), done.stderr


async def fed(desk: Restored) -> list[dict[str, Any]]:
    """What a subscriber of the whole desk reads."""
    pool = await connect_pool(desk.settings, "intake", size=1)
    token = await make_token(pool, NewToken(id=uuid4(), name="golden", role=Role.SUBSCRIBER, clients=None))
    await pool.close()
    async with open_app(desk.settings) as app:
        headers = {"Authorization": f"Bearer {token}"}
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://desk.example", headers=headers) as http:
            answer = await http.get("/api/v1/events", params={"limit": "1000"})
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines() if line]
