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
from contracts.model import DESK, Event, Seal
from contracts.policies import PolicySet
from contracts.subjects import client_stream, lane_of, stamp_lane
from contracts.terms import Channel, PromisedBy, Status
from services.cli.clients import read
from services.cli.terms import Terms, explained, shipped
from services.kit.bus.provision import provision_bus
from services.kit.cursor import lags
from services.kit.log.append import Append, NewEvent, append_in
from services.kit.personal import Vault
from services.kit.postgres import Pool, connect_pool
from services.kit.settings import Settings
from tests.bench.append import person_of
from tests.bench.desk import TICKS
from tests.bench.servers import servers
from tests.bench.services import serving
from tests.bench.story import BODY
from tests.bench.table import Row, show

CLIENTS = 64
RATE = 500  # fires a second
CALL = 250  # tickets of one append
LEAD_SECONDS = 12.0  # from a written ticket to the first that is due: the services start meanwhile
SLOWEST = 1_200  # tickets a second that are written here at least
LATE_MS, DRAIN_SECONDS, DRAIN_TICKETS, QUIET_SHARE = 250, 60.0, 100_000, 0.9

LATENESS = """
SELECT count(*) AS fired, count(*) - count(DISTINCT e.stream) AS twice,
       count(*) FILTER (WHERE e.recorded_at < d.due) AS early,
       1000 * percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM e.recorded_at - d.due)) AS p50,
       1000 * percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM e.recorded_at - d.due)) AS p99,
       extract(epoch FROM max(e.recorded_at) - min(d.due)) AS drained
FROM log.events e, LATERAL (SELECT (convert_from(e.payload, 'UTF8')::jsonb ->> 'due_at')::timestamptz AS due) d
WHERE e.type = 'ticket.checkpoint_missed' AND d.due >= $1 AND d.due < $2
"""
PENDING = """
INSERT INTO triage.wake_ups (lane, ticket, client, due)
SELECT n % 16, (lpad(to_hex(n / 16), 31, '0') || to_hex(n % 16))::uuid, 'nobody',
       now() + interval '9 days' + n * interval '1 second'
FROM generate_series(1, $1::bigint) AS n
"""
VERSIONS = "SELECT stream, max(version) AS version FROM log.events WHERE stream = ANY ($1) GROUP BY stream"
WRITES = "SELECT n_tup_ins + n_tup_upd FROM pg_stat_user_tables WHERE schemaname = 'triage' AND relname = 'wake_ups'"


@dataclass
class Ground:
    """A database with terms, people who ask, and the pools to write with."""

    settings: Settings
    intake: Pool
    admin: asyncpg.Connection[asyncpg.Record]
    people: Sequence[tuple[str, UUID, Seal]]

    async def write(self, dues: Sequence[datetime]) -> list[UUID]:
        """Tickets of four events, each with a promise that nobody keeps, and their wake-ups as triage notes them."""
        now = datetime.now(UTC)
        tickets: list[UUID] = []
        for first in range(0, len(dues), CALL):
            appends = []
            for nth, due in enumerate(dues[first : first + CALL], first):
                client, person, seal = self.people[nth % CLIENTS]
                ticket = stamp_lane(uuid7(), lane_of(client_stream(client)))
                tickets.append(ticket)
                appends.append(Append(client, _events(ticket, _born(person, due), seal, now)))
            await append_in(self.intake, appends)  # type: ignore[arg-type]
        await self.admin.executemany(
            "INSERT INTO triage.wake_ups (lane, ticket, client, due) VALUES ($1, $2, $3, $4)",
            [(lane_of(ticket), ticket, self.people[nth % CLIENTS][0], dues[nth]) for nth, ticket in enumerate(tickets)],
        )
        return tickets

    async def told(self, tickets: Sequence[UUID], *events: Event) -> None:
        """The same events on each of these tickets, after all that it has."""
        found = await self.admin.fetch(VERSIONS, tickets)
        versions = {row["stream"]: row["version"] for row in found}
        for first in range(0, len(tickets), CALL):
            appends = []
            for nth, ticket in enumerate(tickets[first : first + CALL], first):
                client, _, seal = self.people[nth % CLIENTS]
                appends.append(Append(client, _events(ticket, events, seal, None, versions[ticket])))
            await append_in(self.intake, appends)  # type: ignore[arg-type]

    async def skip(self) -> None:
        """Triage has digested everything so far."""
        await self.admin.execute(
            "INSERT INTO log.cursors (lane, consumer, position) SELECT lane, 'triage', position FROM log.lanes "
            "ON CONFLICT (lane, consumer) DO UPDATE SET position = excluded.position"
        )

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


def _events(ticket: UUID, events: Sequence[Event], seal: Seal, at: datetime | None, after: int = 0) -> list[NewEvent]:
    return [
        NewEvent(uuid7(), ticket, version, event, "agent:00000000-0000-0000-0000-000000000002", seal, occurred_at=at)
        for version, event in enumerate(events, after + 1)
    ]


async def ground(settings: Settings) -> Ground:
    """The set of terms `operations` for every client."""
    intake = await connect_pool(settings, "intake", size=4)
    vault = Vault(intake, settings.master_key_bytes, new_id=uuid7, random_bytes=os.urandom, monotonic=time.monotonic)
    people = [await person_of(vault, index) for index in range(CLIENTS)]
    terms = Terms.model_validate(read(shipped(Path("operations"))).desk)
    _, told = explained(DESK, terms, (), datetime.now(UTC) - timedelta(days=1))
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
        await at.admin.execute(PENDING, pending)
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
        before, began = _cpu(children["triage"].pid), time.monotonic()
        found = await _fired(at, first, first + timedelta(seconds=seconds + 1), count)
        cpu = (_cpu(children["triage"].pid) - before) * 1000 / count
        took = time.monotonic() - began
    return Row(
        figure="G11, rate",
        what=f"{RATE} fires/s for {seconds:.0f} s with {pending:,} rows pending",
        measured=f"p50 {found['p50']:.0f} ms, p99 {found['p99']:.0f} ms late; {found['early']} early, "
        f"{found['twice']} twice, {count - found['fired']} not; {cpu:.2f} ms of triage's CPU a fire",
        goal=f"p99 <= {LATE_MS} ms, never early, never twice",
        reached=found["p99"] <= LATE_MS and found["early"] == found["twice"] == 0 and found["fired"] == count,
        values={"p50_ms": found["p50"], "p99_ms": found["p99"], "cpu_ms": cpu, "seconds": took},
    )


async def drained(at: Ground, count: int) -> Row:
    first = datetime.now(UTC) + timedelta(seconds=LEAD_SECONDS + count / SLOWEST)
    await at.write([first + timedelta(seconds=nth / count) for nth in range(count)])
    await at.skip()
    async with serving(at.settings, "relay", "triage"):
        await _until(first)
        found = await _fired(at, first, first + timedelta(seconds=1), count)
    took = float(found["drained"])
    return Row(
        figure="G11, burst",
        what=f"{count:,} due in one second",
        measured=f"drained in {took:.1f} s ({count / took:,.0f}/s); {found['early']} early, {found['twice']} twice",
        goal=f"{DRAIN_TICKETS:,} drained within {DRAIN_SECONDS:.0f} s",
        reached=took / count <= DRAIN_SECONDS / DRAIN_TICKETS and found["early"] == found["twice"] == 0,
        values={"seconds": took, "tickets": float(count)},
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
    return int(await at.admin.fetchval(WRITES))


async def _until(moment: datetime) -> None:
    left = (moment - datetime.now(UTC)).total_seconds()
    if left < 0:
        raise RuntimeError(f"the tickets were written {-left:.0f} s too late for this machine: raise LEAD_SECONDS")
    await asyncio.sleep(left)


async def _fired(at: Ground, since: datetime, until: datetime, count: int) -> asyncpg.Record:
    """What became of those that were due in a range, once all have fired or time is up."""
    end = time.monotonic() + (until - since).total_seconds() + 2 * DRAIN_SECONDS
    while True:
        (found,) = await at.admin.fetch(LATENESS, since, until)
        if found["fired"] >= count or time.monotonic() > end:
            return found
        await asyncio.sleep(1.0)


def _cpu(pid: int) -> float:
    """Seconds of a process's CPU so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:13]) / TICKS


SIZES = {False: (200_000, 10.0, 10_000, 1_000), True: (1_000_000, 60.0, 100_000, 10_000)}


async def sized(*, full: bool) -> Sequence[Row]:
    """The sizes of `make bench` and of `make bench-full`."""
    pending, seconds, burst, paused = SIZES[full]
    return await rows(pending=pending, seconds=seconds, burst=burst, paused=paused)


if __name__ == "__main__":
    show(list(uvloop.run(sized(full="--full" in sys.argv))), Console())
