"""The sources of one reader -> their events as one sequence, in order of recording, in bounded memory. I/O: the log.

Inside a client the order is its own. Between clients it is that of recording, as far as events were there when they
were read; an event that another lane commits a moment later comes a moment later.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from contracts.envelope import Recorded
from contracts.model import Event
from services.kit.log.select import Source, Wanted, select_events
from services.kit.postgres import Pool

EVENTS_AT_ONCE: Final = 64  # of one source, read ahead of the reader
BYTES_AT_ONCE: Final = 2_000_000  # of all sources together, read ahead of the reader; and one event more of each


@dataclass(slots=True)
class Lane:
    """One source: what was read of it and not yet handed on. `upto`: where reading goes on."""

    source: Source
    upto: int
    more: bool = True
    waiting: deque[Recorded[Event]] = field(default_factory=deque)

    def settle(self) -> None:
        """Where nothing waits, the reader is as far as the look was."""
        if not self.waiting:
            self.source = self.source._replace(after=self.upto)


class Merge:
    """Hands on the next event of all sources. `sources` tells at any time where the reader is."""

    def __init__(self, pool: Pool, sources: Sequence[Source], wanted: Wanted) -> None:
        self._pool = pool
        self._wanted = wanted
        self._lanes = [Lane(source, source.after) for source in sources]
        self._bytes_max = BYTES_AT_ONCE // max(1, len(sources))

    @property
    def sources(self) -> list[Source]:
        """The sources, each behind what was handed on of it."""
        return [lane.source for lane in self._lanes]

    def grown(self) -> None:
        """There may be more."""
        for lane in self._lanes:
            lane.more = True

    async def next(self) -> Recorded[Event] | None:
        """The next event; None where there is none now."""
        await self._fill()
        ready = [lane for lane in self._lanes if lane.waiting]
        if not ready:
            return None
        first = min(ready, key=_recorded)
        event = first.waiting.popleft()
        first.source = first.source._replace(after=first.source.place_of(event))
        first.settle()
        return event

    async def _fill(self) -> None:
        """Reads what has run out: the order is known once every source has an event, or has none left."""
        while empty := [lane for lane in self._lanes if lane.more and not lane.waiting]:
            sources = [lane.source._replace(after=lane.upto) for lane in empty]
            found = await select_events(
                self._pool, sources, self._wanted, limit=EVENTS_AT_ONCE, bytes_max=self._bytes_max
            )
            for lane, (events, upto, more) in zip(empty, found, strict=True):
                lane.waiting.extend(events)
                lane.upto, lane.more = upto, more
                lane.settle()


def _recorded(lane: Lane) -> tuple[object, int, int]:
    event = lane.waiting[0]
    return event.recorded_at, event.lane, event.position
