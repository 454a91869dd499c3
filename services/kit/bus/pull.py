"""nats-py's pull subscription enters; one that FastStream's loop can live with leaves. I/O.

FastStream 0.7 fetches again and again until a batch is full or its time is up, which holds the first message back for
the whole time-out; and it catches nats' own TimeoutError only, while nats-py raises the builtin one when a fetch starts
a moment before the deadline: what was fetched until then waited for its redelivery and came back out of order.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import nats.errors
import nats.js.errors

if TYPE_CHECKING:
    from nats.aio.msg import Msg

FETCH_MAX = 256  # messages of one fetch
FETCH_SECONDS = 0.2  # how long a fetch waits for its first message; the next begins at once


class Fetches(Protocol):
    """What FastStream asks of a pull subscription."""

    async def fetch(self, batch: int = 1, timeout: float | None = 5) -> list[Msg]: ...

    async def unsubscribe(self) -> None: ...


class PromptPull:
    """Hands over what is there at once, and says every failure to fetch in the one way that FastStream understands."""

    def __init__(self, subscription: Fetches, full: int = FETCH_MAX) -> None:
        self._subscription = subscription
        self._full = full

    async def fetch(self, batch: int = 1, timeout: float | None = FETCH_SECONDS) -> list[Msg]:
        """The next messages, as soon as there are some. Raises nats.errors.TimeoutError where there are none."""
        if batch < self._full:
            raise nats.errors.TimeoutError  # FastStream has some already and asks for the rest of a batch
        try:
            return await self._subscription.fetch(batch, timeout)
        except TimeoutError as error:
            raise nats.errors.TimeoutError from error
        except (nats.errors.Error, nats.js.errors.Error) as error:
            # No server, no stream, no consumer: it answers at once, so asking again at once would spin.
            await asyncio.sleep(timeout or FETCH_SECONDS)
            raise nats.errors.TimeoutError from error

    async def unsubscribe(self) -> None:
        await self._subscription.unsubscribe()
