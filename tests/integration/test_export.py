"""A desk is exported, proven from its files alone, and read back bit by bit; what was changed or cut off shows."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import sys
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from typer.testing import CliRunner

from contracts.subjects import LANES, lane_of_client
from services.cli.app import Stop, build
from services.embedded import postgres
from services.embedded.place import ROOT_BASE
from services.exporting import format as form
from services.exporting.format import BadExport
from services.exporting.read import Export, faults_of, is_export, open_export
from services.exporting.restore import restore
from services.exporting.write import Writer
from services.intake.mail.ledger import note
from services.kit.bus.subscribers import SQL as SUBSCRIBERS_SQL
from services.kit.bus.subscribers import add_subscriber
from services.kit.keyring import NONCE_BYTES, MasterKeys, opened, wrap
from services.kit.log.verify import verify
from services.kit.log.walk import NO_LANE, Fault
from services.kit.postgres import Pool, connect_pool
from services.kit.settings import Settings
from services.proving import heads
from services.proving.prove import prove
from tests.conftest import ADMIN_PASSWORD, TEMPLATE
from tests.integration.intake_desk import IntakeDesk, open_desk

FILE = b64encode(b"The printer's log: CANARY\n" * 40).decode()
NOW = datetime(2026, 3, 4, tzinfo=UTC)
SECRET = bytes(range(32))  # what signs a webhook


@dataclass
class Source:
    """A desk with a little of everything, and its export."""

    settings: Settings
    owner: Pool
    desk: IntakeDesk
    tickets: list[dict[str, Any]]
    folder: Path

    @property
    def keys(self) -> MasterKeys:
        return MasterKeys(self.settings.master_key_bytes)

    def faults(self, folder: Path) -> list[Fault]:
        return list(faults_of(open_export(folder), heads.own_keys(self.keys), self.keys))

    def copy(self, folder: Path) -> Path:
        shutil.copytree(self.folder, folder / "export")
        return folder / "export"


@pytest.fixture(scope="module")
async def source(database: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Source]:
    async with open_desk(database) as desk:
        owner = await connect_pool(database, "owner", size=3, idle_in_transaction_seconds=0)
        await desk.post("/agents", {"email": "eve@desk.example", "name": "Eve", "password": "correct horse"})
        tickets = []
        for number in range(6):
            client, who = ("acme", "bolt")[number % 2], {"email": f"{number}@x.example", "name": f"Näme {number}"}
            upload = {"name": "log.txt", "content": FILE}
            tickets.append(await desk.submit(client, requester=who, attachments=[upload], subject=f"Sübject {number}"))
            for key in ("a", "b"):
                said = {"body": f"more {key}"}
                await desk.post(f"/tickets/{tickets[-1]['id']}/messages", said, idempotency_key=f"{number}{key}")
        for slug in ("acme", None):
            lane = lane_of_client(slug or "_desk")
            await note(_Edge(owner), b"k" * 32, slug, quarantined=True)  # type: ignore[arg-type]
            row = (lane, UUID(int=lane), b"k" * 32, slug, bytes(range(256)))
            await owner.execute(
                "INSERT INTO intake.quarantine (lane, id, key, reason, client, person, bytes, envelope, sealed) "
                "VALUES ($1, $2, $3, 'loop', $4, $2, 3, $5, $5)", *row,
            )  # fmt: skip
        await follow(owner, MasterKeys(database.master_key_bytes))
        folder = tmp_path_factory.mktemp("export") / "whole"
        await Writer(folder, None).write(owner, database.master_key_bytes, NOW)
        yield Source(database, owner, desk, tickets, folder)
        await owner.close()


async def follow(owner: Pool, keys: MasterKeys) -> None:
    """Two webhooks, one of them held by a process and behind, and two programs that read over NATS, one revoked."""
    hook, whole, token, revoked, holder = (UUID(int=number) for number in range(71, 76))
    lane, name = lane_of_client("acme"), f"webhook {hook} 1"
    await owner.execute(
        "INSERT INTO notification.webhooks (webhook, name, url, client, types, author, holder, held_until) VALUES"
        " ($1, 'one', 'https://hooks.example/x', 'acme', '{ticket.submitted}', 'cli', $3, 'infinity'),"
        " ($2, 'all', 'https://hooks.example/y', NULL, '{}', 'cli', NULL, '2000-01-01Z')", hook, whole, holder,
    )  # fmt: skip
    await owner.execute(
        "INSERT INTO notification.webhook_secrets (name, webhook, wrapped) VALUES ($1, $2, $3)",
        name, hook, wrap(keys.current, name.encode(), SECRET, os.urandom(NONCE_BYTES)),
    )  # fmt: skip
    await owner.execute(
        "INSERT INTO notification.webhook_places SELECT lane, $2::uuid, 2, '{}'::bigint[] FROM log.lanes UNION ALL"
        " SELECT $1::smallint, $3::uuid, 4, '{6,7}'", lane, whole, hook,
    )  # fmt: skip
    await owner.execute(
        "INSERT INTO notification.webhook_letters (lane, webhook, position, stream, event, type, state, attempts, code,"
        " due_at, expires_at) SELECT $1, $2::uuid, p, $2, $2, 'ticket.submitted', s, 3, '503', now(), 'infinity'"
        " FROM (VALUES (5, 'waiting'), (3, 'dead')) AS v (p, s)", lane, hook,
    )  # fmt: skip
    for number, program in enumerate((token, revoked)):
        await add_subscriber(owner, program, "acme", f"U{number}", number)  # type: ignore[arg-type]
    await owner.execute(SUBSCRIBERS_SQL["close"], revoked)


class _Edge:
    """As much of intake's edge as a note in the ledger takes."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool


@pytest.fixture
async def empty(database: Settings, postgres_port: int) -> AsyncIterator[Settings]:
    """A second, empty desk with the same secrets."""
    name = "test_export_empty"
    admin = await asyncpg.connect(postgres.dsn(postgres_port, ADMIN_PASSWORD))
    await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await admin.execute(f"CREATE DATABASE {name} OWNER daybook_owner TEMPLATE {TEMPLATE} STRATEGY wal_log")
    yield Settings.model_validate(
        {**database.model_dump(), "database_url": postgres.dsn(postgres_port, ADMIN_PASSWORD, name)}
    )
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*.ndjson"))
    }  # fmt: skip


def test_an_export_is_sound_private_and_sealed(source: Source) -> None:
    assert is_export(source.folder)
    assert source.faults(source.folder) == []
    files = files_of(source.folder)
    assert set(files) == {form.events_file(lane) for lane in range(16)} | {
        form.table_file(name) for name in form.TABLES
    }
    assert all(path.stat().st_mode & 0o077 == 0 for path in source.folder.rglob("*.ndjson"))
    for word in (b"CANARY", "Sübject".encode(), "Näme".encode(), b"x.example", b"more a"):
        assert not any(word in content for content in files.values()), word
    manifest = json.loads((source.folder / form.MANIFEST).read_text())
    counts = {name: file["rows"] for name, file in manifest["files"].items()}
    assert (counts["commands.ndjson"], counts["attachments.ndjson"], counts["logins.ndjson"]) == (18, 6, 1)
    assert (counts["mails.ndjson"], counts["quarantine.ndjson"], counts["prefixes.ndjson"]) == (2, 2, 2)


async def test_what_was_read_back_is_the_same_to_the_bit(source: Source, empty: Settings, tmp_path: Path) -> None:
    owner = await connect_pool(empty, "owner", size=3, idle_in_transaction_seconds=0)
    export = open_export(source.folder)
    assert await restore(export, owner, source.keys) == export.events > 30

    proof = await prove(owner, empty, source.keys, views=False)
    await Writer(tmp_path / "again", None).write(owner, empty.master_key_bytes, NOW)

    assert (proof.faults, proof.events, proof.doors.commands) == ([], export.events, 18)
    assert files_of(tmp_path / "again") == files_of(source.folder)
    assert await owner.fetchval("SELECT count(*) FROM triage.wake_ups_known WHERE NOT whole") == LANES, "timers fill it"
    async with open_desk(empty) as desk:  # clients are put again there: nothing new
        assert len(await desk.events(source.tickets[0]["id"])) == len(await source.desk.events(source.tickets[0]["id"]))
        again = await desk.post(
            f"/tickets/{source.tickets[0]['id']}/messages", {"body": "more a"},
            token=source.desk.administrator, idempotency_key="0a",
        )  # fmt: skip
        assert (again.status_code, again.headers.get("idempotency-replayed")) == (200, "true")
        more = await desk.submit(requester={"email": "0@x.example"})
        told = (await desk.events(more["id"]))[0].data
        assert told.requester == (await desk.events(source.tickets[0]["id"]))[0].data.requester  # type: ignore[attr-defined]
    assert [fault async for fault in verify(owner)] == []
    with pytest.raises(BadExport, match="this desk is not empty"):
        await restore(export, owner, source.keys)
    await owner.close()


async def test_who_is_told_outside_goes_with_the_desk(source: Source, empty: Settings) -> None:
    owner = await connect_pool(empty, "owner", size=1, idle_in_transaction_seconds=0)
    await restore(open_export(source.folder), owner, source.keys)

    assert "2 webhooks and 2 subscribers over NATS go on where they were" in open_export(source.folder).followers
    held = await owner.fetch("SELECT name, holder, held_until < now() AS free FROM notification.webhooks ORDER BY name")
    assert [tuple(row) for row in held] == [("all", None, True), ("one", None, True)]
    (secret,) = await owner.fetch("SELECT name, wrapped FROM notification.webhook_secrets")
    assert opened(source.keys.current, secret["name"].encode(), secret["wrapped"]) == SECRET
    place = await owner.fetchrow(
        "SELECT place, ahead FROM notification.webhook_places WHERE webhook = $1", UUID(int=71)
    )
    assert place is not None
    assert tuple(place) == (4, [6, 7])
    letters = await owner.fetch("SELECT position, state FROM notification.webhook_letters ORDER BY position")
    assert [tuple(row) for row in letters] == [(3, "dead"), (5, "waiting")]
    programs = await owner.fetch("SELECT token, position, closed_at IS NULL FROM access.bus_subscribers ORDER BY token")
    assert [tuple(row) for row in programs] == [(UUID(int=73), 0, True), (UUID(int=74), 1, False)]
    assert await owner.fetchval("SELECT count(*) FROM log.outside_read") == 1
    await owner.execute("TRUNCATE log.events, log.commands, personal.people")
    with pytest.raises(BadExport, match="this desk is not empty"):
        await restore(open_export(source.folder), owner, source.keys)
    await owner.close()


async def test_an_export_from_before_there_were_subscribers_is_read_back(
    source: Source, empty: Settings, tmp_path: Path
) -> None:
    folder = source.copy(tmp_path)
    manifest = json.loads((folder / form.MANIFEST).read_text())
    for name in map(form.table_file, form.SUBSCRIBERS):
        del manifest["files"][name]
        (folder / name).unlink()
    parts = {name: part for name, part in manifest.items() if name not in ("signature", "public_key")}
    signed = heads.signed(parts | {"version": 1}, source.keys.current)
    (folder / form.MANIFEST).write_text(json.dumps(signed))
    assert source.faults(folder) == []
    assert "make them again" in open_export(folder).followers
    owner = await connect_pool(empty, "owner", size=1, idle_in_transaction_seconds=0)
    assert await restore(open_export(folder), owner, source.keys) == open_export(folder).events
    await owner.close()


async def test_an_export_of_another_master_key_is_not_read_back(source: Source, empty: Settings) -> None:
    owner = await connect_pool(empty, "owner", size=1)
    with pytest.raises(BadExport, match="set DAYBOOK_MASTER_KEY"):
        await restore(open_export(source.folder), owner, MasterKeys(os.urandom(32)))
    await owner.close()


@pytest.mark.parametrize("seed", range(4))
def test_a_flipped_byte_in_any_file_shows_where_it_is(source: Source, tmp_path: Path, seed: int) -> None:
    folder, chance = source.copy(tmp_path), random.Random(seed)
    for path in sorted(folder.rglob("*.ndjson")):
        content = path.read_bytes()
        if not content:
            continue
        at = chance.randrange(len(content) - 1)
        flipped = bytes((content[at] ^ 1 << chance.randrange(7),))
        path.write_bytes(content[:at] + flipped + content[at + 1 :])
        faults = source.faults(folder)
        name = str(path.relative_to(folder))
        assert any(fault.lane == NO_LANE and name in fault.what for fault in faults), (seed, name, at)
        position = content[:at].count(b"\n") + 1
        if name.startswith("events/") and not says_the_same(content, path.read_bytes(), position):
            lane = int(name[12:14])
            assert (lane, position) in {(fault.lane, fault.position) for fault in faults}, (seed, name, at, faults)
        path.write_bytes(content)


def says_the_same(content: bytes, changed: bytes, position: int) -> bool:
    """Some bits carry nothing: those of the case of a hexadecimal digit."""
    try:
        return form.event_of(content.splitlines()[position - 1]) == form.event_of(changed.splitlines()[position - 1])
    except BadExport:
        return False


def test_a_tail_that_was_cut_off_with_its_counts_shows(source: Source, tmp_path: Path) -> None:
    folder = source.copy(tmp_path)
    lane = lane_of_client("acme")
    path, manifest = folder / form.events_file(lane), json.loads((folder / form.MANIFEST).read_text())
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    said = [fault.what for fault in source.faults(folder) if fault.lane == lane]
    assert any(what.startswith("events up to position") for what in said)

    kept = json.loads(lines[-2])
    head = manifest["heads"][lane]
    head["position"], head["hash"] = kept["position"], kept["hash"]
    manifest["files"][form.events_file(lane)] |= {"rows": len(lines) - 1}
    (folder / form.MANIFEST).write_text(json.dumps(manifest))
    assert any("changed after it was signed" in fault.what for fault in source.faults(folder))

    forged = heads.signed({name: part for name, part in manifest.items() if name != "signature"}, os.urandom(32))
    (folder / form.MANIFEST).write_text(json.dumps(forged))
    assert any("not this desk's key" in fault.what for fault in source.faults(folder))


async def test_one_client_leaves_alone_and_can_be_checked_alone(
    source: Source, empty: Settings, tmp_path: Path
) -> None:
    await Writer(tmp_path / "acme", ["acme"]).write(source.owner, source.settings.master_key_bytes, NOW)
    export: Export = open_export(tmp_path / "acme")
    lines = [json.loads(line) for line in export.lines(form.client_file("acme"))]
    assert {line["client"] for line in lines} == {"acme"}
    assert [line["sequence"] for line in lines] == list(range(1, len(lines) + 1))
    assert {row["client"] for row in export.rows("people")} == {"acme"}
    assert set(export.manifest["files"]) == {"events/acme.ndjson", "people.ndjson"}
    assert source.faults(tmp_path / "acme") == []

    path = tmp_path / "acme" / form.client_file("acme")
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    assert any("do not end at the signed" in fault.what for fault in source.faults(tmp_path / "acme"))
    owner = await connect_pool(empty, "owner", size=1)
    with pytest.raises(BadExport, match="some clients only"):
        await restore(export, owner, source.keys)
    await owner.close()


async def test_a_folder_is_refused_by_name(source: Source, tmp_path: Path) -> None:
    with pytest.raises(BadExport, match="is not empty"):
        await Writer(source.folder, None).write(source.owner, source.settings.master_key_bytes, NOW)
    with pytest.raises(BadExport, match="interrupted"):
        open_export(tmp_path)
    (tmp_path / form.MANIFEST).write_text("{}")
    with pytest.raises(BadExport, match="is not an export"):
        open_export(tmp_path)


async def test_parquet_is_opened_for_other_programs_and_only_when_asked(source: Source, tmp_path: Path) -> None:
    import pyarrow.dataset as data

    from services.exporting.parquet import write_parquet

    result = CliRunner().invoke(build("export"), ["export", str(tmp_path / "no"), "--parquet"])
    assert isinstance(result.exception, Stop)
    assert "add --opened" in str(result.exception)

    rows = await write_parquet(source.owner, source.settings, tmp_path / "parquet", None, lambda events: None)

    events = data.dataset(tmp_path / "parquet" / "events", partitioning="hive").to_table()
    tickets = data.dataset(tmp_path / "parquet" / "tickets", partitioning="hive").to_table().to_pylist()
    assert events.num_rows == rows["events"] == open_export(source.folder).events
    assert set(events.column("client").to_pylist()) == {"acme", "bolt", "_desk"}
    assert {(row["reference"], row["subject"], row["requester_address"]) for row in tickets} == {
        (ticket["reference"], f"Sübject {number}", f"{number}@x.example")
        for number, ticket in enumerate(source.tickets)
    }
    assert {row["messages"] for row in tickets} == {3}
    assert any("more a" in text for text in events.column("data").to_pylist())


async def test_a_home_without_a_running_desk_takes_an_export_in(source: Source, tmp_path: Path) -> None:
    """`daybook import` starts the home's own PostgreSQL for as long as it takes."""
    home, home_id = tmp_path / "home", f"test-{os.getpid()}-import"
    home.mkdir()
    kept = json.loads((source.settings.home / "secrets.json").read_text()) | {"home_id": home_id}
    (home / "secrets.json").write_text(json.dumps(kept))
    environment = {**os.environ, "DAYBOOK_HOME": str(home)}

    async def read_back() -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services", "import", str(source.folder), "--erased", "none", "--json",
            env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, errors = await process.communicate()
        return process.returncode or 0, out.decode(), errors.decode()

    code, out, errors = await read_back()
    assert code == 0, errors
    assert json.loads(out)["events"] == open_export(source.folder).events
    code, _, errors = await read_back()
    assert (code, "this desk is not empty" in " ".join(errors.split())) == (1, True), errors
    shutil.rmtree(ROOT_BASE / "homes" / home_id, ignore_errors=True)
