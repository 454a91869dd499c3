"""What the lanes count of the whole desk -> the same, made right where it is not the sum of its clients. I/O.

In a rolling update an older process judges beside a newer one and counts clients alone. So each lane is compared from
time to time, a few milliseconds of reading; only one that differs is locked.
"""

from __future__ import annotations

import logging
from itertools import cycle
from typing import Final

from contracts.subjects import LANES
from services.kit.bus.digest import transaction
from services.kit.postgres import Pool, queries
from services.kit.telemetry import log_message
from services.reporting.sla.beside import keep_doing

LOG = logging.getLogger("daybook.reporting")
SQL = queries("services/reporting/sql/sla_recount.sql")
LOCK = queries("services/reporting/sql/sla_again.sql")["lock"]
TALLY = queries("services/reporting/sql/sla_write.sql")["tally"]

PAUSE_SECONDS: Final = 15.0  # between two lanes: all of them in four minutes


class Recount:
    """Compares the lanes one after the other. One per process of reporting; several do no harm."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def run(self) -> None:
        """Compares until cancelled."""
        lanes = cycle(range(LANES))
        await keep_doing(lambda: self.mend(next(lanes)), PAUSE_SECONDS, "sla-recount")

    async def mend(self, lane: int) -> None:
        """One lane."""
        if not await self._pool.fetch(SQL["missing"], lane):
            return
        async with transaction(self._pool) as connection:
            await connection.execute(LOCK, lane)
            rows = await connection.fetch(SQL["missing"], lane)
            if rows:
                await connection.execute(TALLY, *zip(*rows, strict=True))
        log_message(LOG, "desk_counts_mended", logging.WARNING, lane=lane, rows=len(rows))
