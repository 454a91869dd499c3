"""Failed logins of an address -> a wait before the next try. In memory of one process: it slows guessing down, the
passwords' hash does the rest."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from math import ceil

from services.kit.web.problem import Problem

FAILURES_MAX = 10
WAIT_SECONDS = 900.0  # after the last failure; then the count starts again
ADDRESSES_MAX = 10_000


class Throttle:
    """Counts failures by address, whether somebody has it or not."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._failures: OrderedDict[bytes, tuple[int, float]] = OrderedDict()

    def check(self, address: bytes) -> None:
        """Raises Problem `throttled` where the address has failed too often of late."""
        count, until = self._failures.get(address, (0, 0.0))
        wait = until - self._monotonic()
        if count >= FAILURES_MAX and wait > 0:
            headers = {"retry-after": str(ceil(wait))}
            raise Problem("throttled", f"{count} logins with this address have failed", headers=headers)

    def failed(self, address: bytes) -> None:
        now = self._monotonic()
        count, until = self._failures.get(address, (0, 0.0))
        self._failures[address] = (1 if until <= now else count + 1, now + WAIT_SECONDS)
        self._failures.move_to_end(address)
        while len(self._failures) > ADDRESSES_MAX:
            self._failures.popitem(last=False)

    def succeeded(self, address: bytes) -> None:
        self._failures.pop(address, None)
