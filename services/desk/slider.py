"""A ticket's events enter, the stops of its time slider leave. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.desk.reader import Reader
from services.desk.shapes import TicketEvent
from services.desk.timeline import tick_kind

WEIGHT = {"bad": 4, "message": 3, "reply": 3, "note": 2, "fact": 1}


@dataclass(frozen=True)
class Stop:
    """One instant at which something happened. `as_of` is exact, `words` are for people, `x` runs from 0 to 1000."""

    as_of: str
    words: str
    kind: str
    x: float


@dataclass(frozen=True)
class Slider:
    stops: tuple[Stop, ...]
    at: int
    """The stop that is shown; the last one is now."""


def slider(events: Sequence[TicketEvent], as_of: datetime | None, reader: Reader) -> Slider:
    """One stop for each instant at which something happened, evenly spaced: the keyboard steps from one to the next."""
    instants: dict[datetime, str] = {}
    for event in events:
        kind = tick_kind(event)
        if WEIGHT[kind] > WEIGHT.get(instants.get(event.time, ""), 0):
            instants[event.time] = kind
    times = sorted(instants)
    last = max(1, len(times) - 1)
    stops = tuple(
        Stop(time.isoformat(), reader.stamp(time), instants[time], round(1000 * place / last, 1))
        for place, time in enumerate(times)
    )
    reached = [place for place, time in enumerate(times) if as_of is None or time <= as_of]
    return Slider(stops, max(reached, default=0))
