"""FastStream's pull loop with nats-py's fetch: a time-out near the deadline neither delays nor disorders a message.

Without PromptPull (services/kit/bus/pull.py) messages that were fetched before the builtin TimeoutError came back
after the redelivery time, behind later ones, and each message waited for the whole time-out of its fetch.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import nats
import pytest
from nats.aio.msg import Msg

from contracts.subjects import STREAM
from services.embedded.place import Place
from services.kit.bus import pull, subscription
from services.kit.bus.pull import FETCH_MAX, PromptPull
from services.kit.settings import Settings
from tests.integration.bus_tools import Bus, eventually, own_bus, running


@pytest.fixture
async def own(database: Settings, place: Place, tmp_path: Path) -> AsyncIterator[Bus]:
    async with own_bus(database, place, tmp_path) as bus:
        yield bus


class Arrivals:
    """What came, in order, and how long each message was on its way."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.seconds: list[float] = []

    async def take(self, messages: Sequence[Msg]) -> None:
        for message in messages:
            number, sent = message.data.decode().split()
            self.numbers.append(int(number))
            self.seconds.append(time.monotonic() - float(sent))
            await message.ack()


async def test_messages_that_come_near_the_deadline_arrive_at_once_and_in_order(
    own: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A time-out of 10 ms and a message every few ms: most fetches end beside a deadline."""
    monkeypatch.setattr(subscription, "FETCH_SECONDS", 0.01)
    arrivals, subscribed = Arrivals(), asyncio.Event()
    client = await nats.connect(own.settings.bus_url)
    async with running(subscription.follow(own.settings, "triage", arrivals.take, subscribed.set)):
        await subscribed.wait()
        for number in range(400):
            await client.publish("daybook.1.x.y.z.0", f"{number} {time.monotonic()}".encode())
            await asyncio.sleep(0.002 + (number % 10) / 1000)
        await eventually(lambda: _all_of(arrivals, 400))
    await client.close()
    assert arrivals.numbers == list(range(400))
    assert max(arrivals.seconds) < 4  # the first redelivery would come after five seconds


async def test_a_message_does_not_wait_for_the_batch_to_fill(own: Bus) -> None:
    arrivals, subscribed = Arrivals(), asyncio.Event()
    client = await nats.connect(own.settings.bus_url)
    async with running(subscription.follow(own.settings, "triage", arrivals.take, subscribed.set)):
        await subscribed.wait()
        for number in range(40):
            await client.publish("daybook.1.x.y.z.0", f"{number} {time.monotonic()}".encode())
            await asyncio.sleep(0.02)
        await eventually(lambda: _all_of(arrivals, 40))
    await client.close()
    assert sorted(arrivals.seconds)[20] < pull.FETCH_SECONDS / 2


async def _all_of(arrivals: Arrivals, count: int) -> bool:
    return len(arrivals.numbers) >= count


async def test_a_fetch_at_its_deadline_is_the_time_out_that_faststream_knows(own: Bus) -> None:
    client = await nats.connect(own.settings.bus_url)
    promptly = PromptPull(client, STREAM, "triage")
    await promptly.open()
    for seconds in (0.0, 0.001, 0.01):
        with pytest.raises(nats.errors.TimeoutError):
            await promptly.fetch(FETCH_MAX, timeout=seconds)
    await client.publish("daybook.1.x.y.z.0", b"1")
    (message,) = await promptly.fetch(FETCH_MAX, timeout=5)
    assert message.data == b"1"
    await client.close()


async def test_the_rest_of_a_batch_is_not_waited_for(own: Bus) -> None:
    client = await nats.connect(own.settings.bus_url)
    started = time.monotonic()
    with pytest.raises(nats.errors.TimeoutError):
        await PromptPull(client, STREAM, "triage").fetch(FETCH_MAX - 1, timeout=10)
    assert time.monotonic() - started < 1
    await client.close()


@pytest.mark.parametrize("missing", ["consumer", "stream"])
async def test_without_a_consumer_fetches_do_not_spin(own: Bus, missing: str) -> None:
    client = await nats.connect(own.settings.bus_url)
    if missing == "stream":
        await client.jetstream().delete_stream(STREAM)
    promptly = PromptPull(client, STREAM, "nobody")
    await promptly.open()
    started = time.monotonic()
    for _ in range(5):
        with pytest.raises(nats.errors.TimeoutError):
            await promptly.fetch(FETCH_MAX, timeout=0.1)
    assert time.monotonic() - started > 0.4
    await client.close()


async def test_a_backlog_is_fetched_in_order_and_whole(own: Bus) -> None:
    arrivals, subscribed = Arrivals(), asyncio.Event()
    client = await nats.connect(own.settings.bus_url)
    for number in range(3_000):
        await client.publish("daybook.1.x.y.z.0", f"{number} {time.monotonic()}".encode())
    await client.flush()
    async with running(subscription.follow(own.settings, "triage", arrivals.take, subscribed.set)):
        await eventually(lambda: _all_of(arrivals, 3_000))
    await client.close()
    assert arrivals.numbers == list(range(3_000))
