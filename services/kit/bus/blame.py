"""An event that could not be digested enters; it is tried alone, waited for, or put aside with its error. I/O.

Nobody is blamed for a server that is away, and no event for what another of its batch has done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from nats.aio.msg import Msg

from contracts.catalogue import UnknownEvent
from contracts.envelope import Recorded
from contracts.model import Event
from services.kit.bus.digest import CursorMoved, Digest, Share
from services.kit.bus.lane import Lane
from services.kit.bus.message import Stored
from services.kit.telemetry import describe, log_message

LOG = logging.getLogger("daybook.consumer")

ATTEMPTS_SECONDS = (0.1, 0.5, 2.0, 5.0)  # between the attempts at one event; after the fifth it is put aside
NEWER_SECONDS = 2.0  # between looks whether a newer process has moved on


class Blame:
    """Of one consumer. `wake` has it look which lanes are ready; `read_again` has it believe the stored cursors."""

    def __init__(
        self,
        digest: Digest,
        lanes: Sequence[Lane[Msg]],
        wake: Callable[[], None],
        read_again: Callable[[Sequence[int]], Awaitable[None]],
    ) -> None:
        self._digest = digest
        self._name = digest.handler.name
        self._lanes = lanes
        self._wake = wake
        self._read_again = read_again

    async def failed(self, shares: Sequence[Share], error: Exception) -> None:
        """A batch that failed is tried event by event; an event that failed, again and again, then put aside."""
        if len(shares) > 1 or shares[0].upto - shares[0].after > 1:
            for share in shares:
                self._lanes[share.lane].careful_until = share.upto
            return
        lane, event = self._lanes[shares[0].lane], shares[0].events[0]
        if isinstance(error, UnknownEvent):  # the handler has read on in the stream
            self.wait_for_newer(lane, error)
            return
        lane.attempts += 1
        log_message(LOG, "failed", logging.WARNING, consumer=self._name, lane=lane.number, position=event.position,
                    type=event.type, attempt=lane.attempts, error=describe(error))  # fmt: skip
        if lane.attempts > len(ATTEMPTS_SECONDS):
            await self.bury(lane, event, error)
            return
        self._rest(lane, ATTEMPTS_SECONDS[lane.attempts - 1])

    def wait_for_newer(self, lane: Lane[Msg], error: UnknownEvent) -> None:
        """The log is newer than this program: in a rolling restart a newer process digests it and moves the cursor.
        An event that this one cannot know is no poison."""
        log_message(LOG, "newer_than_this_program", logging.WARNING, consumer=self._name, lane=lane.number,
                    position=lane.cursor + 1, error=str(error))  # fmt: skip
        lane.let_go()
        self._rest(lane, NEWER_SECONDS)

    def _rest(self, lane: Lane[Msg], seconds: float) -> None:
        loop = asyncio.get_running_loop()
        lane.resume_at = loop.time() + seconds
        loop.call_at(lane.resume_at, self._wake)

    async def bury(self, lane: Lane[Msg], event: Stored | Recorded[Event], error: Exception) -> None:
        attempts = max(1, lane.attempts)
        try:
            await self._digest.bury(event, error, attempts)
        except CursorMoved:
            await self._read_again([lane.number])
            return
        lane.moved_to(event.position)
        log_message(LOG, "dead_letter", logging.ERROR, consumer=self._name, lane=lane.number, position=event.position,
                    type=event.type, error=describe(error))  # fmt: skip

    async def replay(self, lane: Lane[Msg]) -> None:
        stream = min(lane.replays)
        failed = await self._digest.replay(lane.number, stream)
        lane.replays.discard(stream)
        code = "replayed" if failed is None else "failed_again"
        log_message(LOG, code, consumer=self._name, lane=lane.number, stream=stream,
                    error=None if failed is None else describe(failed[1]))  # fmt: skip
