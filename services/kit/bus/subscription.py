"""Settings, a durable's name and a receiver enter; FastStream's pull subscription feeds the receiver for ever. I/O."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from faststream import AckPolicy
from faststream.message import StreamMessage
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.subscriber.usecases import LogicSubscriber
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import INBOX_PREFIX
from nats.js.errors import NotFoundError

from contracts.subjects import ALL, STREAM
from services.kit.bus.accounts import inbox_of
from services.kit.bus.away import AWAY
from services.kit.bus.connect import QuickClient, connect, end_if_cancelled, user_of
from services.kit.bus.provision import durable_config
from services.kit.bus.pull import FETCH_MAX, FETCH_SECONDS, PromptPull
from services.kit.telemetry import describe, log_message

if TYPE_CHECKING:
    from services.kit.settings import Settings

LOG = logging.getLogger("daybook.consumer")

WATCH_SECONDS = 1.0
STOP_SECONDS = 1.0

Receiver = Callable[[Sequence[Msg]], Awaitable[None]]


class QuickBroker(NatsBroker):
    """FastStream's broker over a connection of ours."""

    def __init__(self, settings: Settings, name: str) -> None:
        super().__init__(settings.bus_url.split(","), apply_types=False, logger=None, graceful_timeout=STOP_SECONDS)
        self._settings, self._name = settings, name

    async def _connect(self) -> QuickClient:
        client = await connect(self._settings, self._name)
        self.config.connect(client)
        return client


async def follow(
    settings: Settings,
    durable: str,
    receiver: Receiver,
    started: Callable[[], None],
    connected: Callable[[Client], Awaitable[None]] | None = None,
) -> None:
    """Hands every fetched batch to the receiver, one at a time, until cancelled. A server, stream or durable that is
    lost is waited for, made again and subscribed to again; `started` is called at the first success."""
    name = f"{durable}-consumer"
    user = user_of(settings, name)
    broker = QuickBroker(settings, name)
    subscriber = broker.subscriber(
        ALL,
        durable=durable,
        config=durable_config(durable),
        stream=JStream(STREAM, declare=False),
        inbox_prefix=f"{inbox_of(user)}.".encode() if user else INBOX_PREFIX,
        pull_sub=PullSub(FETCH_MAX, timeout=FETCH_SECONDS, batch=True),
        ack_policy=AckPolicy.MANUAL,
        decoder=_raw,
    )
    subscriber(receiver)
    try:
        client = await broker.connect()
        if connected is not None:
            await connected(client)
        while True:
            end_if_cancelled()
            await _follow_once(subscriber, durable, started)
    finally:
        await _close(broker)


async def _follow_once(subscriber: LogicSubscriber[Any], durable: str, started: Callable[[], None]) -> None:
    try:
        await _subscribe(subscriber, durable)
        started()
        await _until_lost(subscriber.jetstream, durable)
    except AWAY as error:
        log_message(LOG, "bus_away", logging.WARNING, consumer=durable, error=describe(error))
        await asyncio.sleep(WATCH_SECONDS)
    await subscriber.stop()


async def _raw(message: StreamMessage[list[Msg]]) -> list[Msg]:
    """Leaves a batch as it came: one message that cannot be read must not fail the others."""
    return message.raw_message


async def _subscribe(subscriber: LogicSubscriber[Any], durable: str) -> None:
    try:
        await subscriber.jetstream.consumer_info(STREAM, durable)
    except NotFoundError:
        log_message(LOG, "durable_missing", logging.WARNING, consumer=durable)
        await subscriber.jetstream.add_consumer(STREAM, durable_config(durable))  # the stream is the relay's to make
    pull = PromptPull(subscriber.connection, STREAM, durable)
    await pull.open()
    await subscriber.start()
    # FastStream's loop has not begun yet: it is a task of this same event loop, and nothing was awaited in between.
    given, subscriber.subscription = subscriber.subscription, pull
    if given is not None:
        await given.unsubscribe()


async def _until_lost(jetstream: JetStreamContext, durable: str) -> None:
    """Returns when the durable is gone. Nothing else tells: a pull from it just brings nothing."""
    while True:
        end_if_cancelled()
        await asyncio.sleep(WATCH_SECONDS)
        try:
            await jetstream.consumer_info(STREAM, durable)
        except NotFoundError:
            return
        except AWAY:
            continue  # nats-py reconnects for ever, and the log is read meanwhile


async def _close(broker: NatsBroker) -> None:
    """Leaves in order where the server is there to be told; where it is not, there is nobody to tell."""
    with suppress(*AWAY, ExceptionGroup):
        async with asyncio.timeout(STOP_SECONDS * 2):
            await broker.stop()
