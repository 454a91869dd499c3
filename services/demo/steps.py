"""The actions of a month enter, in order of time; the steps in which they are played leave. Pure.

The desk's clock stands still within a step, at the time of its first action, so no action happens late by the clock and
no promise is over when it is made. After some steps the player waits until every consumer has digested the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from services.demo.actions import Action

TICK = timedelta(minutes=5)  # the longest time that a step stands for
SETTLE = timedelta(hours=1)  # of the desk's time between two waits for the consumers


@dataclass(frozen=True, slots=True)
class Step:
    now: datetime
    actions: tuple[Action, ...]
    settles: bool
    """Whether everything must be digested before the clock goes on."""

    @property
    def threads(self) -> list[list[Action]]:
        """The actions of each ticket in their order. What belongs to different tickets may be sent side by side."""
        ordered = sorted(self.actions, key=_thread)  # stable, so a ticket's order stays
        return [list(actions) for _, actions in groupby(ordered, _thread)]


def _thread(action: Action) -> str:
    """Clients and people belong to no ticket and do not wait for each other."""
    return action.thread or action.key


def steps(actions: Iterable[Action], tick: timedelta = TICK, settle: timedelta = SETTLE) -> Iterator[Step]:
    """Steps of at most `tick`; one settles where the next one is in another `settle` of time, as does the last."""
    held: list[Action] = []
    settled_until: datetime | None = None
    for action in actions:
        if held and action.at - held[0].at >= tick:
            settled_until = settled_until or held[0].at + settle
            settles = action.at >= settled_until
            yield Step(held[0].at, tuple(held), settles)
            settled_until = action.at + settle if settles else settled_until
            held = []
        held.append(action)
    if held:
        yield Step(held[0].at, tuple(held), settles=True)
