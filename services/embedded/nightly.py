"""A time of day and a program -> the program runs every night, and soon after the start where a night was missed. I/O.

A machine that is switched off at night would never come to it; so the first run, which does something only where work
has waited for a day, begins a few minutes after the start.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Final

from services.embedded.process import Child, Program

SOON: Final = timedelta(minutes=5)  # after the start, when people have found their screens again
AGAIN: Final = timedelta(minutes=30)  # after a try that something was in the way of
TRIES: Final = 4

COMPACT: Final = (sys.executable, "-m", "services", "erase", "--compact", "--json")
WAITED: Final = ("--waited", "24")
"""Only what has waited for a day, in hours."""


@dataclass(frozen=True)
class Nightly:
    """What runs beside the services of `daybook up`. `logs` is the folder for what the program says."""

    at: time
    """UTC."""
    logs: Path
    environment: Mapping[str, str]
    say: Callable[[str], None]
    now: Callable[[], datetime]
    argv: Sequence[str] = COMPACT
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def run(self) -> None:
        """Runs until cancelled."""
        await self.sleep(SOON.total_seconds())
        await self._once(*WAITED)
        while True:
            now = self.now()
            await self.sleep((next_night(now, self.at) - now).total_seconds())
            if not await self._tonight():
                self.say(f"what is left of erased persons was not compacted tonight: see {self.logs / 'erase.log'}")

    async def _tonight(self) -> bool:
        for attempt in range(TRIES):
            if attempt:
                await self.sleep(AGAIN.total_seconds())
            if await self._once():
                return True
        return False

    async def _once(self, *more: str) -> bool:
        """Runs the program; whether it ended well."""
        child = Child(Program("erase", (*self.argv, *more), environment=self.environment), self.logs)
        child.spawn()
        try:
            return await child.wait() == 0
        finally:
            await child.stop()


def next_night(now: datetime, at: time) -> datetime:
    """The next instant after `now` at which it is `at` in UTC. Pure."""
    tonight = datetime.combine(now.astimezone(UTC).date(), at, UTC)
    return tonight if tonight > now else tonight + timedelta(days=1)
