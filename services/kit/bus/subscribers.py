"""Programs that read one client's events over NATS: kept in PostgreSQL, each with a stream of its own on the bus. I/O.

A stream's sequence numbers are the client's own, so nothing in it tells of a neighbour, and a gap would show. Messages
stay until they are acknowledged and the stream takes no more than it has room for: whoever is away finds everything.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nats.js import JetStreamContext, api
from nats.js.errors import NotFoundError

from contracts.subjects import lane_of_client
from services.kit.bus.accounts import DURABLE, Subscriber, feed_stream, feed_subjects
from services.kit.postgres import Connection, Pool, queries

SQL = queries("services/kit/bus/sql/subscribers.sql")

SUBSCRIBERS_MAX = 100  # on one bus: their streams' rooms are set aside in its store
FEED_BYTES_MAX = 16_000_000  # of one stream; what does not fit waits in the log
REPLY_SECONDS = 5.0  # what is not acknowledged by then comes again; a program may say that it is still working on it
UNACKNOWLEDGED_MAX = 1  # with more, what a killed program had not acknowledged would come after what follows it


@dataclass(frozen=True, slots=True)
class BusSubscriber:
    """One of them. `filled` and `position` are the client's sequences up to which it was sent and acknowledged."""

    token: UUID
    lane: int
    client: str
    key: str
    begins: int
    filled: int
    position: int
    told_at: datetime

    @property
    def account(self) -> Subscriber:
        """How the server's configuration names it."""
        return Subscriber(self.token, self.key)


class TooManySubscribers(Exception):
    """There are SUBSCRIBERS_MAX already."""


async def add_subscriber(connection: Connection, token: UUID, client: str, key: str, begins: int) -> None:
    """Keeps one beside its token, in the same transaction. Raises TooManySubscribers."""
    await connection.execute(SQL["one_at_a_time"])
    if len(await living_subscribers(connection)) >= SUBSCRIBERS_MAX:
        raise TooManySubscribers
    await connection.execute(SQL["add"], token, lane_of_client(client), client, key, begins)


async def forget_subscriber(connection: Connection | Pool, token: UUID) -> None:
    """Removes one that never could read, with its token."""
    await connection.execute(SQL["forget"], token)


async def living_subscribers(
    reader: Connection | Pool, lanes: Collection[int] | None = None
) -> Sequence[BusSubscriber]:
    """Those whose token lives; of some lanes, or all."""
    rows = await (reader.fetch(SQL["living"]) if lanes is None else reader.fetch(SQL["living_in"], list(lanes)))
    return [BusSubscriber(*row) for row in rows]


async def has_stream(reader: Connection | Pool, token: UUID) -> bool:
    """Whether a token, living or dead, has a stream that was not closed."""
    return bool(await reader.fetchval(SQL["has_stream"], token))


async def last_of_client(reader: Connection | Pool, client: str) -> int:
    """A client's last sequence; 0 where it has no event yet."""
    return await reader.fetchval(SQL["sequence"], lane_of_client(client), client) or 0


async def make_feed(jetstream: JetStreamContext, token: UUID, after: int) -> None:
    """The stream and its one durable, empty; its first message will have the sequence behind `after`."""
    await jetstream.add_stream(
        api.StreamConfig(
            name=feed_stream(token),
            subjects=[feed_subjects(token)],
            retention=api.RetentionPolicy.WORK_QUEUE,
            discard=api.DiscardPolicy.NEW,
            max_bytes=FEED_BYTES_MAX,
            storage=api.StorageType.FILE,
            first_seq=after + 1,
        )
    )
    await jetstream.add_consumer(
        feed_stream(token),
        api.ConsumerConfig(
            durable_name=DURABLE,
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=REPLY_SECONDS,
            max_ack_pending=UNACKNOWLEDGED_MAX,
        ),
    )


async def remove_feed(jetstream: JetStreamContext, token: UUID) -> None:
    """The stream and all in it, where there is one."""
    try:
        await jetstream.delete_stream(feed_stream(token))
    except NotFoundError:
        return
