"""A connection and a durable enter; batches of messages leave, each as soon as there is something. I/O.

It stands in for the pull subscription of nats-py inside FastStream's loop, for three reasons. FastStream 0.7 fetches
again and again until a batch is full or its time is up, which holds the first message back for the whole time-out. It
catches nats' own TimeoutError only, while nats-py raises the builtin one when a fetch starts a moment before the
deadline: what was fetched until then waited for its redelivery and came back out of order. And nats-py asks the server
twice for every fetch and makes two tasks for every message, where here one request lets messages come for a second.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from typing import TYPE_CHECKING

import nats.errors

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

FETCH_MAX = 256  # messages of one batch, and of one request
FETCH_SECONDS = 0.2  # how long a fetch waits for its first message; the next begins at once
REQUEST_SECONDS = 1.0  # how long one request lets messages come; after a restart of the server so much is lost
RENEW_SECONDS = 0.9  # a new request overlaps the old one, so that no message waits between them

OVER = {"404", "408"}  # "no messages", "request timeout": the usual end of a request


class PromptPull:
    """Hands over what is there at once, and says every failure to fetch in the one way that FastStream understands."""

    def __init__(self, client: Client, stream: str, durable: str, full: int = FETCH_MAX) -> None:
        self._client = client
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._full = full
        self._inbox = client.new_inbox()
        self._subscription: Subscription | None = None
        self._messages: deque[Msg] = deque()
        self._arrived = asyncio.Event()
        self._requests = 0
        self._coming = 0
        self._renew_at = 0.0
        self._faulty = False

    async def open(self) -> None:
        """Subscribes to the inbox."""
        self._subscription = await self._client.subscribe(f"{self._inbox}.*", cb=self._take)

    async def fetch(self, batch: int = FETCH_MAX, timeout: float | None = FETCH_SECONDS) -> list[Msg]:
        """The next messages, as soon as there are some. Raises nats.errors.TimeoutError where there are none."""
        if batch < self._full:
            raise nats.errors.TimeoutError  # FastStream has some already and asks for the rest of a batch
        try:
            await self._ask()
            if not self._messages:
                self._arrived.clear()
                async with asyncio.timeout(timeout):
                    await self._arrived.wait()
        except (TimeoutError, nats.errors.Error) as error:
            await self._pause(timeout)
            raise nats.errors.TimeoutError from error
        if not self._messages:
            await self._pause(timeout)
            raise nats.errors.TimeoutError
        return [self._messages.popleft() for _ in range(min(batch, len(self._messages)))]

    async def _ask(self) -> None:
        """Lets messages come, unless enough are on their way or at hand."""
        enough = self._coming > self._full // 2 and time.monotonic() < self._renew_at
        if enough or len(self._messages) >= self._full or not self._client.is_connected:
            return
        self._requests += 1
        self._coming, self._renew_at = self._full, time.monotonic() + RENEW_SECONDS
        request = {"batch": self._full, "expires": int(REQUEST_SECONDS * 1e9)}
        await self._client.publish(self._next, json.dumps(request).encode(), reply=f"{self._inbox}.{self._requests}")

    async def _take(self, message: Msg) -> None:
        status = (message.headers or {}).get("Status") if message.subject.startswith(self._inbox) else None
        if status is None:
            self._coming -= 1
            self._messages.append(message)
            self._faulty = False
        elif message.subject == f"{self._inbox}.{self._requests}":
            self._coming, self._faulty = 0, status not in OVER
        self._arrived.set()

    async def _pause(self, seconds: float | None) -> None:
        """No server, no stream, no consumer: a request is answered at once then, so asking again at once would spin."""
        if self._faulty or not self._client.is_connected:
            await asyncio.sleep(seconds or FETCH_SECONDS)

    async def unsubscribe(self) -> None:
        """Lets nothing come any more."""
        if self._subscription is not None:
            await self._subscription.unsubscribe()
