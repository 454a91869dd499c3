"""Lanes enter; what the stream has last of each leaves: where a relay goes on. I/O against bus and log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection

from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from contracts.subjects import STREAM, lane_subjects
from services.kit.bus.message import NotAnEvent, place_of
from services.kit.bus.publish import Tail
from services.kit.postgres import Pool, queries
from services.kit.telemetry import log_message

LOG = logging.getLogger("daybook.relay")
SQL = queries("services/kit/log/sql/relay.sql")

REFILL_MAX = 2_000  # events of a lane that are put onto an empty bus again


async def read_tails(jetstream: JetStreamContext, pool: Pool, lanes: Collection[int]) -> tuple[int, dict[int, Tail]]:
    """The stream's last sequence, and the tail of each lane as of then or later. Raises NotFoundError without a stream.

    The sequence is read first: while it still is the last one, the tails are exact.
    """
    end = (await jetstream.stream_info(STREAM)).state.last_seq
    tails = await asyncio.gather(*(_tail(jetstream, pool, lane) for lane in lanes))
    return end, dict(zip(lanes, tails, strict=True))


async def _tail(jetstream: JetStreamContext, pool: Pool, lane: int) -> Tail:
    try:
        message = await jetstream.get_last_msg(STREAM, lane_subjects(lane))
    except NotFoundError:
        return await _refill(pool, lane, sequence=0)
    sequence = message.seq or 0
    try:
        _, position = place_of(message.headers or {})
    except NotAnEvent:
        log_message(LOG, "stranger_in_stream", logging.ERROR, lane=lane, sequence=sequence)
        return await _refill(pool, lane, sequence)
    if not await _is_ours(pool, lane, position, message):
        # The log was put back from a backup, or is another one. The log is the truth: what the bus tells is no more.
        log_message(LOG, "bus_tells_another_history", logging.ERROR, lane=lane, position=position)
        await jetstream.purge_stream(STREAM, subject=lane_subjects(lane))
        return await _refill(pool, lane, sequence=0)
    return Tail(position, sequence)


async def _is_ours(pool: Pool, lane: int, position: int, message: RawStreamMsg) -> bool:
    found = await pool.fetchval(SQL["event_id"], lane, position)
    return str(found) == (message.headers or {}).get("ce-id")


async def _refill(pool: Pool, lane: int, sequence: int) -> Tail:
    position = await pool.fetchval(SQL["lowest_cursor"], lane, REFILL_MAX)
    return Tail(position, sequence)
