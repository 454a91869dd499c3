"""The log enters; the streams of programs that subscribe over NATS leave, each filled in its client's order. I/O.

Message n of a stream is the client's event n: each is published with the demand that the stream ends with the one
before it. So a relay that is killed, doubled or frozen neither doubles nor misses one, and nothing need be remembered.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from uuid import UUID

from nats.aio.client import Client
from nats.js import api
from nats.js.errors import APIError, NotFoundError

from services.kit.bus.accounts import DURABLE, FEEDS, feed_stream
from services.kit.bus.away import AWAY
from services.kit.bus.message import BODY, IN_LOG, MESSAGE_ID, Stored, headers_of
from services.kit.bus.publish import HEADERS_BYTES_MAX, STREAM_ENDS_AT
from services.kit.bus.subscribers import SQL, BusSubscriber, living_subscribers, make_feed, remove_feed
from services.kit.postgres import Pool
from services.kit.telemetry import describe, log_message

LOG = logging.getLogger("daybook.feeds")

WINDOW_MAX = 200  # events of one stream under way at once
WINDOW_BYTES_MAX = 1_000_000
LOOK_SECONDS = 1.0  # for new and dead subscribers
TELL_SECONDS = 5.0  # between two questions how far the living ones are
PACE_SECONDS = 0.1  # from one fill to the next: what comes meanwhile goes together
ANSWER_SECONDS = 5.0

FULL = 10077  # "maximum bytes exceeded"
FILLED_AGAIN_AT = 0.75  # of a stream that was full: the largest event fits, and nothing is sent in vain meanwhile


class Feeds:
    """Fills the streams of the clients whose lanes this process holds."""

    def __init__(self, pool: Pool, client: Client, held: Callable[[], Collection[int]]) -> None:
        self._pool = pool
        self._client = client
        self._jetstream = client.jetstream(timeout=ANSWER_SECONDS)
        self._held = held
        self._living: Sequence[BusSubscriber] = ()
        self._tails: dict[UUID, int] = {}
        self._full: set[UUID] = set()
        self._tell_at = 0.0
        self._lanes: set[int] = set()
        self._grown = asyncio.Event()

    def grown(self, lanes: Iterable[int]) -> None:
        """There may be more in these lanes."""
        self._lanes.update(lanes)
        self._grown.set()

    async def look(self) -> None:
        """Once in LOOK_SECONDS: who is there and who is no more; and now and then how far each one is."""
        held = list(self._held())
        for row in await self._pool.fetch(SQL["dead_in"], held):
            await self._close(row["token"])
        self._living = await living_subscribers(self._pool, held)
        known = {subscriber.token for subscriber in self._living}
        self._tails = {token: tail for token, tail in self._tails.items() if token in known}
        self._full &= known
        all_due = time.monotonic() >= self._tell_at
        if all_due:
            self._tell_at = time.monotonic() + TELL_SECONDS
        for subscriber in self._living:
            if all_due or not (subscriber.token in self._tails or subscriber.token in self._full):
                await self._tell(subscriber)
        self.grown(subscriber.lane for subscriber in self._living)

    async def _close(self, token: UUID) -> None:
        """Removes the stream of one who died. Where that fails, the living do not wait for it: the next look tries."""
        try:
            await remove_feed(self._jetstream, token)
        except AWAY as error:
            log_message(LOG, "feed_away", logging.WARNING, token=token, error=describe(error))
            return
        await self._pool.execute(SQL["close"], token)
        log_message(LOG, "feed_closed", token=token)

    async def _tell(self, subscriber: BusSubscriber) -> None:
        """Notes how far the program is; makes its stream again where the bus has lost it."""
        try:
            stream, reader = await self._state(subscriber)
        except AWAY as error:  # one whose stream finds no room must not keep the others waiting
            log_message(LOG, "feed_away", logging.WARNING, token=subscriber.token, error=describe(error))
            return
        state = stream.state
        if state.bytes <= FILLED_AGAIN_AT * (stream.config.max_bytes or 0):
            self._full.discard(subscriber.token)
        if subscriber.token not in self._full:
            self._tails.setdefault(subscriber.token, state.last_seq)
        await self._pool.execute(
            SQL["tell"], subscriber.token, state.last_seq, state.first_seq - 1, reader.num_ack_pending or 0,
            bool(reader.num_waiting),
        )  # fmt: skip

    async def _state(self, subscriber: BusSubscriber) -> tuple[api.StreamInfo, api.ConsumerInfo]:
        try:
            stream, reader = await self._asked(subscriber.token)
        except NotFoundError:
            stream = None
        head = await self._pool.fetchval(SQL["sequence"], subscriber.lane, subscriber.client) or 0
        if stream is not None and stream.state.last_seq <= max(head, subscriber.begins):
            return stream, reader
        # The bus was wiped, or the log put back from a backup.
        await remove_feed(self._jetstream, subscriber.token)
        await make_feed(self._jetstream, subscriber.token, min(subscriber.position, head))
        self._tails.pop(subscriber.token, None)
        log_message(LOG, "feed_made", logging.WARNING, token=subscriber.token, after=subscriber.position)
        return await self._asked(subscriber.token)

    async def _asked(self, token: UUID) -> tuple[api.StreamInfo, api.ConsumerInfo]:
        stream = feed_stream(token)
        return await self._jetstream.stream_info(stream), await self._jetstream.consumer_info(stream, DURABLE)

    async def fill(self) -> None:
        """Waits until something has grown, and fills what has, a window of each in turn."""
        await self._grown.wait()
        self._grown.clear()
        lanes, self._lanes = self._lanes, set()
        growing = [subscriber for subscriber in self._living if subscriber.lane in lanes]
        while growing:
            growing = [subscriber for subscriber in growing if await self._has_more(subscriber)]

    async def _has_more(self, subscriber: BusSubscriber) -> bool:
        try:
            return await self._window(subscriber)
        except AWAY as error:  # full, away or filled by another: a later look tells where to go on
            if isinstance(error, APIError) and error.err_code == FULL:
                self._full.add(subscriber.token)
            self._tails.pop(subscriber.token, None)
            log_message(LOG, "feed_waits", logging.DEBUG, token=subscriber.token, error=describe(error))
            return False

    async def _window(self, subscriber: BusSubscriber) -> bool:
        """Publishes what follows; whether there may be more."""
        tail = self._tails.get(subscriber.token)
        if tail is None or subscriber.lane not in self._held():
            return False
        place = (subscriber.lane, subscriber.client, tail)
        events = [Stored(*row) for row in await self._pool.fetch(SQL["window"], *place, WINDOW_MAX, WINDOW_BYTES_MAX)]
        if not events:
            return False
        answers = await asyncio.gather(
            *(self._send(subscriber.token, event) for event in events), return_exceptions=True
        )
        for answer in answers:
            if answer is not None:
                raise answer
        self._tails[subscriber.token] = events[-1].sequence
        return True

    async def _send(self, token: UUID, event: Stored) -> None:
        headers = headers_of(event)
        del headers[MESSAGE_ID]  # it names lane and position, which tell of neighbours
        headers[STREAM_ENDS_AT] = str(event.sequence - 1)
        payload = event.payload
        if len(payload) > self._client.max_payload - HEADERS_BYTES_MAX:
            payload, headers[BODY] = b"", IN_LOG
        subject = f"{FEEDS}.{token.hex}.{event.client}.{event.type}.{event.stream.hex}"
        await self._jetstream.publish(subject, payload, headers=headers)
