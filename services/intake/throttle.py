"""Logins of an address that failed or are under way -> a wait before the next try. In memory of one process: it slows
guessing down, the passwords' hash does the rest."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import ceil

from services.kit.web.problem import Problem

FAILURES_MAX = 10
WAIT_SECONDS = 900.0  # after the last failure; then the count starts again
ADDRESSES_MAX = 10_000


class Throttle:
    """Counts by address, whether somebody has it or not."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._failures: OrderedDict[bytes, tuple[int, float]] = OrderedDict()

    @contextmanager
    def attempt(self, address: bytes) -> Iterator[None]:
        """Counts a login before it is looked at, so that of many at once none goes uncounted. One that succeeds clears
        the count, one that a fault ended is taken back. Raises Problem `throttled` after too many of late."""
        self._count(address)
        try:
            yield
        except BaseException as error:
            if not isinstance(error, Problem) or error.code != "wrong_login":
                self._take_back(address)
            raise
        self._failures.pop(address, None)

    def _count(self, address: bytes) -> None:
        now = self._monotonic()
        count, until = self._failures.get(address, (0, 0.0))
        if until <= now:
            count = 0
        if count >= FAILURES_MAX:
            headers = {"retry-after": str(ceil(until - now))}
            raise Problem("throttled", f"{count} logins with this address have failed", headers=headers)
        self._failures[address] = (count + 1, now + WAIT_SECONDS)
        self._failures.move_to_end(address)
        while len(self._failures) > ADDRESSES_MAX:
            self._failures.popitem(last=False)

    def _take_back(self, address: bytes) -> None:
        count, until = self._failures.get(address, (0, 0.0))
        if count:
            self._failures[address] = (count - 1, until)
