"""Clocks -> the facts that are true and not recorded yet, and when to look again. Pure.

What fires, fires with the instant at which it became true, however late it is recorded (slas.md, rules 14 and 17). A
timer folds, appends these facts under the version check, and sleeps until `wake_at`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts import sla, tickets
from contracts.model import Event
from contracts.sla import Metric
from services.kit.rules.clock_cycle import Cycle, End, Firing, Kind
from services.kit.rules.clocks import Clocks
from services.kit.rules.open_time import NEVER, SECOND, instant


@dataclass(frozen=True, slots=True)
class Fact:
    """Something to record: the cycle, the key of its threshold, when it became true, and the event that says so."""

    cycle: str
    key: str
    true_at: int
    event: Event


def facts(state: Clocks) -> list[Fact]:
    """What is true by now and not in the log, in the order in which it became true."""
    if state.merged or state.excluded is not None or state.facts_from is None:
        return []
    since = state.facts_from
    found = [fact for cycle in state.cycles for fact in _of_cycle(cycle) if fact.true_at >= since]
    return sorted(found, key=lambda fact: fact.true_at)


def wake_at(state: Clocks) -> datetime | None:
    """The earliest coming threshold of the ticket; `now` where one has passed; None where it is parked."""
    if state.merged or state.excluded is not None or state.facts_from is None:
        return None
    if facts(state):
        return instant(state.now)
    next_at = coming(state)
    return None if next_at is None else instant(next_at)


def coming(state: Clocks) -> int | None:
    """The earliest threshold of the cycles that go on, in microseconds: what has not come true yet."""
    earliest = NEVER
    for cycle in (state.open or {}).values():
        if cycle.kind is Kind.RUN:
            earliest = min(earliest, cycle.next_at)
        elif cycle.kind is Kind.RESOLVED and cycle.aim.length is not None and not cycle.breached:
            earliest = min(earliest, cycle.provisional_until)
    return None if earliest >= NEVER else earliest


def _of_cycle(cycle: Cycle) -> list[Fact]:
    over = cycle.end is not None or cycle.kind is Kind.RESOLVED
    found = [
        Fact(cycle.id, firing.threshold.key, firing.at, _event(cycle, firing))
        for firing in cycle.firings
        if firing.threshold.key not in cycle.recorded and not (over and firing.threshold.escalation is not None)
    ]
    if cycle.end is End.FULFILLED and "met" not in cycle.recorded and not cycle.breached:
        met = _met(cycle)
        if met is not None:
            found.append(Fact(cycle.id, "met", cycle.part_from, met))
    return found


def _event(cycle: Cycle, firing: Firing) -> Event:
    if cycle.metric is Metric.PROMISE:
        return tickets.CheckpointMissed(due_at=instant(firing.due))
    said: dict[str, Any] = {
        "metric": cycle.metric,
        "cycle": cycle.id,
        "true_at": instant(firing.at),
        "due_at": instant(firing.due),
        "policy_version": cycle.aim.policy,
    }
    step = firing.threshold.escalation
    if step is not None:
        number = int(firing.threshold.key.partition(":")[2])
        return sla.SlaEscalated(**said, step=number, action=step.action, to=step.to)
    if firing.threshold.fraction is not None:
        return sla.SlaWarned(**said, fraction=firing.threshold.fraction)
    return sla.SlaBreached(**said, by_change=firing.by_change)


def _met(cycle: Cycle) -> Event | None:
    """Kept in time. A clock that was only measured meets nothing."""
    due = cycle.due()
    if due is None:
        return None
    if cycle.metric is Metric.PROMISE:
        return tickets.CheckpointKept(due_at=instant(due), kept_by=cycle.marks[-1].cause or cycle.cause)
    return sla.SlaMet(
        metric=cycle.metric,
        cycle=cycle.id,
        true_at=instant(cycle.part_from),
        due_at=instant(due),
        policy_version=cycle.aim.policy,
        consumed_seconds=cycle.consumed // SECOND,
    )
