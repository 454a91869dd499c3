"""The actions of a month enter, in order of time; the steps in which they are played leave. Pure.

Every action brings its own time to the desk. Between two steps the player waits until every consumer has digested the
log, and then moves the desk's clock: so what waits for a time never sees it before what happened earlier.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from services.demo.actions import Action

STEP = timedelta(hours=6)  # of the desk's time: the most that its clock goes on at once


@dataclass(frozen=True, slots=True)
class Step:
    """`now` is where the clock stands while it is played: the time of its first action."""

    now: datetime
    actions: tuple[Action, ...]

    @property
    def threads(self) -> list[list[Action]]:
        """The actions of each ticket in their order. What belongs to different tickets may be sent side by side."""
        ordered = sorted(self.actions, key=_thread)  # stable, so a ticket's order stays
        found = [list(actions) for _, actions in groupby(ordered, _thread)]
        return sorted(found, key=lambda actions: actions[0].at)


def steps(actions: Iterable[Action], longest: timedelta = STEP) -> Iterator[Step]:
    """Steps of less than `longest` each, in order; none without an action. Clients and people have one of their own."""
    held: list[Action] = []
    for action in actions:
        if held and (action.at - held[0].at >= longest or bool(action.thread) != bool(held[0].thread)):
            yield Step(held[0].at, tuple(held))
            held = []
        held.append(action)
    if held:
        yield Step(held[0].at, tuple(held))


def _thread(action: Action) -> str:
    """Clients and people belong to no ticket and do not wait for each other."""
    return action.thread or action.key
