"""Who follows events over HTTP, and how far: counted so that nobody takes too much, told by GET /subscribers.

It is what this process has seen since its start: a place is the reader's own and is kept by nobody else. Pure, but for
the clock that it is given.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.kit.access import Principal
from services.kit.log.select import Source
from services.kit.web.problem import Problem

STREAMS_MAX: Final = 500  # of one process
STREAMS_OF_ONE_MAX: Final = 20  # of one token
KNOWN_MAX: Final = 1_000  # readers remembered


@dataclass(slots=True)
class HttpReader:
    """One reader. `clients` None: all. `streams`: how many of its connections are open now."""

    token: str
    name: str
    clients: tuple[str, ...] | None
    sources: Sequence[Source]
    seen_at: datetime
    streams: int = 0
    events: int = 0


class Readers:
    """The readers of one process."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._known: OrderedDict[tuple[str, tuple[str, ...] | None], HttpReader] = OrderedDict()

    def __iter__(self) -> Iterator[HttpReader]:
        return iter(tuple(self._known.values()))

    def seen(
        self, caller: Principal, clients: tuple[str, ...] | None, sources: Sequence[Source], events: int
    ) -> HttpReader:
        """Remembers where a reader is. Whoever was not seen for the longest time is forgotten first."""
        key = (caller.id, clients)
        reader = self._known.get(key)
        if reader is None:
            reader = self._known[key] = HttpReader(caller.id, caller.name, clients, sources, self._now())
        self.told(reader, sources, events)
        self._known.move_to_end(key)
        for idle in [key for key, known in self._known.items() if not known.streams][: len(self._known) - KNOWN_MAX]:
            del self._known[idle]
        return reader

    def opened(self, caller: Principal, clients: tuple[str, ...] | None, sources: Sequence[Source]) -> HttpReader:
        """A connection that stays open until `closed`. Raises Problem where there are too many."""
        of_caller = sum(reader.streams for reader in self if reader.token == caller.id)
        if of_caller >= STREAMS_OF_ONE_MAX or sum(reader.streams for reader in self) >= STREAMS_MAX:
            raise Problem(
                "too_many_streams",
                "as many streams are open as one token, or this desk, may have",
                headers={"retry-after": "5"},
            )
        reader = self.seen(caller, clients, sources, 0)
        reader.streams += 1
        return reader

    def told(self, reader: HttpReader, sources: Sequence[Source], events: int) -> None:
        """A reader that is connected has come so far."""
        reader.sources, reader.seen_at = sources, self._now()
        reader.events += events

    def closed(self, reader: HttpReader) -> None:
        reader.streams -= 1
