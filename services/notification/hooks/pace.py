"""How often a receiver has failed -> when it is asked again. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

TRYING: Final = timedelta(days=3)  # after it a message is a dead letter
ALIVE_FAILURES_MAX: Final = 2
"""Of more of them in a row the receiver rests: one message at a time, with growing pauses."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What tests shorten."""

    retry_first: timedelta = timedelta(seconds=5)
    retry_last: timedelta = timedelta(hours=6)
    rest_first: timedelta = timedelta(seconds=2)
    rest_last: timedelta = timedelta(minutes=5)
    trying: timedelta = TRYING

    def retry(self, attempts: int) -> timedelta:
        """Until a message is sent again that failed so many times: 5 s, 20 s, 80 s … at most 6 hours."""
        wait: timedelta = self.retry_first * 4 ** min(attempts - 1, 10)
        return min(self.retry_last, wait)

    def rest(self, failures: int) -> timedelta:
        """How long a receiver is left alone that failed so many times in a row. A receiver that comes back is noticed
        within five minutes, whatever its messages' own pauses are."""
        if failures <= ALIVE_FAILURES_MAX:
            return timedelta()
        wait: timedelta = self.rest_first * 2 ** min(failures - ALIVE_FAILURES_MAX - 1, 12)
        return min(self.rest_last, wait)
