"""(history, policies, calendars, now) -> every cycle of every clock of a ticket, by slas.md. Pure.

The history is the ticket's stream in its order. Nothing else is remembered: any past instant, other policy or other
calendar gives its own answer. Configuration comes as books (`policies`), so that each cycle follows what was in force
when it began. What a timer has still to record is in `clock_facts`, what a person reads in `clock_words`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from contracts.envelope import Recorded
from contracts.model import Event
from contracts.sla import Metric
from contracts.terms import CloseReason, Status
from services.kit.rules.clock_cycle import Cycle, End, Kind
from services.kit.rules.clock_rules import RULES
from services.kit.rules.open_time import NEVER, us
from services.kit.rules.policies import Aim, Calendars, Keys, Policies, PolicyVersion

AFTER_CUSTOMER: Final = frozenset({Metric.RESOLUTION, Metric.AGENT_WORK, Metric.UPDATE})
"""What pauses while the customer holds the ball."""


class RunsBackwards(ValueError):
    """A history in which an event happened before the one before it: the log never holds one."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """Every cycle, the oldest first, as of `now`. What is merged or excluded fires and counts nothing."""

    cycles: tuple[Cycle, ...]
    now: int
    merged: bool = False
    excluded: CloseReason | None = None
    origin: str = "live"
    facts_from: int | None = 0
    """From when on facts are recorded; None for an imported ticket that nobody adopted."""
    open: Mapping[Metric, Cycle] | None = None
    """The cycles that go on, or would if the ticket were opened again within the window."""


def clocks(history: Iterable[Recorded[Event]], policies: Policies, calendars: Calendars, now: datetime) -> Clocks:
    """The clocks of one ticket as they stand at `now`, by the events that happened until then.

    Raises RunsBackwards for a history out of order, and NoCalendar where a policy names a calendar that is not set.
    """
    until = us(now)
    fold = Fold(policies, calendars)
    for event in history:
        at = us(event.occurred_at)
        if at > until:
            break
        fold.take(event, at)
    return fold.result(until)


class Fold:
    """The clocks of one ticket after some of its events."""

    def __init__(self, policies: Policies, calendars: Calendars) -> None:
        self._policies, self._calendars = policies, calendars
        self._changes = sorted({*policies.changes(), *calendars.changes()})
        self.cycles: list[Cycle] = []
        self.by_id: dict[str, Cycle] = {}
        self.counts: dict[Metric, int] = {}
        self.open: dict[Metric, Cycle] = {}
        self.keys = Keys("")
        self.last = -NEVER
        self.status = Status.NEW
        self.ended_at: int | None = None
        self.slept_through: int | None = None
        """The newest configuration for running clocks that came while the ticket was resolved."""
        self.asked: UUID | None = None
        """A message of the requester that came while the ticket was resolved."""
        self.born: UUID | None = None
        self.messages: dict[UUID, int] = {}
        """The requester's messages that nobody has answered yet, and when they came."""
        self.elsewhere: dict[UUID, int] = {}
        """The same of those that went on as a ticket of their own."""
        self.unasked = False
        """Whether what asked for a first reply went on as a ticket of its own."""
        self.pins: dict[Metric, int] = {}
        self.merged = False
        self.by_phone = self.answered = False
        self.excluded: CloseReason | None = None
        self.origin = "live"
        self.facts_from: int | None = 0

    def take(self, event: Recorded[Event], at: int) -> None:
        """One more event. Raises RunsBackwards."""
        if at < self.last:
            raise RunsBackwards(
                f"event {event.id} (version {event.version}, {event.type}) happened before the event before it: "
                "order the history by version and mend its times"
            )
        self.last = at
        rule = RULES.get(event.type)
        if rule is None:
            return
        if self._changes and self._changes[0] <= at:
            self.reconfigure(at)
        rule(self, event, at, event.data)

    def result(self, until: int) -> Clocks:
        """What stands at an instant: what is due at that very instant is due."""
        if self._changes and self._changes[0] <= until:
            self.reconfigure(until)
        for cycle in self.open.values():
            if cycle.kind is Kind.RESOLVED and cycle.provisional_until <= until:
                cycle.finish(cycle.part_from, cycle.part_cause, End.FULFILLED)
            else:
                cycle.advance(until + 1)
        going_on = {metric: cycle for metric, cycle in self.open.items() if cycle.end is None}
        return Clocks(tuple(self.cycles), until, self.merged, self.excluded, self.origin, self.facts_from, going_on)

    def start(self, metric: Metric, at: int, cause: UUID) -> Cycle:
        """A new cycle, by the policy and calendar in force, paused where the ball is elsewhere."""
        version = self._policies.at(at)
        aim = self._policies.aim(version, self._keys(at), metric, self._calendars, at)
        return self.begin(metric, at, cause, version, aim)

    def begin(self, metric: Metric, at: int, cause: UUID, version: PolicyVersion | None, aim: Aim) -> Cycle:
        number = self.counts[metric] = self.counts.get(metric, 0) + 1
        cycle = Cycle(metric, number, at, cause, version, aim)
        self.cycles.append(cycle)
        self.by_id[cycle.id] = cycle
        self.open[metric] = cycle
        if self.pauses(cycle):
            cycle.pause(at, cause)
        if metric in self.pins:
            cycle.pin_to(at, cause, self.pins.pop(metric))
        return cycle

    def go_on(self, cycle: Cycle, at: int, cause: UUID) -> None:
        """A cancelled cycle runs again, by what the ticket has become meanwhile."""
        self.open[cycle.metric] = cycle
        cycle.go_on(at, cause)
        self._aim_anew(at, cause, None)

    def finish(self, metric: Metric, at: int, cause: UUID, end: End = End.FULFILLED) -> None:
        cycle = self.open.pop(metric, None)
        if cycle is not None:
            cycle.finish(max(at, cycle.part_from), cause, end)

    def pauses(self, cycle: Cycle) -> bool:
        """Whether the ticket's status pauses a clock."""
        if self.status is Status.WAITING_FOR_CUSTOMER:
            return cycle.metric in AFTER_CUSTOMER
        if self.status is Status.WAITING_FOR_SUPPLIER:
            too = cycle.policy is not None and cycle.policy.policy.supplier_pauses_resolution
            return cycle.metric is Metric.AGENT_WORK or (too and cycle.metric is Metric.RESOLUTION)
        return False

    def turn(self, at: int, cause: UUID) -> None:
        """Pauses and resumes what the status says."""
        for cycle in self.open.values():
            paused = self.pauses(cycle)
            if paused and cycle.kind is not Kind.PAUSE:
                cycle.pause(at, cause)
            elif not paused and cycle.kind is not Kind.RUN:
                cycle.resume(at, cause)

    def retarget(self, at: int, cause: UUID, keys: Keys) -> None:
        """Another service, category or priority: running clocks aim anew by the policy version they began with."""
        if keys != self.keys:
            self.keys = keys
            if self.ended_at is None:
                self._aim_anew(at, cause, None)

    def reconfigure(self, until: int) -> None:
        """Running clocks take up the versions that say so, each at its own instant."""
        while self._changes and self._changes[0] <= until:
            at = self._changes.pop(0)
            if self.ended_at is None:
                self._aim_anew(at, None, at)
            else:
                self.slept_through = at

    def adopt(self, at: int, cause: UUID) -> None:
        """Clocks that began when no policy was in force yet go by the one in force now, from their original start."""
        version = self._policies.at(at)
        if version is None or self.ended_at is not None:
            return
        for metric, cycle in self.open.items():
            if metric is not Metric.PROMISE and cycle.policy is None:
                aim = self._policies.aim(version, self._keys(at), metric, self._calendars, at)
                cycle.retarget(at, cause, version, aim)
                cycle.held = at

    def wake(self, at: int, cause: UUID) -> None:
        """Clocks that go on after a resolution take up what changed meanwhile."""
        self._aim_anew(at, cause, self.slept_through)
        self.slept_through = None

    def _aim_anew(self, at: int, cause: UUID | None, configured: int | None) -> None:
        for metric, cycle in self.open.items():
            if metric is Metric.PROMISE:
                continue
            held = cycle.held if configured is None else configured
            version = cycle.policy if configured is None else self._policies.at(configured)
            aim = self._policies.aim(version, self._keys(cycle.started), metric, self._calendars, held)
            if aim is not cycle.aim:
                cycle.retarget(at, cause, version, aim)
            cycle.held = held

    def _keys(self, at: int) -> Keys:
        tier = self._policies.tier_at(at)
        return self.keys if tier == self.keys.tier else self.keys._replace(tier=tier)
