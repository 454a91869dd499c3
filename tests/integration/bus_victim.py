"""A consumer process for test_bus_consumer: it writes its effect and dies in the middle of the transaction."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

import uvloop

from contracts.envelope import Recorded
from contracts.model import Event
from services.kit.postgres import Connection, connect_pool
from services.kit.settings import load
from tests.integration.bus_tools import Ledger, consume


class Victim(Ledger):
    """Ends its process by kill -9 after the effects of a batch, before their commit."""

    def __init__(self, name: str, batches: int) -> None:
        super().__init__(name)
        self._left = batches

    async def handle(self, lane: int, events: Sequence[Recorded[Event]], connection: Connection) -> None:
        await super().handle(lane, events, connection)
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


async def main(name: str, batches: int) -> None:
    settings = load()
    pool = await connect_pool(settings, "triage", size=6)
    await consume(settings, Victim(name, batches), pool)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2])))
