"""`python -m tests.bench.clocks`: the pure part of G11, one process: due-time questions, and whole folds of tickets."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import process_time
from timeit import timeit
from uuid import UUID

from contracts import tickets as tell
from contracts.envelope import Recorded
from contracts.model import DESK, Event
from contracts.terms import Channel, Priority, PromisedBy, Status
from services.cli.clients import read
from services.cli.terms import Terms, explained, shipped
from services.kit.rules.clocks import clocks
from services.kit.rules.open_time import SECOND, instant, us
from services.kit.rules.policies import Calendars, Policies
from tests.bench.table import Row

RUNS = 7
TICKETS = 500
START = datetime(2026, 3, 2, tzinfo=UTC)
PERSON, AGENT = UUID(int=1), UUID(int=2)


def ticket(chance: random.Random) -> list[Recorded[Event]]:
    """A usual life: triage's facts, some exchanges with pauses and promises, notes, the solution, the end."""
    now = START + timedelta(minutes=chance.randrange(60 * 24 * 180))
    found: list[Recorded[Event]] = []

    def add(event: Event, by: str = f"agent:{AGENT}", minutes: int = 0) -> None:
        nonlocal now
        now += timedelta(minutes=minutes)
        number = len(found) + 1
        found.append(
            Recorded(
                lane=0, position=number, client="acme", sequence=number, number=None, stream=UUID(int=9),
                version=number, id=UUID(int=number), type=event.type, schema_version=1, actor=by, causation=None,
                origin="live", occurred_at=now, recorded_at=now, trace=None, data=event,
            )
        )  # fmt: skip

    def promise() -> None:
        add(tell.CheckpointPromised(due_at=now + timedelta(hours=4), by=PromisedBy.POLICY))

    words, web = "…", Channel.WEB
    add(
        tell.TicketSubmitted(prefix="A", requester=PERSON, subject=words, body=words, channel=web),
        f"requester:{PERSON}",
    )
    promise()
    add(tell.TicketClassified(category="mail", confidence=0.9, rule_version="1"), "system:triage")
    add(tell.PrioritySet(priority=chance.choice(list(Priority))), "system:triage")
    add(tell.TicketAssigned(agent=AGENT), minutes=20)
    for _ in range(chance.randrange(1, 4)):
        add(tell.ReplySent(body=words), minutes=chance.randrange(300))
        add(tell.StatusChanged(status=Status.WAITING_FOR_CUSTOMER))
        promise()
        add(tell.MessageReceived(author=PERSON, body=words, channel=web), f"requester:{PERSON}", chance.randrange(2000))
        add(tell.StatusChanged(status=Status.OPEN))
        promise()
        add(tell.NoteAdded(body=words), minutes=10)
    add(tell.ReplySent(body=words), minutes=60)
    add(tell.TicketResolved())
    add(tell.TicketClosed(), minutes=60 * 24 * 8)
    return found


def measured(question: Callable[[], object], count: int, number: int = 1) -> float:
    """The median's answers a second of this process's time: what else the machine does is no part of it."""
    question()
    return count * number / median(timeit(question, number=number, timer=process_time) for _ in range(RUNS))


def row() -> Row:
    """Both figures on the set of terms `operations`, which has two calendars and escalations."""
    terms = Terms.model_validate(read(shipped(Path("operations"))).desk)
    _, told = explained(DESK, terms, (), START - timedelta(days=1))
    policies, calendars = Policies.of((), told), Calendars.of((), told)
    lives = [ticket(random.Random(seed)) for seed in range(TICKETS)]
    end = START + timedelta(days=365)
    events = sum(map(len, lives))
    folds = measured(lambda: [clocks(life, policies, calendars, end) for life in lives], events)
    hours = calendars.at("default", us(START))
    micros = 1e6 / measured(lambda: instant(hours.due(us(START), 28_800 * SECOND)), 1, 20_000)
    return Row(
        figure="G11, pure",
        what=f"clocks of {TICKETS} tickets ({events:,} events) folded from nothing; a due-time question",
        measured=f"{folds:,.0f} events/s; {micros:.1f} us",
        goal=">= 30,000 events/s; <= 3 us",
        reached=folds >= 30_000 and micros <= 3,
        values={"events_per_second": folds, "due_us": micros},
    )


if __name__ == "__main__":
    measured_row = row()
    print(f"{measured_row.what}: {measured_row.measured} (goal {measured_row.goal})")
