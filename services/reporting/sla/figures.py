"""A range -> how clocks and promises were kept in it, and why not. I/O, reading only; adding up is pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

import asyncpg

from contracts.model import DESK
from contracts.sla import Metric
from contracts.subjects import LANES, lane_of_client
from services.kit.configuration import read_books
from services.kit.postgres import Connection, Pool, queries
from services.kit.rules.open_time import SECOND, OpenTime, us
from services.kit.rules.policies import WALL
from services.reporting.opened import stored
from services.reporting.sla.asked import DAYS, Span

SQL = queries("services/reporting/sql/sla.sql")

GROUP_ROWS_MAX = 1_200  # of up to six metrics each
PROMISERS_MAX = 50  # clients and agents on the dashboard
LATE_MAX = 5_000  # breached clocks that still run and whose overdue time is told to the second
EXCLUDED = ("spam", "duplicate", "merged")
COUNTS = ("metric", "met", "breached", "waived", "provisional", "moved", "excluded")
METRICS = tuple(metric.value for metric in Metric)

Reader = Connection | Pool


async def figures(reader: Reader, span: Span, group: str | None) -> dict[str, Any]:
    """All figures of a range, and for each of a group."""
    rows = [dict(row) for row in await reader.fetch(SQL["judged"], *span.arguments)]
    late = await _late(reader, span)
    groups, left_off = await _groups(reader, span, group) if group else ([], False)
    return {
        "from": span.since,
        "to": span.until,
        "as_of": span.as_of,
        "metrics": by_metric(rows, late),
        "breaches": breaches(rows),
        "group": group,
        "groups": groups,
        "groups_left_off": left_off,
        "news": _news(await reader.fetchrow(SQL["told"], *span.arguments)),
        "pauses": [_counted(row) for row in await reader.fetch(SQL["paused"], *span.arguments)],
    }


def shares(met: int, breached: int, waived: int) -> dict[str, float | None]:
    """Attainment both ways: a waived breach is one, and is none."""
    judged = met + breached + waived
    if not judged:
        return {"attained": None, "attained_with_waived": None}
    return {"attained": round(met / judged, 4), "attained_with_waived": round((met + waived) / judged, 4)}


def by_metric(rows: Iterable[Mapping[str, Any]], late: Mapping[str, int]) -> list[dict[str, Any]]:
    """One line for each metric that was judged."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        names = ("met", "breached", "waived", "provisional", "moved", *EXCLUDED, "overdue_seconds")
        line = found.setdefault(row["metric"], dict.fromkeys(names, 0))
        line[row["outcome"]] += row["cycles"]
        if row["outcome"] in ("breached", "waived"):
            line["overdue_seconds"] += row["overdue_seconds"]
    for metric, line in found.items():
        line["overdue_seconds"] += late.get(metric, 0)
        line["excluded"] = sum(line[name] for name in EXCLUDED)
        line.update(shares(line["met"], line["breached"], line["waived"]), metric=metric)
    return [found[metric] for metric in METRICS if metric in found]


def breaches(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Which clocks broke, why, and what was found of their tickets; the most frequent first."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        if row["outcome"] in ("breached", "waived"):
            key = row["metric"], row["breach"], row["cause"]
            line = found.setdefault(key, {"cycles": 0, "waived": 0})
            line["cycles"] += row["cycles"]
            line["waived"] += row["cycles"] if row["outcome"] == "waived" else 0
    told = [dict(zip(("metric", "breach", "cause"), key, strict=True)) | line for key, line in found.items()]
    return sorted(told, key=lambda line: (-line["cycles"], line["metric"], line["breach"], line["cause"] or ""))


async def _late(reader: Reader, span: Span) -> Mapping[str, int]:
    """Open seconds that breached clocks have run since their rows were written."""
    found: dict[str, int] = {}
    hours: dict[str, Mapping[str, OpenTime]] = {}
    for row in await reader.fetch(SQL["late"], *span.arguments, LATE_MAX):
        client = row["client"]
        if client not in hours:
            books = await read_books(reader, client)
            versions = (known for named in books.calendars.versions.values() for _, known, _ in named)
            hours[client] = {known.version: known for known in versions}
        calendar = WALL if row["metric"] == Metric.PROMISE else hours[client].get(row["calendar"])
        if calendar is not None:
            since = max(row["running_from"], row["due_at"] or row["running_from"])
            grown = calendar.between(us(since), us(span.at)) // SECOND
            found[row["metric"]] = found.get(row["metric"], 0) + max(grown, 0)
    return found


async def _groups(reader: Reader, span: Span, group: str) -> tuple[list[dict[str, Any]], bool]:
    rows = await reader.fetch(SQL["grouped"], *span.arguments, group, GROUP_ROWS_MAX + 1)
    found: dict[str | None, list[dict[str, Any]]] = {}
    for row in rows[:GROUP_ROWS_MAX]:
        counts = {
            name: row[name] for name in ("metric", "met", "breached", "waived", "provisional", "moved", "excluded")
        }
        found.setdefault(row["key"], []).append(counts | shares(row["met"], row["breached"], row["waived"]))
    names = await names_of(reader, [key for key in found if key]) if group in ("client", "agent") else {}
    told = [{"key": key, "name": names.get(key or ""), "metrics": lines} for key, lines in found.items()]
    return told, len(rows) > GROUP_ROWS_MAX


async def names_of(reader: Reader, keys: Sequence[str]) -> Mapping[str, Any]:
    """What clients and agents are called, sealed as they are stored."""
    if not keys:
        return {}
    rows = await reader.fetch(SQL["names"], list(range(LANES)), keys, lane_of_client(DESK))
    return {row["key"]: stored(row["name"]) if row["kind"] == "agent" else row["name"] for row in rows}


def _news(row: asyncpg.Record | None) -> dict[str, Any]:
    found: dict[str, Any] = {"tickets": 0, "news": 0}
    if row is not None:
        found = {"tickets": row["tickets"], "news": row["news"] or 0}
    for name in ("solution_seconds", "open_seconds", "silence_seconds"):
        median, p90 = (row[name] if row is not None else None) or (None, None)
        found[name] = {"median": median, "p90": p90}
    return found


def _counted(row: asyncpg.Record) -> dict[str, Any]:
    return {name: value if value is not None else 0 for name, value in row.items()}


async def promises(
    reader: Reader, clients: Sequence[str] | None, lanes: Sequence[int], at: datetime, *, past: bool
) -> dict[str, Any]:
    """For the dashboard: attainment of the last days by metric, and promises by client and agent. Of a past instant's
    own day the rows are counted, of whole days the kept counts."""
    start = datetime.combine(at.astimezone(UTC).date(), time(), UTC)
    first, last = start - timedelta(days=DAYS - 1), start - timedelta(days=1) if past else start
    day = (start, at) if past else (None, None)
    found = await reader.fetch(SQL["tallied"], lanes, clients, first.date(), last.date(), *day)
    rows = [dict(row) for row in found]
    whole = [{**row, "breach": None, "cause": None, "overdue_seconds": 0} for row in rows if row["facet"] == ""]
    metrics = [
        {name: line[name] for name in ("metric", "met", "breached", "waived", "attained", "attained_with_waived")}
        for line in by_metric(whole, {})
    ]
    kept = {facet: _promised(row for row in rows if row["facet"] == facet) for facet in ("", "agent")}
    names = await names_of(reader, [key for lines in kept.values() for key in lines if key])
    return {
        "attainment": metrics,
        "promises_by_client": _named(kept[""], names),
        "promises_by_agent": _named(kept["agent"], names),
    }


def _promised(rows: Iterable[Mapping[str, Any]]) -> Mapping[str, dict[str, int]]:
    """Kept, moved and missed of whomever the rows are counted by."""
    found: dict[str, dict[str, int]] = {}
    words = {"met": "kept", "moved": "moved", "breached": "missed", "waived": "missed"}
    for row in rows:
        word = words.get(row["outcome"])
        if row["metric"] == Metric.PROMISE and word is not None:
            found.setdefault(row["key"], {"kept": 0, "moved": 0, "missed": 0})[word] += row["cycles"]
    return found


def _named(lines: Mapping[str, dict[str, int]], names: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Those with the most missed promises first."""
    order = sorted(lines, key=lambda key: (-lines[key]["missed"], -lines[key]["kept"], key))
    return [{"key": key or None, "name": names.get(key)} | lines[key] for key in order[:PROMISERS_MAX]]
