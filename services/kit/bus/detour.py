"""How busy the log is and how far a consumer is behind -> whether it reads the log itself, past the bus. Pure.

A message of the bus costs a consumer some 100 us and the server about as much for each consumer; a row of the log costs
10. So a busy consumer fetches nothing from the bus and looks into the log every 3 to 50 ms; once it is quiet, the
durable begins anew at the stream's end, and the bus tells again.
"""

from __future__ import annotations

from typing import Final

BEHIND_MAX: Final = 400  # events; beyond it the bus is left
BUSY_PER_SECOND: Final = 300  # events of all lanes; from it on the bus is left
CALM_PER_SECOND: Final = 150  # below it the bus is gone back to, unless the consumer is far behind
STAY_SECONDS: Final = 3.0  # a way that was chosen is kept for so long
PAUSE_SECONDS: Final = (0.003, 0.05)
"""Between two looks into the log, at least and at most; half as long as the transaction before took, so that on a slow
machine, or one that is busy with others, more events share one."""


class Detour:
    """Asked and told by one consumer. Instants are seconds of the loop's clock; `gather_seconds` is how long it gathers
    at least, where nobody waits for what it does."""

    def __init__(self, gather_seconds: float = 0.0) -> None:
        self.on = False
        self._gather_seconds = gather_seconds
        self._chosen_at = float("-inf")
        self._looked: tuple[float, int] | None = None

    def looked(self, now: float, heads: int, behind: int) -> None:
        """The lanes' heads, added up, and how many events of them are not yet digested."""
        per_second = 0.0
        if self._looked is not None and now > self._looked[0]:
            per_second = (heads - self._looked[1]) / (now - self._looked[0])
        self._looked = now, heads
        if now - self._chosen_at < STAY_SECONDS:
            return
        if not self.on and (behind > BEHIND_MAX or per_second >= BUSY_PER_SECOND):
            self._choose(now, on=True)
        elif self.on and behind <= BEHIND_MAX // 2 and per_second < CALM_PER_SECOND:
            self._choose(now, on=False)

    def waits(self, now: float, messages: int) -> None:
        """So many messages of the bus wait for their turn."""
        if not self.on and messages > BEHIND_MAX:
            self._choose(now, on=True)

    def _choose(self, now: float, *, on: bool) -> None:
        self.on, self._chosen_at = on, now

    def pause(self, took: float) -> float:
        """How long to gather events after a transaction that took so long."""
        return max(self._gather_seconds, pause_after(took))


class Rate:
    """Whether so many events a second go by that consumers leave the bus, as the last whole second told."""

    def __init__(self) -> None:
        self._events, self._since, self._busy = 0, 0.0, False

    def count(self, events: int) -> None:
        self._events += events

    def is_busy(self, now: float) -> bool:
        """Asked at an instant of some clock, in seconds."""
        if now - self._since >= 1.0:
            self._busy = self._events >= BUSY_PER_SECOND * (now - self._since)
            self._events, self._since = 0, now
        return self._busy


def pause_after(seconds: float) -> float:
    """How long to gather events after a transaction that took so long."""
    at_least, at_most = PAUSE_SECONDS
    return min(at_most, max(at_least, seconds / 2))
