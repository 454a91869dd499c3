"""Streams of subscribers: filled once and in order, whatever happens to relay and bus, and no larger than said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import UUID

import nats
import pytest
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo, StreamInfo
from uuid_utils.compat import uuid7

from contracts.people import Role
from contracts.subjects import lane_of_client
from services.cli import bus_token
from services.embedded.place import Place
from services.kit.access.tokens import NewToken, make_token, revoke_token
from services.kit.bus import subscribers
from services.kit.bus.accounts import DURABLE, feed_stream
from services.kit.bus.message import Stored
from services.kit.bus.subscribers import TooManySubscribers, add_subscriber, last_of_client, living_subscribers
from services.kit.log import feeds
from services.kit.log.append import Append, Appender
from services.kit.postgres import Pool
from services.kit.settings import Settings
from tests.conftest import PoolOf
from tests.integration.bus_tools import Bus, eventually, note, own_bus, relay, running, submitted, ticket_of

CLIENT, NEIGHBOUR = "fed", next(name for name in map(str, range(1000)) if lane_of_client(name) == lane_of_client("fed"))


@pytest.fixture
async def own(database: Settings, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bus]:
    monkeypatch.setattr(feeds, "TELL_SECONDS", 0.1)
    monkeypatch.setattr(feeds, "LOOK_SECONDS", 0.1)
    async with own_bus(database, place, tmp_path) as bus:
        yield bus


async def grow(pool: Pool, count: int) -> int:
    """Some more events of the client and of its neighbour in the lane; the client's last sequence."""
    appender = Appender(pool)
    for _ in range(count):
        for client in (CLIENT, NEIGHBOUR):
            stream = ticket_of(client)
            await appender.append(Append(client, [submitted(stream), note(stream, 2)]))
    await appender.close()
    return await last_of_client(pool, CLIENT)


async def subscribed(pool: Pool, begins: int = 0) -> UUID:
    new = NewToken(uuid7(), "test", Role.SUBSCRIBER, (CLIENT,))
    async with pool.acquire() as connection, connection.transaction():
        await make_token(connection, new)
        await add_subscriber(connection, new.id, CLIENT, f"key of {new.id}", begins)
    return new.id


async def read(settings: Settings, token: UUID, upto: int) -> list[int]:
    """Sequences as a program sees them: one at a time, acknowledged, up to one."""
    client = await nats.connect(settings.bus_url)
    subscription = await client.jetstream().pull_subscribe_bind(DURABLE, feed_stream(token))
    found: list[int] = []
    while not found or found[-1] < upto:
        try:
            messages: list[Msg] = await subscription.fetch(1, timeout=1)
        except (nats.errors.TimeoutError, nats.js.errors.Error):
            continue
        found.append(messages[0].metadata.sequence.stream)
        assert int((messages[0].headers or {})["ce-sequence"]) == found[-1]
        await messages[0].ack_sync()
    await client.close()
    return found


async def position_of(pool: Pool, token: UUID) -> int:
    return next(known.position for known in await living_subscribers(pool) if known.token == token)


async def test_two_relays_fill_it_once_and_in_order_from_where_it_begins(own: Bus, pool_of: PoolOf) -> None:
    intake, relays = await pool_of("intake"), await pool_of("relay")
    await grow(intake, 2)
    everything, later = await subscribed(intake), await subscribed(intake, begins=3)
    async with running(relay(own.settings, relays)), running(relay(own.settings, relays)):
        last = await grow(intake, 10)
        async with asyncio.timeout(60):
            assert await read(own.settings, everything, last) == list(range(1, last + 1))
            assert await read(own.settings, later, last) == list(range(4, last + 1))


async def test_a_wiped_bus_begins_again_behind_what_was_acknowledged(own: Bus, pool_of: PoolOf) -> None:
    intake = await pool_of("intake")
    first = await grow(intake, 3)
    token = await subscribed(intake)
    async with running(relay(own.settings, await pool_of("relay"))):
        async with asyncio.timeout(60):
            await read(own.settings, token, first)

        async def told() -> bool:
            return await position_of(intake, token) == first

        await eventually(told)
        await own.stop()
        own.wipe()
        await own.start()
        last = await grow(intake, 3)
        async with asyncio.timeout(60):
            assert await read(own.settings, token, last) == list(range(first + 1, last + 1))


def resting(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Awaitable[bool]]:
    """Whether a relay has asked ten times how far a stream is, and has sent nothing meanwhile."""
    asked = 0
    ask, send = feeds.Feeds._asked, feeds.Feeds._send

    async def asking(self: feeds.Feeds, token: UUID) -> tuple[StreamInfo, ConsumerInfo]:
        nonlocal asked
        asked += 1
        return await ask(self, token)

    async def sending(self: feeds.Feeds, token: UUID, event: Stored) -> None:
        nonlocal asked
        asked = 0
        await send(self, token, event)

    async def rests() -> bool:
        return asked >= 10

    monkeypatch.setattr(feeds.Feeds, "_asked", asking)
    monkeypatch.setattr(feeds.Feeds, "_send", sending)
    return rests


async def test_a_stream_holds_so_much_and_the_rest_waits_in_the_log(
    own: Bus, pool_of: PoolOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscribers, "FEED_BYTES_MAX", 10_000)
    intake = await pool_of("intake")
    token = await subscribed(intake)
    last = await grow(intake, 20)
    rests = resting(monkeypatch)
    async with running(relay(own.settings, await pool_of("relay"))):
        client = await nats.connect(own.settings.bus_url)

        async def is_full() -> bool:
            try:
                state = (await client.jetstream().stream_info(feed_stream(token))).state
            except nats.js.errors.NotFoundError:
                return False
            return 5_000 < state.bytes <= 10_000

        await eventually(is_full)
        await eventually(rests)
        async with asyncio.timeout(60):
            assert await read(own.settings, token, last) == list(range(1, last + 1))
        await client.close()


async def test_a_revoked_token_has_no_stream_any_more(own: Bus, pool_of: PoolOf) -> None:
    intake = await pool_of("intake")
    token, last = await subscribed(intake), await grow(intake, 2)
    client = await nats.connect(own.settings.bus_url)
    async with running(relay(own.settings, await pool_of("relay"))):
        async with asyncio.timeout(60):
            await read(own.settings, token, last)
        shown = "SELECT count(*) FROM log.outside_read WHERE name = $1"
        assert await (await pool_of("reporting")).fetchval(shown, str(token)) == 1
        await revoke_token(intake, token)

        async def is_gone() -> bool:
            try:
                await client.jetstream().stream_info(feed_stream(token))
            except nats.js.errors.NotFoundError:
                return bool(await (await pool_of("reporting")).fetchval(shown, str(token)) == 0)
            return False

        await eventually(is_gone)
    await client.close()


async def test_a_stream_that_cannot_be_removed_keeps_nobody_waiting(
    own: Bus, pool_of: PoolOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = await pool_of("intake")
    dead, living = await subscribed(intake), await subscribed(intake)
    await revoke_token(intake, dead)
    remove = subscribers.remove_feed

    async def refusing(jetstream: JetStreamContext, token: UUID) -> None:
        if token == dead:
            raise nats.errors.TimeoutError
        await remove(jetstream, token)

    monkeypatch.setattr(feeds, "remove_feed", refusing)
    last = await grow(intake, 2)
    async with running(relay(own.settings, await pool_of("relay"))), asyncio.timeout(60):
        assert await read(own.settings, living, last) == list(range(1, last + 1))


async def test_two_commands_at_once_cannot_make_one_subscriber_too_many(
    pool_of: PoolOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = await pool_of("intake")
    await grow(intake, 1)
    monkeypatch.setattr(subscribers, "SUBSCRIBERS_MAX", len(await living_subscribers(intake)) + 1)
    made = await asyncio.gather(*(subscribed(intake) for _ in range(3)), return_exceptions=True)
    assert sorted(isinstance(one, TooManySubscribers) for one in made) == [False, True, True]


async def test_a_stream_that_the_relay_removes_while_it_is_made_is_made_again(
    own: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, removed = uuid7(), list[UUID]()

    async def interrupted(jetstream: JetStreamContext, token: UUID, begins: int) -> None:
        await subscribers.make_feed(jetstream, token, begins)
        if not removed:
            removed.append(token)
            await subscribers.remove_feed(jetstream, token)
            await jetstream.consumer_info(feed_stream(token), DURABLE)

    monkeypatch.setattr(bus_token, "make_feed", interrupted)
    await bus_token._make_stream(own.settings, token, 3)
    client = await nats.connect(own.settings.bus_url)
    assert removed == [token]
    assert (await client.jetstream().consumer_info(feed_stream(token), DURABLE)).name == DURABLE
    await client.close()


async def test_how_far_a_program_is_is_written_only_when_it_has_changed(pool_of: PoolOf) -> None:
    intake, relays = await pool_of("intake"), await pool_of("relay")
    await grow(intake, 1)
    token = await subscribed(intake)

    async def written(*told: object) -> str:
        await relays.execute(subscribers.SQL["tell"], token, *told)
        version = "SELECT xmin::text FROM log.outside_subscribers WHERE name = $1"
        return str(await relays.fetchval(version, str(token)))

    first = await written(2, 1, 1, True)
    assert await written(2, 1, 1, True) == await written(2, 1, 1, False) == first
    second = await written(2, 2, 0, True)
    assert second != first
    assert await written(2, 1, 0, True) == second
