"""A durable enters; it leaves with the stream's end as its place: what came before will not be sent any more. I/O.

A durable that tells only what is new cannot be moved on, so it is deleted and made again. Its consumer knows from the
log what it has not digested, and whoever else pulls from it finds it again at once.
"""

from __future__ import annotations

import logging

from nats.aio.client import Client
from nats.js.errors import NotFoundError

from contracts.subjects import STREAM
from services.kit.bus.away import AWAY
from services.kit.bus.provision import durable_config
from services.kit.telemetry import describe, log_message

LOG = logging.getLogger("daybook.consumer")


async def begin_anew(client: Client, durable: str) -> None:
    """Has a durable begin at the stream's end. Where that fails, it sends what is dropped for being digested."""
    jetstream = client.jetstream()
    try:
        try:
            await jetstream.delete_consumer(STREAM, durable)
        except NotFoundError:
            return  # whoever watches it makes it again
        await jetstream.add_consumer(STREAM, durable_config(durable))
    except AWAY as error:
        log_message(LOG, "bus_not_skipped", logging.WARNING, consumer=durable, error=describe(error))
