"""A year of twenty clients, played into a real log with the timers of triage, whole or with replicas that die.

`python -m tests.integration.timers_year [TICKETS]` plays it at full length, twice, and says whether the facts agree.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
import types
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Generator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

import asyncpg

from contracts import tickets as tell
from contracts.model import Event
from contracts.subjects import lane_of_client, stamp_lane
from contracts.terms import CauseClass, Channel, CloseReason, Priority, PromisedBy, Status
from services.kit.log.append import Append, NewEvent, NotAppended, append_in
from services.kit.migrate import migrations, provision_database
from services.kit.postgres import connect_pool
from services.kit.settings import Settings, with_database
from tests.integration.timers_desk import OFFICE, TimersDesk, timers_desk
from tests.sealing import sealed

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 365
CLIENTS = 20
PERSON, AGENT = UUID(int=1), "agent:00000000-0000-0000-0000-000000000002"
ZONES = ("Europe/Zurich", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Santiago")
FACTS = """
SELECT lane, position, stream, version, id, type, causation, occurred_at, payload FROM log.events
WHERE type LIKE 'sla.%' OR type IN ('ticket.checkpoint_kept', 'ticket.checkpoint_missed') ORDER BY lane, position
"""
TARGETS: dict[str, Any] = {
    "first_reply": "4h",
    "next_reply": "8h",
    "update": "16h",
    "agent_work": "20h",
    "resolution": {"seconds": "40h", "escalations": ({"at": 0.8, "action": "notify", "to": "lead"},)},
}


class KilledError(Exception):
    """The process is gone from one moment to the next."""


@types.coroutine
def until_killed(work: Coroutine[Any, Any, Any], steps: int, pool: asyncpg.Pool[Any]) -> Generator[Any, Any, bool]:
    """Runs a coroutine up to its nth await and cuts its connections there, whatever is under way on them. Answers
    whether it came to its end before."""
    for _ in range(steps):
        try:
            awaited = work.send(None)
        except StopIteration:
            return True
        yield awaited
    pool.terminate()
    with suppress(KilledError, asyncpg.InterfaceError, asyncpg.PostgresError, ConnectionError, StopIteration):
        work.throw(KilledError())
    work.close()
    return False


class Act(NamedTuple):
    """Something that intake appends to one ticket."""

    at: datetime
    client: str
    ticket: UUID
    event: Event


def life(chance: random.Random, client: str, ticket: UUID, begins: datetime) -> Iterator[Act]:
    """A ticket from its submission to some end: late and early answers, pauses, new priorities, a second opening."""
    now = begins

    def act(event: Event, hours: float = 0.0) -> Act:
        nonlocal now
        now += timedelta(seconds=int(hours * 3600))
        return Act(now, client, ticket, event)

    def promise(hours: int) -> tell.CheckpointPromised:
        return tell.CheckpointPromised(due_at=now + timedelta(hours=hours), by=PromisedBy.POLICY)

    yield act(tell.TicketSubmitted(prefix="Y", requester=PERSON, subject="s", body="b", channel=Channel.WEB))
    yield act(promise(8))
    yield act(tell.PrioritySet(priority=chance.choice(list(Priority))), 0.1)
    for _ in range(chance.randrange(1, 4)):
        yield act(tell.ReplySent(body="we look"), chance.expovariate(1 / 9))
        yield act(promise(24))
        if chance.random() < 0.5:
            yield act(tell.StatusChanged(status=Status.WAITING_FOR_CUSTOMER))
            yield act(tell.MessageReceived(author=PERSON, body="so", channel=Channel.WEB), chance.expovariate(1 / 30))
            yield act(tell.StatusChanged(status=Status.OPEN))
    if chance.random() < 0.1:
        yield act(tell.TicketMerged(into=UUID(int=5)), 1)
        return
    yield act(tell.TicketResolved(cause=CauseClass.UNKNOWN), chance.expovariate(1 / 20))
    if chance.random() < 0.2:
        yield act(tell.TicketReopened(), chance.expovariate(1 / 60))
        yield act(promise(8))
        yield act(tell.TicketResolved(cause=CauseClass.UNKNOWN), chance.expovariate(1 / 20))
    elif chance.random() < 0.1:
        yield act(tell.TicketClosed(reason=CloseReason.SPAM), 1)


def year(seed: int, tickets: int) -> list[Act]:
    """Every act of the year, in order of time; ids are the same in every play."""
    chance, found = random.Random(seed), []
    for number in range(tickets):
        client = f"year-{number % CLIENTS}"
        ticket = stamp_lane(uuid5(NAMESPACE_URL, f"{seed}:{number}"), lane_of_client(client))
        begins = START + timedelta(seconds=chance.randrange(DAYS * 86_400))
        found += [act for act in life(chance, client, ticket, begins) if act.at < START + timedelta(days=DAYS)]
    return sorted(found, key=lambda act: act.at)


async def play(
    desk: TimersDesk, settings: Settings, acts: Sequence[Act], step: timedelta, deaths: random.Random | None
) -> int:
    """Plays the year; with `deaths` a replica of triage dies now and then, at any await. Returns how often."""
    await _begin(desk)
    died = 0
    for _, group in groupby(acts, key=lambda act: (act.at - START) // step):
        some = list(group)
        if deaths is not None and deaths.random() < 0.12:
            died += await _die(desk, settings, some[0].at, deaths.randrange(60))
        await desk.at(some[0].at - timedelta(microseconds=1))
        await _append(desk, some)
    await desk.at(START + timedelta(days=DAYS))
    return died


async def _begin(desk: TimersDesk) -> None:
    """Five zones, and a stricter policy for open tickets in the middle of the year."""
    for number in range(CLIENTS):
        slug, zone = f"year-{number}", ZONES[number % len(ZONES)]
        await desk.terms(slug, TARGETS, OFFICE, zone=zone, at=START)
        strict = {**TARGETS, "first_reply": "2h", "resolution": "24h"}
        middle = START + timedelta(days=182)
        await desk.terms(slug, strict, OFFICE, zone=zone, at=START, holds_from=middle, apply_to_open=True)


async def _die(desk: TimersDesk, settings: Settings, now: datetime, steps: int) -> bool:
    """A replica takes over, works, and is gone in the middle; the next one knows nothing of it."""
    survivor, desk.triage = desk.triage, await connect_pool(settings, "triage", size=2)
    await desk.restart()
    ended: bool = await until_killed(desk.at(now - timedelta(microseconds=1)), steps, desk.triage)
    desk.triage.terminate()
    desk.triage = survivor
    await desk.restart()
    return not ended


async def _append(desk: TimersDesk, acts: Sequence[Act]) -> None:
    """As intake would, every ticket's news in one append."""
    rows = await desk.intake.fetch(
        "SELECT stream, max(version) AS version FROM log.events WHERE stream = ANY ($1) GROUP BY stream",
        list({act.ticket for act in acts}),
    )
    versions: Counter[UUID] = Counter({row["stream"]: row["version"] for row in rows})
    appends: dict[UUID, Append] = {}
    for act in acts:
        versions[act.ticket] += 1
        new = NewEvent(
            id=uuid5(act.ticket, f"{act.at} {act.event.type}"),
            stream=act.ticket,
            version=versions[act.ticket],
            data=act.event,
            actor=AGENT if not isinstance(act.event, tell.TicketSubmitted | tell.MessageReceived) else "requester:1",
            seal=sealed,
            occurred_at=act.at,
        )
        known = appends.setdefault(act.ticket, Append(act.client, []))
        appends[act.ticket] = Append(act.client, [*known.events, new])
    for result in await append_in(desk.intake, list(appends.values())):  # type: ignore[arg-type]
        assert not isinstance(result, NotAppended), result


async def facts_of(desk: TimersDesk) -> list[tuple[Any, ...]]:
    """Every fact of the timers, byte for byte."""
    return [tuple(row) for row in await desk.intake.fetch(FACTS)]


@asynccontextmanager
async def twin_of(settings: Settings, template: str = "") -> AsyncIterator[Settings]:
    """Another database beside that of the settings: a copy of a template, or provisioned from nothing."""
    admin = await asyncpg.connect(settings.admin_dsn())
    name = f"twin_{time.monotonic_ns()}"
    copied = f"OWNER daybook_owner TEMPLATE {template} STRATEGY wal_log" if template else ""
    await admin.execute(f"CREATE DATABASE {name} {copied}")
    twin = Settings.model_validate({**settings.model_dump(), "database_url": with_database(settings.admin_dsn(), name)})
    try:
        if not template:
            await provision_database(twin, migrations())
        yield twin
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[TimersDesk]:
    intake, triage = await connect_pool(settings, "intake", size=3), await connect_pool(settings, "triage", size=3)
    try:
        yield await timers_desk(intake, triage, settings)
    finally:
        await asyncio.gather(intake.close(), triage.close())


async def main(tickets: int) -> None:
    from tests.bench.servers import servers

    acts, step = year(1, tickets), timedelta(hours=6)
    async with servers() as settings, twin_of(settings) as other, opened(settings) as whole, opened(other) as torn:
        started = time.monotonic()
        await play(whole, settings, acts, step, None)
        seconds = time.monotonic() - started
        died = await play(torn, other, acts, step, random.Random(2))
        found, again = await facts_of(whole), await facts_of(torn)
    print(f"{CLIENTS} clients, {tickets:,} tickets, {len(acts):,} events: a year in {seconds:.0f} s")
    print(f"{len(found):,} facts; with {died} deaths the same to the byte: {'yes' if found == again else 'NO'}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000))
