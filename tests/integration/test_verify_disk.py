"""A byte of a table's file is flipped on the disk; verify names the lane and the positions that can't be read."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from uuid_utils.compat import uuid7

from contracts.subjects import lane_of_client, stamp_lane
from contracts.terms import Channel
from contracts.tickets import NoteAdded, TicketSubmitted
from services.cli.provision import provision_log
from services.embedded import postgres
from services.embedded.place import Place
from services.embedded.ports import claim
from services.embedded.process import Child
from services.kit.log.append import Append, NewEvent, append_in
from services.kit.log.verify import verify
from services.kit.log.walk import NO_LANE
from services.kit.postgres import connect_pool
from services.kit.settings import Settings, load
from tests.sealing import sealed

PASSWORD = "for-tests-only"
MARK = b"a mark that stands in one event alone"

Start = Callable[[], Awaitable[Child]]


@pytest.fixture
async def own_server(place: Place, tmp_path: Path) -> AsyncIterator[tuple[Place, int, Start]]:
    """A server of this test alone, which may be stopped and have its files changed."""
    data, port = place.data / "disk", claim(0, "no variable")
    data.mkdir(mode=0o700)
    if place.account:
        os.chown(data, place.account.user, place.account.group)
    own = replace(place, data=data)
    running: list[Child] = []

    async def start() -> Child:
        child = Child(postgres.program(own, port, PASSWORD, durable=False), tmp_path)
        child.spawn()
        await child.wait_ready()
        running.append(child)
        return child

    yield own, port, start
    for child in running:
        await child.stop()
    shutil.rmtree(data, ignore_errors=True)


async def written(settings: Settings) -> tuple[int, int]:
    """A log of some events; where the marked one stands."""
    pool = await connect_pool(settings, "intake", size=2)
    client = "acme"
    ticket = stamp_lane(uuid7(), lane_of_client(client))
    born = TicketSubmitted(prefix="ACME", requester=ticket, subject="s", body="b", channel=Channel.API)
    events = [NewEvent(uuid7(), ticket, 1, born, "token:test", sealed)]
    for version in range(2, 60):
        body = MARK.decode() if version == 30 else f"note {version} " + "x" * 200
        events.append(NewEvent(uuid7(), ticket, version, NoteAdded(body=body), "token:test", sealed))
    async with pool.acquire() as connection:
        await append_in(connection, [Append(client, events)])
    row = await pool.fetchrow("SELECT lane, position FROM log.events WHERE payload LIKE '%mark that stands%'::bytea")
    await pool.close()
    assert row is not None
    return row["lane"], row["position"]


async def test_a_byte_flipped_on_the_disk_is_named(own_server: tuple[Place, int, Start], home: Path) -> None:
    own, port, start = own_server
    settings = load(home=home, database_url=postgres.dsn(port, PASSWORD, "disk"))
    child = await start()
    await provision_log(settings)
    where = await written(settings)
    admin = await asyncpg.connect(settings.admin_dsn())
    file = own.data / "postgres" / await admin.fetchval("SELECT pg_relation_filepath('log.events')")
    await admin.close()
    await child.stop()

    content = file.read_bytes()
    assert content.count(MARK) == 1
    at = content.index(MARK) + 7
    file.write_bytes(content[:at] + bytes((content[at] ^ 4,)) + content[at + 1 :])
    await start()

    owner = await connect_pool(settings, "owner", size=2)
    faults = [fault async for fault in verify(owner)]
    await owner.close()
    named = {(fault.lane, fault.position) for fault in faults if fault.lane != NO_LANE}
    assert where in named, faults
    assert 1 <= len(named) < 59, "the pages beside it are still read"
