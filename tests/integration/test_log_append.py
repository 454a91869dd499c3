"""The append against a real PostgreSQL: what it writes, what it refuses, and what it gives back."""

from __future__ import annotations

import asyncio
import os
import time
from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID

import asyncpg
import pytest
from pydantic_core import PydanticSerializationError
from uuid_utils.compat import uuid7

from contracts.deliveries import DeliverySent, Letter
from contracts.envelope import Origin
from contracts.model import Sealed
from contracts.subjects import lane_of_client, stamp_lane
from contracts.terms import Channel, Status
from contracts.tickets import NoteAdded, StatusChanged, TicketSubmitted
from services.kit.log.append import (
    Append,
    Appended,
    Appender,
    Backwards,
    Command,
    CommandDone,
    CommandReused,
    Conflict,
    NewEvent,
    append_in,
)
from services.kit.log.read import Instant, Position, heads, read_client, read_lane, read_stream, ticket_by_number
from services.kit.log.verify import verify
from services.kit.personal import ERASED, Vault
from services.kit.settings import Role
from tests.conftest import PoolOf
from tests.sealing import sealed

PERSON = UUID("01980000-0000-7000-8000-000000000001")


def ticket_of(client: str) -> UUID:
    return stamp_lane(uuid7(), lane_of_client(client))


def submitted(stream: UUID, **more: object) -> NewEvent:
    data = TicketSubmitted(
        prefix="ACME", requester=PERSON, subject="Printer", body="It is on fire", channel=Channel.API
    )
    return NewEvent(uuid7(), stream, 1, data, "token:test", **{"seal": sealed, **more})  # type: ignore[arg-type]


def note(stream: UUID, version: int, text: str = "looked at it", **more: object) -> NewEvent:
    return NewEvent(uuid7(), stream, version, NoteAdded(body=text), "agent:test", **{"seal": sealed, **more})  # type: ignore[arg-type]


async def test_positions_sequences_and_numbers_count_without_gaps(pool_of: PoolOf) -> None:
    pool = await pool_of("intake")
    appender = Appender(pool)
    clients = [f"gapless-{index % 5}" for index in range(40)]
    await asyncio.gather(
        *(appender.append(Append(c, [submitted(s), note(s, 2)])) for c in clients for s in [ticket_of(c)])
    )
    for client in set(clients):
        events = await read_client(pool, client, 0)
        assert [event.sequence for event in events] == list(range(1, 17))
        assert sorted(event.number for event in events if event.number) == list(range(1, 9))
    for lane, head in (await heads(pool)).items():
        assert [event.position for event in await read_lane(pool, lane, 0)] == list(range(1, head + 1))
    assert [fault async for fault in verify(pool)] == []


async def test_a_stream_that_has_grown_refuses_only_its_own_append(pool_of: PoolOf) -> None:
    pool = await pool_of("intake")
    appender = Appender(pool)
    stream, other = ticket_of("acme"), ticket_of("acme")
    await appender.append(Append("acme", [submitted(stream)]))
    results = await asyncio.gather(
        appender.append(Append("acme", [note(stream, 2)])),
        appender.append(Append("acme", [note(stream, 2)])),
        appender.append(Append("acme", [submitted(other)])),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [Appended, Conflict, Appended]
    assert [event.version for event in await read_stream(pool, stream)] == [1, 2]


async def test_a_stale_append_is_a_conflict_even_where_it_is_also_late(pool_of: PoolOf) -> None:
    appender = Appender(await pool_of("intake"))
    stream, start = ticket_of("acme"), datetime(2026, 3, 1, 9, tzinfo=UTC)
    old = {"origin": Origin.IMPORT}
    await appender.append(Append("acme", [submitted(stream, occurred_at=start, **old)]))
    with pytest.raises(Conflict):
        await appender.append(Append("acme", [submitted(stream, occurred_at=start - timedelta(hours=1), **old)]))


async def test_a_version_that_skips_one_is_refused(pool_of: PoolOf) -> None:
    appender = Appender(await pool_of("intake"))
    stream = ticket_of("acme")
    with pytest.raises(Conflict):
        await appender.append(Append("acme", [submitted(stream), note(stream, 3)]))


async def test_one_append_spans_streams_of_a_client_or_writes_nothing(pool_of: PoolOf) -> None:
    pool = await pool_of("intake")
    appender = Appender(pool)
    first, second = ticket_of("acme"), ticket_of("acme")
    await appender.append(Append("acme", [submitted(first), submitted(second)]))
    third = ticket_of("acme")
    with pytest.raises(Conflict):
        await appender.append(Append("acme", [submitted(third), note(second, 5)]))
    assert await read_stream(pool, third) == []


async def test_a_command_is_done_once_and_answered_for_ever(pool_of: PoolOf) -> None:
    pool = await pool_of("intake")
    appender = Appender(pool)
    command = Command("token-1/acme", "key-1", b"body", b'{"answer":1}')
    stream = ticket_of("acme")
    await appender.append(Append("acme", [submitted(stream)], command))
    again = Append("acme", [submitted(ticket_of("acme"))], command)
    with pytest.raises(CommandDone) as done:
        await appender.append(again)
    assert done.value.answer == b'{"answer":1}'
    other = Append("acme", [submitted(ticket_of("acme"))], Command("token-1/acme", "key-1", b"other", b""))
    with pytest.raises(CommandReused):
        await appender.append(other)
    stale = Append("acme", [submitted(stream)], command)
    with pytest.raises(CommandDone):
        await appender.append(stale)
    elsewhere = Command("token-2/acme", "key-1", b"other", b"")
    await appender.append(Append("acme", [submitted(ticket_of("acme"))], elsewhere))


async def test_the_same_command_twice_at_once_is_done_once(pool_of: PoolOf) -> None:
    appender = Appender(await pool_of("intake"))
    command = Command("token-1/acme", "key-2", b"body", b"done")
    asks = [Append("acme", [submitted(ticket_of("acme"))], command) for _ in range(8)]
    results = await asyncio.gather(*map(appender.append, asks), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Appended"] + ["CommandDone"] * 7


async def test_time_inside_a_stream_never_runs_backwards(pool_of: PoolOf) -> None:
    pool = await pool_of("intake")
    appender = Appender(pool)
    stream = ticket_of("acme")
    start = datetime(2026, 3, 1, 9, tzinfo=UTC)
    old = {"origin": Origin.IMPORT}
    await appender.append(Append("acme", [submitted(stream, occurred_at=start, **old)]))
    with pytest.raises(Backwards):
        await appender.append(Append("acme", [note(stream, 2, occurred_at=start - timedelta(seconds=1), **old)]))
    late = note(stream, 2, occurred_at=start + timedelta(hours=2), **old)
    with pytest.raises(Backwards):
        await appender.append(Append("acme", [late, note(stream, 3, occurred_at=start + timedelta(hours=1), **old)]))
    await appender.append(Append("acme", [note(stream, 2, occurred_at=start, **old)]))


async def test_a_live_event_happens_when_it_is_recorded_even_behind_the_future(pool_of: PoolOf) -> None:
    pool = await pool_of("intake")
    appender = Appender(pool)
    stream = ticket_of("acme")
    live = await appender.append(Append("acme", [submitted(stream)]))
    assert (await read_stream(pool, stream))[0].occurred_at == live.recorded_at
    future = live.recorded_at + timedelta(days=400)
    await appender.append(Append("acme", [note(stream, 2, occurred_at=future, origin=Origin.IMPORT)]))
    after = await appender.append(Append("acme", [note(stream, 3)]))
    assert (await read_stream(pool, stream))[2].occurred_at == future, "a clock that jumps back refuses no live act"
    assert after.recorded_at >= live.recorded_at


async def test_recorded_time_never_runs_backwards_in_a_lane(pool_of: PoolOf) -> None:
    pool = await pool_of("owner")
    lane = lane_of_client("acme")
    future = datetime.now(UTC) + timedelta(hours=1)
    await pool.execute("UPDATE log.lanes SET recorded_at = $2 WHERE lane = $1", lane, future)
    result = await Appender(await pool_of("intake")).append(Append("acme", [submitted(ticket_of("acme"))]))
    assert result.recorded_at == future


async def test_a_service_may_append_only_what_it_owns(pool_of: PoolOf) -> None:
    event = NewEvent(
        uuid7(),
        ticket_of("acme"),
        1,
        DeliverySent(letter=Letter.RECEIPT, ticket=PERSON, person=PERSON, via="smtp", message_id="<1@x>"),
        "system:intake",
    )
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match=r"daybook_intake may not append delivery\.sent"):
        await Appender(await pool_of("intake")).append(Append("acme", [event]))


async def test_nobody_may_change_the_past(pool_of: PoolOf) -> None:
    for role in get_args(Role):
        if role == "owner":
            continue
        pool = await pool_of(role)
        for statement in ("UPDATE log.events SET client = 'x'", "DELETE FROM log.events", "TRUNCATE log.events"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await pool.execute(statement)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute("INSERT INTO log.lanes (lane) VALUES (3)")


async def test_a_stream_is_read_as_it_stood(pool_of: PoolOf) -> None:
    pool = await pool_of("intake")
    appender = Appender(pool)
    stream = ticket_of("as-of")
    start = datetime(2026, 3, 1, 9, tzinfo=UTC)
    old = {"origin": Origin.IMPORT}
    await appender.append(Append("as-of", [submitted(stream, occurred_at=start, **old)]))
    status = StatusChanged(status=Status.OPEN)
    change = NewEvent(
        uuid7(), stream, 2, status, "agent:1", origin=Origin.IMPORT, occurred_at=start + timedelta(hours=1)
    )
    placed = await appender.append(Append("as-of", [change]))
    for at, versions in [(-1, []), (0, [1]), (59, [1]), (60, [1, 2])]:
        events = await read_stream(pool, stream, as_of=Instant(start + timedelta(minutes=at)))
        assert [event.version for event in events] == versions
    assert len(await read_stream(pool, stream, as_of=Position(placed.lane, placed.position - 1))) == 1
    assert len(await read_stream(pool, stream, as_of=Position(placed.lane, placed.position))) == 2
    with pytest.raises(ValueError, match="lane"):
        await read_stream(pool, stream, as_of=Position((placed.lane + 1) % 16, 1))


async def test_personal_text_without_a_seal_is_refused_and_holds_nobody_up(pool_of: PoolOf) -> None:
    pool = await pool_of("intake")
    appender, plain, neighbour = Appender(pool), ticket_of("acme"), ticket_of("acme")
    results = await asyncio.gather(
        appender.append(Append("acme", [submitted(plain, seal=None)])),
        appender.append(Append("acme", [submitted(neighbour)])),
        return_exceptions=True,
    )
    assert isinstance(results[0], PydanticSerializationError)
    assert "nobody's seal" in str(results[0])
    assert "on fire" not in str(results[0])
    assert isinstance(results[1], Appended)
    async with pool.acquire() as connection:
        with pytest.raises(PydanticSerializationError):
            await append_in(connection, [Append("acme", [submitted(neighbour), note(plain, 2, seal=None)])])
    assert await read_stream(pool, plain) == []


async def test_words_sealed_before_and_facts_without_words_need_no_seal(pool_of: PoolOf) -> None:
    pool = await pool_of("intake")
    stream = ticket_of("acme")
    held = NoteAdded(body=Sealed.model_validate(sealed("sealed elsewhere")))
    fact = NewEvent(uuid7(), stream, 2, StatusChanged(status=Status.OPEN), "agent:1")
    await Appender(pool).append(Append("acme", [NewEvent(uuid7(), stream, 1, held, "agent:1"), fact]))
    assert [event.data for event in await read_stream(pool, stream)] == [held, fact.data]


async def test_times_told_and_times_left_open_do_not_mix_in_one_append(pool_of: PoolOf) -> None:
    pool = await pool_of("intake")
    stream = ticket_of("acme")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    with pytest.raises(ValueError, match="every event of an append"):
        await Appender(pool).append(Append("acme", [submitted(stream, occurred_at=tomorrow), note(stream, 2)]))
    assert await read_stream(pool, stream) == []


async def test_a_reference_leads_to_its_ticket(pool_of: PoolOf) -> None:
    pool = await pool_of("intake")
    stream = ticket_of("numbered")
    placed = await Appender(pool).append(Append("numbered", [submitted(stream)]))
    assert placed.number == 1
    assert await ticket_by_number(pool, "numbered", 1) == stream
    assert await ticket_by_number(pool, "numbered", 2) is None


async def test_personal_text_is_sealed_in_the_log_and_gone_with_its_key(pool_of: PoolOf) -> None:
    pool = await pool_of("intake")
    moment = 0.0
    vault = Vault(pool, os.urandom(32), new_id=uuid7, random_bytes=os.urandom, monotonic=lambda: moment)
    person, made = await vault.find_or_make("acme", "Ada@Example.org")
    assert (person, False) == await vault.find_or_make("acme", "ada@example.org ")
    assert made
    stream = ticket_of("acme")
    await Appender(pool).append(Append("acme", [note(stream, 1, "a canary sings", seal=vault.sealer(person))]))
    stored = await pool.fetchval("SELECT payload FROM log.events WHERE stream = $1", stream)
    assert b"canary" not in stored
    event = (await read_stream(pool, stream))[0]
    assert isinstance(event.data, NoteAdded)
    assert vault.open(event.data.body) == "a canary sings"
    await (await pool_of("owner")).execute("DELETE FROM personal.people WHERE person = $1", person)
    moment = 60.0
    assert await vault.open_json(event.data.model_dump(mode="json")) == {"body": ERASED}


async def test_an_idle_foreign_transaction_holds_nobody_up(pool_of: PoolOf) -> None:
    pool = await pool_of("intake")
    async with (await pool_of("owner")).acquire() as foreign, foreign.transaction():
        await foreign.execute("CREATE TEMPORARY TABLE foreign_work (id int)")
        assert await foreign.fetchval("SELECT pg_current_xact_id() IS NOT NULL")
        started = time.monotonic()
        placed = await Appender(pool).append(Append("acme", [submitted(ticket_of("acme"))]))
        assert (await read_lane(pool, placed.lane, placed.position - 1))[0].position == placed.position
        assert time.monotonic() - started < 5.0


async def test_any_changed_byte_is_found_with_its_lane_and_position(pool_of: PoolOf) -> None:
    pool, owner = await pool_of("intake"), await pool_of("owner")
    stream = ticket_of("tampered")
    placed = await Appender(pool).append(Append("tampered", [submitted(stream), note(stream, 2)]))
    where = "WHERE lane = $1 AND position = $2"
    for change in [
        "payload = set_byte(payload, 3, 0)",
        "actor = 'agent:other'",
        "occurred_at = occurred_at - interval '1 microsecond'",
    ]:
        async with owner.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute(f"UPDATE log.events SET {change} {where}", placed.lane, placed.position - 1)
            faults = [fault async for fault in verify(connection)]
            await transaction.rollback()
        assert (placed.lane, placed.position - 1) in {(fault.lane, fault.position) for fault in faults}, change


async def test_a_stream_in_a_lane_that_is_not_its_own_is_not_written(pool_of: PoolOf) -> None:
    pool = await pool_of("intake")
    away = stamp_lane(uuid7(), (lane_of_client("acme") + 1) % 16)
    with pytest.raises(asyncpg.CheckViolationError, match="clients_lie_in_their_lane"):
        await Appender(pool).append(Append("acme", [submitted(away)]))
    with pytest.raises(asyncpg.CheckViolationError, match="streams_lie_in_their_lane"):
        await Appender(pool).append(Append("acme", [submitted(ticket_of("acme")), note(away, 1)]))
