"""G11, the timers as processes run them: lateness at a steady rate with very many rows pending, a second in which very
many are due, and how many pauses and later deadlines write nothing. `python -m tests.bench.timers [--full]` alone."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import uvloop
from rich.console import Console
from uuid_utils.compat import uuid7

from contracts import tickets as tell
from contracts.catalogue import encode
from contracts.model import DESK, Event, Seal
from contracts.policies import PolicySet
from contracts.subjects import client_stream, lane_of, stamp_lane
from contracts.terms import Channel, PromisedBy, Status
from services.cli.terms import Terms, explained
from services.kit.bus.provision import provision_bus
from services.kit.cursor import lags
from services.kit.log.append import Append, NewEvent, append_in
from services.kit.personal import Vault
from services.kit.postgres import Pool, connect_pool, queries
from services.kit.settings import Settings
from tests.bench.append import person_of
from tests.bench.desk import TICKS, cpu_of
from tests.bench.servers import servers
from tests.bench.services import serving
from tests.bench.story import BODY
from tests.bench.table import Row, show

CLIENTS = 64
RATE = 500  # fires a second
CALL = 250  # tickets of one append
ROWS = 20_000  # tickets of one statement
AGENT = "agent:00000000-0000-0000-0000-000000000002"
LEAD_SECONDS = 15.0  # from a written ticket to the first that is due: the services start meanwhile
SLOWEST = 1_500  # tickets a second that are written here at least
LATE_MS, DRAIN_SECONDS, DRAIN_TICKETS, QUIET_SHARE = 250, 60.0, 100_000, 0.9

SQL = queries("tests/bench/sql/timers.sql")

TERMS = {
    "calendars": [
        {
            "name": "default",
            "zone": "Europe/Zurich",
            "hours": {day: ["08:00-12:00", "13:00-17:30"] for day in ("mon", "tue", "wed", "thu", "fri")},
        }
    ],
    "policy": {
        "name": "bench",
        "rows": [
            {"targets": dict.fromkeys(("first_reply", "next_reply", "update", "resolution", "agent_work"), "800h")},
            {"priority": "P1", "targets": {"first_reply": "400h", "resolution": "600h"}},
        ],
    },
}
"""Targets that are far away: of these tickets only promises come true."""
AGE = timedelta(days=22)  # of tickets when the bench begins: nobody in triage reads such old ones but the timers


@dataclass
class Ground:
    """A database with terms, people who ask, and the pools to write with."""

    settings: Settings
    intake: Pool
    admin: asyncpg.Connection[asyncpg.Record]
    people: Sequence[tuple[str, UUID, Seal]]

    async def write(self, dues: Sequence[datetime]) -> list[UUID]:
        """Tickets of four events, each with a promise that nobody keeps, and their wake-ups as triage notes them."""
        clients = [client for client, _, _ in self.people]
        tickets = [stamp_lane(uuid7(), lane_of(client_stream(clients[nth % CLIENTS]))) for nth in range(len(dues))]
        given = [(ticket, clients[nth % CLIENTS], dues[nth]) for nth, ticket in enumerate(tickets)]
        payloads = [row for person in self.people for row in _payloads(*person)]
        written = datetime.now(UTC) - AGE
        for first in range(0, len(given), ROWS):
            some = given[first : first + ROWS]
            await self.admin.execute(SQL["tickets"], *zip(*some, strict=True), *zip(*payloads, strict=True), written)
        await self.admin.execute("ANALYZE log.events")
        return tickets

    async def told(self, tickets: Sequence[UUID], *events: Event) -> None:
        """The same events on each of these tickets, after all that it has."""
        found = await self.admin.fetch(SQL["versions"], tickets)
        versions = {row["stream"]: row["version"] for row in found}
        for first in range(0, len(tickets), CALL):
            appends = []
            for nth, ticket in enumerate(tickets[first : first + CALL], first):
                client, _, seal = self.people[nth % CLIENTS]
                appends.append(Append(client, _events(ticket, events, seal, None, versions[ticket])))
            await append_in(self.intake, appends)  # type: ignore[arg-type]

    async def skip(self) -> None:
        """Triage has digested everything so far."""
        await self.admin.execute(SQL["skip"])

    async def digested(self) -> None:
        while sum((await lags(self.intake)).get("triage", {0: 1}).values()):
            await asyncio.sleep(0.1)


def _born(person: UUID, due: datetime) -> tuple[Event, ...]:
    return (
        tell.TicketSubmitted(prefix="B", requester=person, subject="Printer", body=BODY, channel=Channel.WEB),
        tell.CheckpointPromised(due_at=due, by=PromisedBy.POLICY),
        tell.TicketAssigned(agent=UUID(int=2)),
        tell.NoteAdded(body="looked at it"),
    )


def _payloads(client: str, person: UUID, seal: Seal) -> list[tuple[str, int, str, int, str, bytes]]:
    """What each event of such a ticket holds; the promise's due time is put in row by row."""
    born = _born(person, datetime.now(UTC))
    return [
        (client, version, event.type, event.schema_version, f"requester:{person}" if version == 1 else AGENT,
         encode(event, seal))
        for version, event in enumerate(born, 1)
    ]  # fmt: skip


def _events(ticket: UUID, events: Sequence[Event], seal: Seal, at: datetime | None, after: int = 0) -> list[NewEvent]:
    return [
        NewEvent(uuid7(), ticket, version, event, AGENT, seal, occurred_at=at)
        for version, event in enumerate(events, after + 1)
    ]


async def ground(settings: Settings) -> Ground:
    """Terms for every client, and people who ask."""
    intake = await connect_pool(settings, "intake", size=4)
    vault = Vault(intake, settings.master_key_bytes, new_id=uuid7, random_bytes=os.urandom, monotonic=time.monotonic)
    people = [await person_of(vault, index) for index in range(CLIENTS)]
    _, told = explained(DESK, Terms.model_validate(TERMS), (), datetime.now(UTC) - 2 * AGE)
    stream = client_stream(DESK)
    events = [NewEvent(uuid7(), stream, version, event.data, "token:bench") for version, event in enumerate(told, 1)]
    assert any(isinstance(event.data, PolicySet) for event in events)
    await append_in(intake, [Append(DESK, events)])  # type: ignore[arg-type]
    return Ground(settings, intake, await asyncpg.connect(settings.admin_dsn()), people)


async def rows(*, pending: int, seconds: float, burst: int, paused: int) -> list[Row]:
    """The three figures, one after the other on the same servers."""
    async with servers() as settings:
        await provision_bus(settings)
        at = await ground(settings)
        await at.admin.execute(SQL["pending"], pending)
        await at.admin.execute("VACUUM ANALYZE triage.wake_ups")
        found = [await steady(at, pending, seconds), await drained(at, burst), await quiet(at, paused)]
        await at.admin.close()
        await at.intake.close()
    return found


async def steady(at: Ground, pending: int, seconds: float) -> Row:
    count = int(RATE * seconds)
    first = datetime.now(UTC) + timedelta(seconds=LEAD_SECONDS + count / SLOWEST)
    await at.write([first + timedelta(seconds=nth / RATE) for nth in range(count)])
    await at.skip()
    async with serving(at.settings, "relay", "triage") as children:
        await _until(first)
        before, all_before, began = _cpu(children["triage"].pid), _all_cpu(), time.monotonic()
        found = await _fired(at, first, first + timedelta(seconds=seconds + 1), count)
        cpu = (_cpu(children["triage"].pid) - before) * 1000 / count
        all_cpu, took = (_all_cpu() - all_before) * 1000 / count, time.monotonic() - began
    return Row(
        figure="G11, rate",
        what=f"{RATE} fires/s for {seconds:.0f} s with {pending:,} rows pending",
        measured=f"p50 {found['p50']:.0f} ms, p99 {found['p99']:.0f} ms late; {found['early']} early, "
        f"{found['twice']} twice, {count - found['fired']} not; {cpu:.2f} ms of triage's CPU a fire, "
        f"{all_cpu:.2f} ms of all processes'",
        goal=f"p99 <= {LATE_MS} ms, never early, never twice",
        reached=found["p99"] <= LATE_MS and found["early"] == found["twice"] == 0 and found["fired"] == count,
        values={"p50_ms": found["p50"], "p99_ms": found["p99"], "cpu_ms": cpu, "all_cpu_ms": all_cpu, "seconds": took},
    )


async def drained(at: Ground, count: int) -> Row:
    first = datetime.now(UTC) + timedelta(seconds=LEAD_SECONDS + count / SLOWEST)
    await at.write([first + timedelta(seconds=nth / count) for nth in range(count)])
    await at.skip()
    async with serving(at.settings, "relay", "triage") as children:
        await _until(first)
        before, all_before = _cpu(children["triage"].pid), _all_cpu()
        found = await _fired(at, first, first + timedelta(seconds=1), count)
        cpu = (_cpu(children["triage"].pid) - before) * 1000 / count
        all_cpu = (_all_cpu() - all_before) * 1000 / count
    took = float(found["drained"])
    return Row(
        figure="G11, burst",
        what=f"{count:,} due in one second",
        measured=f"drained in {took:.1f} s ({count / took:,.0f}/s); {found['early']} early, {found['twice']} twice; "
        f"{cpu:.2f} ms of triage's CPU a fire, {all_cpu:.2f} ms of all processes'",
        goal=f"{DRAIN_TICKETS:,} drained within {DRAIN_SECONDS:.0f} s",
        reached=took / count <= DRAIN_SECONDS / DRAIN_TICKETS and found["early"] == found["twice"] == 0,
        values={"seconds": took, "tickets": float(count), "cpu_ms": cpu, "all_cpu_ms": all_cpu},
    )


async def quiet(at: Ground, count: int) -> Row:
    """Each ticket waits for its customer, goes on, and gets a later promise."""
    tickets = await at.write([datetime.now(UTC) + timedelta(hours=9)] * count)
    later = tell.CheckpointPromised(due_at=datetime.now(UTC) + timedelta(hours=30), by=PromisedBy.AGENT)
    async with serving(at.settings, "relay", "triage"):
        await at.digested()
        before = await _writes(at)
        await at.told(tickets, tell.StatusChanged(status=Status.WAITING_FOR_CUSTOMER), later)
        await at.digested()
        written = await _writes(at) - before
    share = 1 - written / (2 * count)
    return Row(
        figure="G11, pauses",
        what=f"{count:,} pauses and as many later deadlines",
        measured=f"{share:.1%} wrote nothing to the wake-up index",
        goal=f">= {QUIET_SHARE:.0%}",
        reached=share >= QUIET_SHARE,
        values={"share": share},
    )


async def _writes(at: Ground) -> int:
    await asyncio.sleep(1.5)  # a session tells its statistics once a second
    await at.admin.execute("SELECT pg_stat_clear_snapshot()")
    return int(await at.admin.fetchval(SQL["writes"]))


async def _until(moment: datetime) -> None:
    left = (moment - datetime.now(UTC)).total_seconds()
    if left < 0:
        raise RuntimeError(f"the tickets were written {-left:.0f} s too late for this machine: raise LEAD_SECONDS")
    await asyncio.sleep(left)


async def _fired(at: Ground, since: datetime, until: datetime, count: int) -> asyncpg.Record:
    """What became of those that were due in a range, once all have fired or time is up."""
    end = time.monotonic() + (until - since).total_seconds() + 2 * DRAIN_SECONDS
    while True:
        left = await at.admin.fetchval(SQL["left"], until)
        if (left == 0 and datetime.now(UTC) > until) or time.monotonic() > end:
            (found,) = await at.admin.fetch(SQL["lateness"], since, until)
            if found["fired"] >= count or time.monotonic() > end:
                return found
        await asyncio.sleep(1.0)


def _cpu(pid: int) -> float:
    """Seconds of a process's CPU so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:13]) / TICKS


def _all_cpu() -> float:
    """The same of every process that this one started, PostgreSQL and NATS included."""
    return cpu_of(os.getpid()) - time.process_time()


SIZES = {False: (200_000, 10.0, 10_000, 1_000), True: (1_000_000, 60.0, 100_000, 10_000)}


async def sized(*, full: bool) -> Sequence[Row]:
    """The sizes of `make bench` and of `make bench-full`."""
    pending, seconds, burst, paused = SIZES[full]
    return await rows(pending=pending, seconds=seconds, burst=burst, paused=paused)


if __name__ == "__main__":
    show(list(uvloop.run(sized(full="--full" in sys.argv))), Console())
