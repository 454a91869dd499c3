"""A consumer process for test_bus_consumer: it writes its effect and dies in the middle of the transaction."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from uuid import UUID

import uvloop

from contracts.envelope import Recorded
from contracts.model import Event
from services.kit.postgres import Connection, connect_pool
from services.kit.settings import load
from tests.integration.bus_tools import Ledger, consume


class Victim(Ledger):
    """Ends its process by kill -9 after the effects of a batch, before their commit: of its nth batch, or of every
    batch with an event of one stream."""

    def __init__(self, name: str, killer: str) -> None:
        super().__init__(name)
        self._left = int(killer) if killer.isdecimal() else -1
        self._stream = None if killer.isdecimal() else UUID(killer)

    async def handle(self, lane: int, events: Sequence[Recorded[Event]], connection: Connection) -> None:
        await super().handle(lane, events, connection)
        self._left -= 1
        if self._left == 0 or any(event.stream == self._stream for event in events):
            os.kill(os.getpid(), signal.SIGKILL)


async def main(name: str, killer: str) -> None:
    settings = load()
    pool = await connect_pool(settings, "triage", size=6)
    await consume(settings, Victim(name, killer), pool)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2]))
