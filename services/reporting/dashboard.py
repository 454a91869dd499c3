"""Clients, an instant or now -> the figures of the desk. I/O, reading only."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import asyncpg

from contracts.envelope import EPOCH, microseconds
from contracts.subjects import LANES, lane_of_client
from contracts.terms import Priority, Status
from services.kit.postgres import Pool, queries
from services.reporting.line import ACTIVE, NEVER
from services.reporting.queue_pages import coming, mostly_before
from services.reporting.sla.figures import promises

SQL = queries("services/reporting/sql/dashboard.sql")

DAYS = 30  # shown, up to and with today
CLIENTS_MAX = 200  # rows by client: those with the most overdue, then the most open

Reader = Pool
ACTIVE_WORDS = sorted(status.value for status in ACTIVE)


@dataclass
class Figures:
    """Tickets by status, by priority and by client; the last two count active ones alone."""

    by_status: Counter[str] = field(default_factory=Counter)
    by_priority: Counter[str] = field(default_factory=Counter)
    open: Counter[str] = field(default_factory=Counter)
    overdue: Counter[str] = field(default_factory=Counter)
    unassigned: int = 0
    next_due: datetime | None = None

    def add(self, status: str, priority: str, tickets: int) -> None:
        self.by_status[status] += tickets
        if status in ACTIVE_WORDS:
            self.by_priority[priority or "none"] += tickets

    def add_row(self, row: asyncpg.Record, times: int) -> None:
        """Adds a row that was counted by client, or takes it away (times -1)."""
        self.add(row["status"], row["priority"], row["tickets"] * times)
        if row["status"] in ACTIVE_WORDS:
            self.open[row["client"]] += row["tickets"] * times
            self.unassigned += row["unassigned"] * times

    def due(self, at: datetime) -> None:
        self.next_due = min(self.next_due or at, at)


async def dashboard(
    reader: Reader, clients: Sequence[str] | None, at: datetime | None, now: datetime
) -> dict[str, Any]:
    """The figures as they are now, or as they were at an instant. Three connections share the work: counts of tickets,
    of days, and of promises, each some thousands of rows on a large desk."""
    lanes = lanes_of(clients)
    figures, days, kept = await asyncio.gather(
        _now(reader, lanes, clients, now) if at is None else _then(reader, lanes, clients, at, now),
        _days(reader, lanes, clients, at, now),
        promises(reader, clients, lanes, at or now, past=at is not None),
    )
    shown = sorted(figures.open, key=lambda client: (-figures.overdue[client], -figures.open[client], client))[
        :CLIENTS_MAX
    ]
    found = await reader.fetch(SQL["client_names"], lanes, shown)
    names = {row["client"]: row["name"] for row in found}
    counted: dict[str, Any] = {
        "fresh_at": await fresh_at(reader, now),
        "as_of": at,
        "open": figures.open.total(),
        "unassigned": figures.unassigned,
        "overdue": figures.overdue.total(),
        "next_due_at": figures.next_due,
        "by_status": {status.value: figures.by_status[status.value] for status in Status},
        "by_priority": {key: figures.by_priority[key] for key in (*(item.value for item in Priority), "none")},
        "by_client": [
            {"client": key, "name": names.get(key), "open": figures.open[key], "overdue": figures.overdue[key]}
            for key in shown
        ],
        "per_day": days,
        "breaching_soon": await coming(reader, clients, at, now),
    }
    counted.update(kept)
    return counted


async def fresh_at(reader: Reader, now: datetime) -> datetime:
    """Up to when everything that was recorded is in the view: now, where nothing is missing."""
    behind: datetime | None = await reader.fetchval(SQL["fresh"])
    return behind or now


def lanes_of(clients: Iterable[str] | None) -> list[int]:
    """The lanes to look into."""
    return list(range(LANES)) if clients is None else sorted({lane_of_client(client) for client in clients})


async def _now(reader: Reader, lanes: Sequence[int], clients: Sequence[str] | None, now: datetime) -> Figures:
    figures = Figures()
    await _add_kept(reader, figures, lanes, clients)
    await _add_late(reader, figures, clients, now, None)
    return figures


async def _add_kept(reader: Reader, figures: Figures, lanes: Sequence[int], clients: Sequence[str] | None) -> None:
    for row in await reader.fetch(SQL["figures"], lanes, clients, ACTIVE_WORDS):
        active = row["active"] or 0
        if row["client"] is not None:
            figures.open[row["client"]] += 0 if row["unassigned"] else active
        elif row["unassigned"]:
            figures.unassigned += active
        else:
            figures.add(row["status"], row["priority"], row["tickets"])


async def _add_late(
    reader: Reader, figures: Figures, clients: Sequence[str] | None, now: datetime, at: datetime | None
) -> None:
    key = microseconds(now)
    for row in await reader.fetch(SQL["overdue"], ACTIVE_WORDS, key, clients, at):
        figures.overdue[row["client"]] += row["tickets"]
    due: int | None = await reader.fetchval(SQL["next_due"], ACTIVE_WORDS, key, clients, at)
    if due is not None and due != NEVER:
        figures.due(EPOCH + timedelta(microseconds=due))


async def _then(
    reader: Reader, lanes: Sequence[int], clients: Sequence[str] | None, at: datetime, now: datetime
) -> Figures:
    """What was not changed since the instant, counted from its smaller side, and what was, as it was then."""
    figures = Figures()
    since = await mostly_before(reader, at, now)
    if since:
        await _add_kept(reader, figures, lanes, clients)
    for row in await reader.fetch(SQL["changed"], at, clients, since):
        figures.add_row(row, -1 if since else 1)
    for row in await reader.fetch(SQL["past"], at, clients):
        figures.add_row(row, 1)
        figures.overdue[row["client"]] += row["overdue"]
        if row["next_due"] is not None:
            figures.due(row["next_due"])
    await _add_late(reader, figures, clients, at, at)
    return figures


async def _days(
    reader: Reader, lanes: Sequence[int], clients: Sequence[str] | None, at: datetime | None, now: datetime
) -> Sequence[Mapping[str, Any]]:
    last = (at or now).astimezone(UTC).date()
    first = last - timedelta(days=DAYS - 1)
    rows = await reader.fetch(SQL["days"], lanes, first, last, clients)
    found = {row["day"]: (row["created"], row["ended"]) for row in rows}
    if at is not None:
        start = datetime.combine(last, time(), UTC)
        part = await reader.fetchrow(SQL["part_of_day"], start, at, clients, microseconds(start), microseconds(at))
        if part is not None:
            found[last] = part["created"], part["ended"]
    days: list[date] = [first + timedelta(days=number) for number in range(DAYS)]
    return [
        {"day": day.isoformat(), "created": found.get(day, (0, 0))[0], "resolved": found.get(day, (0, 0))[1]}
        for day in days
    ]
