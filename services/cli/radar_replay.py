"""The log between two instants -> the clusters that the radar would have found in it: `daybook radar --replay`. I/O.

Tickets come in the order of (recorded_at, lane, position), as the live radar meets them, imported ones by when they
happened; both from one snapshot, a few at a time. Three weeks before the range teach the radar what is usual. Nothing
is written: the connection can't.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import asyncpg
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from contracts.envelope import Origin, Recorded
from contracts.model import Event
from contracts.tickets import TicketSubmitted
from services.kit.log.read import recorded
from services.kit.personal import ERASED, Vault
from services.kit.postgres import connect_pool, queries
from services.kit.settings import Settings
from services.reporting.keys import reading_vault
from services.triage.radar.clusters import Cluster
from services.triage.radar.radar import Radar
from services.triage.radar.reading import WATCHED, opened

SQL = queries("services/cli/sql/radar_replay.sql")

LEARN: Final = timedelta(days=21)  # before the range; what is older hardly counts any more
BATCH: Final = 500  # tickets opened at once
ERASED_LISTED: Final = 1_000
STATEMENT_SECONDS: Final = 600.0  # sorting a large log


@dataclass
class Replayed:
    """What a replay has found. Clusters stand with the number of clients that the desk had when they closed."""

    tickets: int = 0
    learned_from: int = 0
    erased: int = 0
    erased_tickets: list[str] = field(default_factory=list)
    clusters: list[tuple[Cluster, int]] = field(default_factory=list)
    seconds: float = 0.0

    def as_json(self, start: datetime, end: datetime) -> dict[str, Any]:
        """What a replay says beside what a file does."""
        return {
            "from": start.isoformat(),
            "to": end.isoformat(),
            "learned_from": self.learned_from,
            "erased": {"count": self.erased, "tickets": self.erased_tickets},
        }


async def replay(
    settings: Settings, start: datetime, end: datetime, *, imported: bool, secret: bytes, silent: bool
) -> Replayed:
    """Feeds the tickets of the range to a new radar."""
    found = Replayed()
    radar = Radar(lambda cluster: found.clusters.append((cluster, len(radar.clients))), secret)
    read_only = {"default_transaction_read_only": "on"}
    pool = await connect_pool(
        settings, "reporting", size=2, program="daybook-radar", statement_seconds=STATEMENT_SECONDS,
        idle_in_transaction_seconds=STATEMENT_SECONDS, server_settings=read_only,
    )  # fmt: skip
    began, columns = time.monotonic(), (TextColumn("{task.description}"), TextColumn("{task.fields[told]}"))
    try:
        with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True, quiet=silent)) as bar:
            task, vault = bar.add_task("watching", told=""), reading_vault(pool, settings)
            async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
                query = SQL["occurred" if imported else "recorded"]
                origins = [Origin.IMPORT] if imported else sorted(WATCHED)
                rows: list[asyncpg.Record] = []
                async for row in connection.cursor(query, origins, start - LEARN, end, prefetch=BATCH):
                    rows.append(row)
                    if len(rows) == BATCH:
                        await _feed(radar, found, vault, rows, start, imported=imported)
                        rows.clear()
                        seconds = time.monotonic() - began
                        bar.update(task, told=f"{found.tickets:,} tickets, {found.tickets / seconds:,.0f}/s")
                await _feed(radar, found, vault, rows, start, imported=imported)
        radar.finish()
    finally:
        await pool.close()
    found.clusters = [one for one in found.clusters if _opened(one[0]) >= start.timestamp()]
    found.seconds = time.monotonic() - began
    return found


async def _feed(
    radar: Radar, found: Replayed, vault: Vault, rows: Sequence[Any], start: datetime, *, imported: bool
) -> None:
    for read in await opened(vault, recorded(rows), WATCHED | {Origin.IMPORT}):
        event, report = read.event, read.report
        if report is None or not isinstance(event.data, TicketSubmitted):
            continue
        reference = f"{event.data.prefix}-{event.number}"
        if vault.shown(event.data.subject) == ERASED:
            found.erased += 1
            if len(found.erased_tickets) < ERASED_LISTED:
                found.erased_tickets.append(reference)
            continue
        if _at(event, imported=imported) < start:
            found.learned_from += 1
        else:
            found.tickets += 1
        radar.feed(report._replace(ticket=reference))


def _at(event: Recorded[Event], *, imported: bool) -> datetime:
    return event.occurred_at if imported else event.recorded_at


def _opened(cluster: Cluster) -> float:
    return cluster.suspected_at if cluster.declared_at is None else cluster.declared_at
