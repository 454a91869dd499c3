"""Work beside the views that comes round -> done again and again, whatever it fails with. I/O."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from services.kit.bus.away import tried
from services.kit.telemetry import describe, log_message

LOG = logging.getLogger("daybook.reporting")

PAUSE_SECONDS: Final = 5.0  # after a failure


async def keep_doing(work: Callable[[], Awaitable[None]], seconds: float, name: str) -> None:
    """Does it every so many seconds until cancelled. The same process keeps the views, so a failure is logged only."""
    while True:
        try:
            await tried(work(), PAUSE_SECONDS, name)
        except Exception as error:  # noqa: BLE001  logged, and tried again
            log_message(LOG, "failed_beside", logging.ERROR, work=name, error=describe(error))
            await asyncio.sleep(PAUSE_SECONDS)
        await asyncio.sleep(seconds)
