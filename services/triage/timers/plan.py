"""(a ticket's history, what is in force, now) -> what is to be recorded and when to look again. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID, uuid5

from contracts.envelope import Origin, Recorded
from contracts.model import Event
from contracts.tickets import CheckpointKept
from services.kit.configuration import Books
from services.kit.log.append import NewEvent
from services.kit.rules.clock_cycle import Kind
from services.kit.rules.clock_facts import Fact, coming, facts
from services.kit.rules.clock_rules import RULES
from services.kit.rules.clocks import Clocks, clocks
from services.kit.rules.open_time import instant, us

ACTOR: Final = "system:triage"
OWN: Final = frozenset(
    {"sla.warned", "sla.breached", "sla.met", "sla.escalated", "ticket.checkpoint_kept", "ticket.checkpoint_missed"}
)
"""What timers record themselves: no threshold comes earlier by it."""

HEARD: Final = frozenset(RULES)
"""Events that clocks know."""

MOVING: Final = HEARD - OWN
"""Events by which a threshold may come earlier."""


class Story(NamedTuple):
    """A ticket as far as clocks go by it, and where its stream stands."""

    client: str
    version: int
    last_at: datetime
    events: Sequence[Recorded[Event]]


class Plan(NamedTuple):
    """What one look at a ticket comes to."""

    facts: Sequence[Fact]
    """To be recorded now, in the order in which they came true."""
    due: datetime | None
    """When to look again; None where nothing can come true before something happens."""
    ended: bool
    """Nothing at all can come true unless the ticket is opened again."""
    state: Clocks


def plan(story: Story, books: Books, now: int) -> Plan:
    """What came true until `now` and is not in the log, and the earliest of what comes after.

    The whole history counts, even what happened after `now` (clocks of machines go back): what it undoes never fires.
    """
    state = clocks(story.events, books.policies, books.calendars, instant(max(now, us(story.last_at))))
    pending = facts(state)
    true = [fact for fact in pending if fact.true_at <= now]
    later = pending[len(true) :]
    due = later[0].true_at if later else _next(state, books)
    return Plan(true, None if due is None else instant(due), due is None and _ended(state), state)


def _next(state: Clocks, books: Books) -> int | None:
    """The next threshold, or the next policy or calendar for running clocks where one is known that comes first."""
    if _silent(state):
        return None
    due = coming(state)
    if any(cycle.kind is Kind.RUN for cycle in (state.open or {}).values()):
        changes = sorted({*books.policies.changes(), *books.calendars.changes()})
        place = bisect_right(changes, state.now)
        if place < len(changes):
            due = changes[place] if due is None else min(due, changes[place])
    return due


def _silent(state: Clocks) -> bool:
    return state.merged or state.excluded is not None or state.facts_from is None


def _ended(state: Clocks) -> bool:
    return _silent(state) or all(cycle.kind is Kind.RESOLVED for cycle in (state.open or {}).values())


def new_events(ticket: UUID, story: Story, found: Plan, *, log_time: bool) -> list[NewEvent]:
    """The facts as events. Where the log tells the time they happen when they came true, else when they are recorded.

    A fact has one id for ever, so that a run that was killed and taken up again writes the very same events.
    """
    by_id = {cycle.id: cycle for cycle in found.state.cycles}
    origin = Origin.LIVE if found.state.origin == Origin.IMPORT else Origin(found.state.origin)
    last = us(story.last_at)
    news = []
    for version, fact in enumerate(found.facts, story.version + 1):
        last = max(last, fact.true_at)
        cause = fact.event.kept_by if isinstance(fact.event, CheckpointKept) else by_id[fact.cycle].cause
        news.append(
            NewEvent(
                id=uuid5(ticket, f"{fact.cycle}:{fact.key}"),
                stream=ticket,
                version=version,
                data=fact.event,
                actor=ACTOR,
                causation=str(cause),
                origin=origin,
                occurred_at=instant(last) if log_time else None,
            )
        )
    return news
