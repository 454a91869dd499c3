"""A relay was lost just now; the seconds until every lane was renewed by a living one leave. I/O."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

from contracts.subjects import LANES
from services.kit.log.lease import LEASE_SECONDS
from services.kit.settings import Settings
from tests.chaos.ground import connect

POLL_SECONDS = 0.03
ALIVE = """
    SELECT count(*) FROM log.leases
    WHERE purpose = 'relay' AND expires_at > $1::timestamptz + $2::interval AND expires_at > clock_timestamp()
"""


async def taken_over(settings: Settings, seconds_max: float) -> float:
    """Call it at the loss. A lease that ends later than one renewed at this moment was renewed since, so by another.

    Raises TimeoutError.
    """
    started = time.monotonic()
    connection = await connect(settings)
    try:
        now = await connection.fetchval("SELECT clock_timestamp()")
        lost = now - timedelta(seconds=time.monotonic() - started)
        lease = timedelta(seconds=LEASE_SECONDS + 0.01)
        while await connection.fetchval(ALIVE, lost, lease) < LANES:
            if time.monotonic() - started > seconds_max:
                raise TimeoutError
            await asyncio.sleep(POLL_SECONDS)
    finally:
        await connection.close()
    return time.monotonic() - started
