"""The actions of a month enter, in order of time; the steps in which they are played leave. Pure.

Every action brings its own time to the desk. Between two steps the player waits until every consumer has digested the
log, and then moves the desk's clock: so what waits for a time never sees it before what happened earlier.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from contracts.calendars import PutCalendar
from contracts.policies import PutPolicy
from services.demo.actions import Action, IncidentStep

STEP = timedelta(hours=6)  # of the desk's time: the most that its clock goes on at once


@dataclass(frozen=True, slots=True)
class Step:
    """`now` is the time of its first action; the clock stands just before it while it is played."""

    now: datetime
    actions: tuple[Action, ...]

    @property
    def threads(self) -> list[list[Action]]:
        """The actions of each ticket in their order. What belongs to different tickets may be sent side by side."""
        ordered = sorted(self.actions, key=_thread)  # stable, so a ticket's order stays
        found = [list(actions) for _, actions in groupby(ordered, _thread)]
        return sorted(found, key=lambda actions: actions[0].at)


def steps(actions: Iterable[Action], longest: timedelta = STEP) -> Iterator[Step]:
    """Steps of less than `longest` each, in order; none without an action. Clients and people have one of their own,
    and so have what was promised to them, and what is done with an incident: the radar has digested all before it."""
    held: list[Action] = []
    for action in actions:
        if held and (_is_over(held, action.at, longest) or _stage(action) != _stage(held[0])):
            yield Step(held[0].at, tuple(held))
            held = []
        held.append(action)
    if held:
        yield Step(held[0].at, tuple(held))


def _is_over(held: list[Action], at: datetime, longest: timedelta) -> bool:
    """What happens at one instant stays together: the clock stands just before a step while timers do their work."""
    return at - held[0].at >= longest and at > held[-1].at


def _stage(action: Action) -> int:
    """Clients and people come first, then what was promised to them, then tickets and what hit several of them."""
    if isinstance(action.command, IncidentStep):
        return 3
    return 1 if isinstance(action.command, PutCalendar | PutPolicy) else 2 if action.thread else 0


def _thread(action: Action) -> str:
    """Clients and people belong to no ticket and do not wait for each other; a policy waits for its calendars."""
    return action.thread or (action.client if _stage(action) == 1 else action.key)
