"""Somebody is erased, and then the desk is exported, brought back from an older export, given another master key, or
has its views rebuilt. In any order who was erased stays so, and the log stays sound."""

from __future__ import annotations

import json
import os
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner
from uuid_utils.compat import uuid7

from contracts import tickets as tell
from services.cli.app import Stop, build
from services.embedded import postgres
from services.erasing.again import Again, BadList, by_cli, erase_again, lines, read_list
from services.erasing.compact import compact
from services.exporting.read import open_export
from services.exporting.restore import restore
from services.exporting.write import Writer
from services.keys.rotate import rewrap
from services.kit.keyring import Keyring, MasterKeys
from services.kit.log.read import read_stream
from services.kit.personal import ERASED, Vault
from services.kit.postgres import Pool, connect_pool
from services.kit.settings import Settings
from services.proving.prove import prove
from services.reporting.rebuild import CHECKSUMS, rebuilding
from tests.conftest import ADMIN_PASSWORD, TEMPLATE
from tests.integration.intake_desk import IntakeDesk, open_desk

FILE = {"name": "hello.txt", "content": "aGVsbG8="}
OLD = "erased_old"
"""The database in which exports are read back."""


@dataclass(frozen=True)
class Written:
    """Somebody, and the ticket with their words."""

    person: UUID
    ticket: UUID
    words: str


@dataclass
class Place:
    """A desk's database, as who owns it and as intake."""

    settings: Settings
    owner: Pool
    intake: Pool

    async def words(self, written: Written, keys: MasterKeys | None = None) -> str:
        """What a process that has just started can read of somebody's ticket."""
        ring = Keyring.of(self.settings.master_key_bytes) if keys is None else Keyring(lambda: keys, time.monotonic)
        vault = Vault(self.intake, ring, new_id=uuid7, random_bytes=os.urandom, monotonic=time.monotonic)
        await vault.load([written.person])
        born = (await read_stream(self.intake, written.ticket))[0].data
        assert isinstance(born, tell.TicketSubmitted)
        return vault.open(born.body)

    async def rows(self, person: UUID) -> int:
        """In how many tables something of theirs stands."""
        tables = ("personal.people", "intake.attachments", "notification.mailbox")
        return sum([await self.owner.fetchval(f"SELECT count(*) FROM {t} WHERE person = $1", person) for t in tables])


@dataclass
class Desk(Place):
    """A desk that is used."""

    api: IntakeDesk

    async def write(self, name: str) -> Written:
        words = f"Words of {name}"
        ticket = await self.api.submit(
            requester={"email": f"{name}@x.example"}, body=words, attachments=[FILE]
        )  # fmt: skip
        born = (await self.api.events(ticket["id"]))[0].data
        assert isinstance(born, tell.TicketSubmitted)
        return Written(born.requester, UUID(ticket["id"]), words)

    async def erase(self, *written: Written) -> None:
        for who in written:
            assert (await self.api.send("DELETE", f"/people/{who.person}/data")).status_code == 200

    async def export(self, folder: Path) -> Path:
        await Writer(folder, None).write(self.owner, self.settings.master_key_bytes, datetime.now(UTC))
        return folder

    async def list(self, path: Path) -> Path:
        path.write_text("".join([json.dumps(line) + "\n" async for line in lines(self.intake)]))
        return path


@pytest.fixture(scope="module")
async def desk(database: Settings) -> AsyncIterator[Desk]:
    async with open_desk(database) as api:
        owner = await connect_pool(database, "owner", size=2, idle_in_transaction_seconds=0)
        yield Desk(database, owner, api.pool, api)
        await owner.close()


@pytest.fixture
async def empty(desk: Desk, postgres_port: int) -> AsyncIterator[Place]:
    """A second, empty desk with the same secrets."""
    admin = await asyncpg.connect(postgres.dsn(postgres_port, ADMIN_PASSWORD))
    await admin.execute(f"DROP DATABASE IF EXISTS {OLD} WITH (FORCE)")
    await admin.execute(f"CREATE DATABASE {OLD} OWNER daybook_owner TEMPLATE {TEMPLATE} STRATEGY wal_log")
    url = postgres.dsn(postgres_port, ADMIN_PASSWORD, OLD)
    settings = Settings.model_validate({**desk.settings.model_dump(), "database_url": url})
    owner = await connect_pool(settings, "owner", size=3, idle_in_transaction_seconds=0)
    intake = await connect_pool(settings, "intake", size=2)
    yield Place(settings, owner, intake)
    await owner.close()
    await intake.close()
    await admin.execute(f"DROP DATABASE {OLD} WITH (FORCE)")
    await admin.close()


def keys_of(place: Place) -> MasterKeys:
    return MasterKeys(place.settings.master_key_bytes)


async def test_an_older_export_brings_nobody_back_who_was_erased_since(
    desk: Desk, empty: Place, tmp_path: Path
) -> None:
    gone, kept = await desk.write("gone"), await desk.write("kept")
    folder = await desk.export(tmp_path / "older")
    later = await desk.write("later")
    await desk.erase(gone, later)
    listed = read_list(await desk.list(tmp_path / "erased.ndjson"))
    assert listed >= {gone.person, later.person}

    await restore(open_export(folder), empty.owner, keys_of(desk), erased=listed)
    assert (await empty.words(gone), await empty.words(kept)) == (ERASED, kept.words), "from the first moment on"
    first = await erase_again(empty.intake, listed, by_cli(empty.settings))

    assert (first.erased, first.unknown) == (1, 1)
    assert await empty.rows(gone.person) == 0
    assert await empty.rows(kept.person) == 2
    assert (await read_stream(empty.intake, gone.person))[-1].type == "person.erased"
    again = await erase_again(empty.intake, listed, by_cli(empty.settings))
    assert again == Again(0, first.before + 1, 1)
    proof = await prove(empty.owner, empty.settings, keys_of(empty), views=False)
    assert proof.faults == []


async def test_an_export_is_not_read_back_before_it_was_said_who_was_erased_since(desk: Desk, tmp_path: Path) -> None:
    folder, wrong = await desk.export(tmp_path / "export"), tmp_path / "wrong"
    result = CliRunner().invoke(build("import"), ["import", str(folder)])
    assert isinstance(result.exception, Stop)
    assert "add --erased FILE" in str(result.exception)
    wrong.write_text("somebody\n")
    for path in (wrong, tmp_path / "missing"):
        with pytest.raises(BadList, match="daybook erase --list"):
            read_list(path)


async def test_after_an_erasure_keys_are_rotated_and_views_rebuilt_and_all_of_it_is_exported(
    desk: Desk, empty: Place, tmp_path: Path
) -> None:
    gone, kept = await desk.write("rotated"), await desk.write("staying")
    await desk.erase(gone)
    await restore(open_export(await desk.export(tmp_path / "export")), empty.owner, keys_of(desk))
    assert await empty.rows(gone.person) == 0
    assert (await compact(empty.settings)).erasures == 0, "tables that were just filled hold no old bytes"

    new = MasterKeys(os.urandom(32), desk.settings.master_key_bytes)
    assert (await rewrap(empty.owner, new, os.urandom)).unreadable == 0
    assert (await empty.words(gone, new), await empty.words(kept, new)) == (ERASED, kept.words)

    rotated = empty.settings.model_copy(update={"master_key": SecretStr(b64encode(new.current).decode())})
    for view in CHECKSUMS:
        async with rebuilding(rotated, view, lambda step: None) as work:
            await work.run()
    proof = await prove(empty.owner, rotated, new)
    assert (proof.faults, proof.notes) == ([], [])
    found = await empty.owner.fetch("SELECT person FROM reporting_search.words")
    assert kept.person in {row["person"] for row in found}
    assert gone.person not in {row["person"] for row in found}
