"""Settings enter, the one clock of a process leaves; everything that asks for the time is handed it.

With DAYBOOK_CLOCK=log time is what the log says, so that a demo or a test runs months in minutes through the real
services. Leases, time-outs and sessions never use this clock: they run on real time.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from services.kit.settings import Settings


class Clock(Protocol):
    """Tells the instant at which the desk is."""

    def now(self) -> datetime:
        """An aware instant in UTC."""
        ...

    def advance(self, at: datetime) -> None:
        """Tells the clock of an instant that the log knows. A real clock does not listen."""
        ...


class SystemClock:
    """The machine's time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def advance(self, at: datetime) -> None:
        pass


class LogClock:
    """The latest instant that it was told. It never goes back, so a late event disturbs nothing."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def advance(self, at: datetime) -> None:
        self._now = max(self._now, at.astimezone(UTC))


LOG_CLOCK_START = datetime(2000, 1, 1, tzinfo=UTC)


def clock_for(settings: Settings) -> Clock:
    """The clock that the settings ask for; a log clock starts in the year 2000 and waits to be told."""
    return LogClock(LOG_CLOCK_START) if settings.clock == "log" else SystemClock()
