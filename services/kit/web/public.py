"""What anybody may ask for: at most so often from one address, and made at most so often for all of them together."""

from __future__ import annotations

from asyncio import Lock
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from math import ceil
from typing import Generic, TypeVar

from services.kit.web.problem import Problem

PER_MINUTE = 120  # of one address; a page that is looked at asks twice
ADDRESSES_MAX = 10_000  # remembered; the longest silent are forgotten
WINDOW_SECONDS = 60.0

T = TypeVar("T")


class Turnstile:
    """Counts requests by address in memory of one process; many people may stand behind one address."""

    def __init__(self, monotonic: Callable[[], float], *, per_minute: int = PER_MINUTE) -> None:
        self._monotonic = monotonic
        self._max = per_minute
        self._seen: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait_seconds(self, address: str) -> int:
        """Lets a request in (0), or says how long its address has to wait."""
        now = self._monotonic()
        count, until = self._seen.pop(address, (0, 0.0))
        if until <= now:
            count, until = 0, now + WINDOW_SECONDS
        self._seen[address] = (min(count + 1, self._max), until)
        while len(self._seen) > ADDRESSES_MAX:
            self._seen.popitem(last=False)
        return ceil(until - now) if count >= self._max else 0

    def pass_through(self, address: str) -> None:
        """The same for an API. Raises Problem."""
        wait = self.wait_seconds(address)
        if wait:
            headers = {"retry-after": str(wait)}
            raise Problem("too_many_requests", f"more than {self._max} requests in a minute", headers=headers)


class Kept(Generic[T]):
    """One answer for all who ask within a moment. Where making it fails, nothing is kept."""

    def __init__(self, make: Callable[[], Awaitable[T]], monotonic: Callable[[], float], seconds: float) -> None:
        self._make = make
        self._monotonic = monotonic
        self._seconds = seconds
        self._held: tuple[T, float] | None = None
        self._making = Lock()

    async def get(self) -> T:
        """The answer, at most so many seconds old."""
        async with self._making:
            if self._held is None or self._held[1] <= self._monotonic():
                self._held = (await self._make(), self._monotonic() + self._seconds)
            return self._held[0]
