"""A server that takes small messages only is refused; an event that is too large for it all the same stops no lane."""

from __future__ import annotations

import sys
from pathlib import Path
from uuid import UUID

import pytest
from nats.aio.msg import Msg
from uuid_utils.compat import uuid7

from contracts.subjects import ALL, STREAM
from contracts.tickets import NoteAdded
from services.cli.provision import provision
from services.embedded.place import Place
from services.kit.bus.connect import BusTooSmall, connect
from services.kit.bus.message import BODY, MESSAGE_ID
from services.kit.log.append import Append, Appender, NewEvent
from services.kit.log.relay import serve
from services.kit.migrate import CannotMigrate
from services.kit.postgres import Pool
from services.kit.settings import Settings
from tests.conftest import PoolOf
from tests.integration.bus_tools import (
    CLIENTS,
    SEEN,
    Bus,
    Ledger,
    append_tickets,
    assert_everything_once_in_order,
    caught_up,
    consume,
    eventually,
    note,
    own_bus,
    relay,
    running,
    submitted,
    ticket_of,
)
from tests.sealing import sealed

SMALL = 100_000


async def test_a_server_that_takes_small_messages_only_is_refused_with_the_remedy(
    database: Settings, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.embedded.nats.MESSAGE_BYTES_MIN", SMALL)
    bus = Bus(database, place, tmp_path)
    await bus.start()
    try:
        with pytest.raises(CannotMigrate, match="max_payload: 4000000"):
            await provision(bus.settings, print)
        with pytest.raises(BusTooSmall, match="100,000 bytes"):
            await serve(bus.settings)
    finally:
        await bus.stop()


async def test_an_event_that_the_server_would_not_take_is_read_from_the_log_and_lanes_go_on(
    database: Settings, place: Place, pool_of: PoolOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.embedded.nats.MESSAGE_BYTES_MIN", SMALL)
    monkeypatch.setattr(sys.modules["services.kit.bus.connect"], "MESSAGE_BYTES_MIN", SMALL)
    await (await pool_of("owner")).execute(SEEN)
    intake, triage = await pool_of("intake"), await pool_of("triage")
    stream, appender = ticket_of(CLIENTS[0]), Appender(intake)
    async with own_bus(database, place, tmp_path) as bus:
        async with running(relay(bus.settings, await pool_of("relay"))):
            await append_tickets(intake, 40)
            await appender.append(Append(CLIENTS[0], [submitted(stream), large(stream, 2), note(stream, 3)]))
            await append_tickets(intake, 40)
            await eventually(lambda: bus_has_all(bus.settings, intake))  # what a consumer has read is not filled in
            async with running(consume(bus.settings, Ledger("triage"), triage)):
                await eventually(lambda: caught_up(triage, "triage"))
        marked = await bodiless(bus.settings)
    await appender.close()

    row = await intake.fetchrow("SELECT lane, position FROM log.events WHERE stream = $1 AND version = 2", stream)
    assert row is not None
    assert marked == [f"{row['lane']}:{row['position']}"]
    await assert_everything_once_in_order(triage, "triage")


def large(stream: UUID, version: int) -> NewEvent:
    return NewEvent(uuid7(), stream, version, NoteAdded(body="x" * 150_000), "agent:test", sealed)


async def messages(settings: Settings) -> list[Msg]:
    client = await connect(settings, "test-reader")
    try:
        jetstream = client.jetstream()
        count = (await jetstream.stream_info(STREAM)).state.messages
        subscription = await jetstream.subscribe(ALL, ordered_consumer=True)
        return [await subscription.next_msg(5) for _ in range(count)]
    finally:
        await client.close()


async def bus_has_all(settings: Settings, pool: Pool) -> bool:
    count: int = await pool.fetchval("SELECT count(*) FROM log.events")
    return len(await messages(settings)) == count


async def bodiless(settings: Settings) -> list[str]:
    """The ids of messages that say that their body is in the log."""
    found = [message.headers or {} for message in await messages(settings) if not message.data]
    assert all(headers[BODY] == "log" for headers in found)
    return [headers[MESSAGE_ID] for headers in found]
