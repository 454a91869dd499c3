"""Any byte of any event is flipped in the database; verify names the lane and the position where it stood."""

from __future__ import annotations

import random
from typing import NamedTuple

import asyncpg
import pytest
from uuid_utils.compat import uuid7

from contracts.envelope import Origin
from contracts.subjects import lane_of_client, stamp_lane
from contracts.terms import Channel
from contracts.tickets import NoteAdded, TicketSubmitted
from services.kit.log.append import Append, NewEvent, NotAppended, append_in
from services.kit.log.verify import Fault, verify
from services.kit.postgres import Connection
from tests.conftest import PoolOf
from tests.sealing import sealed

SEED = 20260304
SAMPLES = 6  # flips of each column
CLIENTS = ("acme", "bolt", "initech", "umbrella")

BYTES = "set_byte({0}, {1} % octet_length({0}), get_byte({0}, {1} % octet_length({0})) # (1 << ({1} % 8)))"
TEXT = "overlay({0} placing (CASE substr({0}, {2}, 1) WHEN 'x' THEN 'y' ELSE 'x' END) from {2} for 1)"
FLIPS = {
    "bytea": BYTES,
    "text": TEXT.replace("{2}", "(1 + {1} % length({0}))"),
    "uuid": f"encode({BYTES.replace('{0}', 'uuid_send({0})')}, 'hex')::uuid",
    "smallint": "({0} # (1 << ({1} % 14)))::smallint",
    "integer": "{0} # (1 << ({1} % 30))",
    "bigint": "{0} # (1::bigint << ({1} % 40))",
    "timestamp with time zone": "{0} + ((1::bigint << ({1} % 50)) * interval '1 microsecond')",
}
EMPTY = {"text": "'x'", "bigint": "7"}
"""What a NULL becomes."""


class Column(NamedTuple):
    name: str
    type: str
    nullable: bool


def event(stream: object, version: int, data: object, **more: object) -> NewEvent:
    return NewEvent(uuid7(), stream, version, data, "token:test", sealed, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
async def columns(pool_of: PoolOf) -> list[Column]:
    """A log of some clients in several lanes; its columns."""
    intake, owner = await pool_of("intake"), await pool_of("owner")
    for number in range(24):
        client = CLIENTS[number % len(CLIENTS)]
        ticket = stamp_lane(uuid7(), lane_of_client(client))
        data = TicketSubmitted(prefix="AB", requester=ticket, subject="s", body="b" * number, channel=Channel.API)
        events = [
            event(ticket, 1, data, causation=str(uuid7()), trace="00-1-1-00" if number % 2 else None),
            event(ticket, 2, NoteAdded(body="looked at it"), origin=Origin.LIVE),
        ]
        async with intake.acquire() as connection:
            for result in await append_in(connection, [Append(client, events)]):
                assert not isinstance(result, NotAppended)
    await owner.execute(  # a flip on the disk asks no constraint
        "ALTER TABLE log.events DROP CONSTRAINT streams_lie_in_their_lane, DROP CONSTRAINT clients_lie_in_their_lane"
    )
    rows = await owner.fetch(
        "SELECT column_name, data_type, is_nullable = 'YES' FROM information_schema.columns "
        "WHERE table_schema = 'log' AND table_name = 'events' ORDER BY ordinal_position"
    )
    return [Column(*row) for row in rows]


async def flipped(connection: Connection, column: Column, chance: random.Random) -> tuple[int, int] | None:
    """Flips something of one event; where that event stood. None where the database itself refuses the new value."""
    lane, position, is_null = chance.choice(
        await connection.fetch(f"SELECT lane, position, {column.name} IS NULL FROM log.events ORDER BY lane, position")
    )
    value = FLIPS[column.type].format(column.name, chance.randrange(1 << 16))
    if is_null:
        value = EMPTY[column.type]
    elif column.nullable and chance.random() < 0.4:
        value = "NULL"
    try:
        async with connection.transaction():
            await connection.execute(
                f"UPDATE log.events SET {column.name} = {value} WHERE lane = $1 AND position = $2", lane, position
            )
    except (asyncpg.UniqueViolationError, asyncpg.NotNullViolationError):
        return None
    return lane, position


async def faults_of(connection: Connection) -> list[Fault]:
    return [fault async for fault in verify(connection)]


async def test_a_sound_log_has_no_fault(columns: list[Column], pool_of: PoolOf) -> None:
    owner = await pool_of("owner")
    assert len(columns) == 18
    async with owner.acquire() as connection:
        assert await faults_of(connection) == []


async def test_a_flip_in_any_column_of_any_event_is_found_where_it_stands(
    columns: list[Column], pool_of: PoolOf
) -> None:
    owner, chance = await pool_of("owner"), random.Random(SEED)
    async with owner.acquire() as connection:
        for column in columns:
            done = 0
            while done < SAMPLES:
                transaction = connection.transaction()
                await transaction.start()
                await connection.execute(
                    "ALTER TABLE log.events DROP CONSTRAINT events_origin_check, DROP CONSTRAINT events_version_check"
                )
                where = await flipped(connection, column, chance)
                faults = await faults_of(connection) if where else []
                await transaction.rollback()
                if where is None:
                    continue
                done += 1
                assert where in {(fault.lane, fault.position) for fault in faults}, (SEED, column.name, faults)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("DELETE FROM log.events WHERE lane = $1 AND position = 3", "event 3 is missing"),
        ("DELETE FROM log.events WHERE lane = $1 AND position BETWEEN 2 AND 3", "events 2 to 3 are missing"),
        ("DELETE FROM log.events e USING log.lanes l WHERE e.lane = $1 AND l.lane = $1 AND e.position = l.position",
         "are missing"),
        ("UPDATE log.lanes SET hash = set_byte(hash, 5, 1) WHERE lane = $1", "another hash"),
        ("UPDATE log.lanes SET position = position - 1 WHERE lane = $1", "another hash"),
        ("DELETE FROM log.lanes WHERE lane = $1", "has no head"),
        ("UPDATE log.counters SET number = number + 1 WHERE lane = $1", "the counters of"),
        ("DELETE FROM log.counters WHERE lane = $1", "the counters of"),
        ("INSERT INTO log.cursors (lane, consumer, position) VALUES ($1, 'triage', 10000)", "beyond the lane's head"),
        ("UPDATE log.events SET trace = '' WHERE lane = $1 AND position = 1 AND trace IS NULL", "empty instead"),
    ],
)  # fmt: skip
async def test_what_is_cut_out_or_moved_is_named(
    columns: list[Column], pool_of: PoolOf, change: str, said: str
) -> None:
    owner, lane = await pool_of("owner"), lane_of_client("acme")
    async with owner.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(change, lane)
        faults = await faults_of(connection)
        await transaction.rollback()
    assert {fault.lane for fault in faults} == {lane}
    assert any(said in fault.what for fault in faults), faults
