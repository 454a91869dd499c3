"""Settings enter; the stream and its durables stand on the bus as this file says. I/O, in one explicit step.

Everything about them is decided here: whoever only subscribes takes what is there. A running relay or consumer that
finds the bus wiped takes this step again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nats.js import JetStreamContext, api
from nats.js.errors import APIError, NotFoundError

from contracts.subjects import ALL, STREAM
from services.kit.bus.connect import connect, require_room

if TYPE_CHECKING:
    from services.kit.settings import Settings

DURABLES = ("triage", "notification", "reporting")

RETENTION_SECONDS = 7 * 86_400  # the log keeps everything; the bus is for those who were away for a holiday
STREAM_BYTES_MAX = 2_000_000_000  # the oldest go first; asked for in full, halved until the server has the room
STREAM_BYTES_MIN = 64_000_000
DUPLICATES_SECONDS = 10  # the expected sequence is what fences; a longer memory would refuse a refill after a purge

DELIVER_MAX = 5  # a consumer counts its own attempts; these are for messages whose consumer died
BACKOFF_SECONDS = (5.0, 15.0, 30.0, 60.0)
UNACKNOWLEDGED_MAX = 4_000

NO_ROOM = {10023, 10047}  # "insufficient resources", "insufficient storage resources available"


def stream_config(bytes_max: int, replicas: int) -> api.StreamConfig:
    """The stream with every event of the last week."""
    return api.StreamConfig(
        name=STREAM,
        subjects=[ALL],
        retention=api.RetentionPolicy.LIMITS,
        storage=api.StorageType.FILE,
        discard=api.DiscardPolicy.OLD,
        max_age=RETENTION_SECONDS,
        max_bytes=bytes_max,
        duplicate_window=DUPLICATES_SECONDS,
        num_replicas=replicas,
        allow_direct=True,
    )


def durable_config(name: str) -> api.ConsumerConfig:
    """A durable that carries what is new: what came before its birth is read from the log."""
    return api.ConsumerConfig(
        durable_name=name,
        filter_subject=ALL,
        deliver_policy=api.DeliverPolicy.NEW,
        ack_policy=api.AckPolicy.EXPLICIT,
        max_deliver=DELIVER_MAX,
        backoff=list(BACKOFF_SECONDS),
        max_ack_pending=UNACKNOWLEDGED_MAX,
    )


async def provision_bus(settings: Settings) -> None:
    """Creates the stream DAYBOOK and the durables, or brings existing ones to these settings. Safe at any time.

    Raises BusTooSmall.
    """
    client = await connect(settings, "owner-provision")
    try:
        require_room(client)
        await provision(client.jetstream())
    finally:
        await client.close()


async def provision(jetstream: JetStreamContext, durables: tuple[str, ...] = DURABLES) -> None:
    """The same on an open connection. Raises APIError where the server refuses."""
    await _provision_stream(jetstream)
    for name in durables:
        await jetstream.add_consumer(STREAM, durable_config(name))


async def _provision_stream(jetstream: JetStreamContext) -> None:
    try:
        replicas = (await jetstream.stream_info(STREAM)).config.num_replicas or 1
        put = jetstream.update_stream
    except NotFoundError:
        replicas, put = 1, jetstream.add_stream
    bytes_max = STREAM_BYTES_MAX
    while True:
        try:
            await put(stream_config(bytes_max, replicas))
        except APIError as error:
            if error.err_code not in NO_ROOM or bytes_max <= STREAM_BYTES_MIN:
                raise
            bytes_max //= 2
        else:
            return
