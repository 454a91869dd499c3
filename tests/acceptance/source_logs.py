"""The two logs of other desks, read plainly for tests, and `daybook import` run on them as a process of its own."""

from __future__ import annotations

import asyncio
import csv
import gzip
import json
import os
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from contracts.envelope import Recorded
from contracts.model import Event
from contracts.subjects import LANES
from services.kit.log.read import read_lane
from services.kit.postgres import Pool
from services.kit.settings import SECRETS, Settings


@dataclass(frozen=True)
class Log:
    """A file, read plainly. `rows` are those of each ticket by (time, place in the file)."""

    name: str
    file: str
    system: str
    case: str
    time: str
    state: str
    ours: dict[str, str]
    """The status that each word must lead to; words that are not listed leave it as it was."""
    rows: dict[str, list[dict[str, str]]] = field(default_factory=dict, compare=False)

    def at(self, row: dict[str, str]) -> datetime:
        at = datetime.fromisoformat(row[self.time])
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)

    def read(self, folder: Path) -> Log:
        with gzip.open(folder / self.file, "rt", encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                self.rows.setdefault(row[self.case], []).append(row)
        for rows in self.rows.values():
            rows.sort(key=self.at)
        return self


SERVICENOW = Log(
    *("servicenow", "uci_incidents_opened_before_2016-04.csv.gz", "servicenow"),
    *("number", "sys_updated_at", "incident_state"),
    {
        "New": "new",
        "Active": "open",
        **dict.fromkeys(("Awaiting User Info", "Awaiting Evidence"), "waiting_for_customer"),
        **dict.fromkeys(("Awaiting Vendor", "Awaiting Problem"), "waiting_for_supplier"),
        "Resolved": "resolved",
        "Closed": "closed",
    },
)
ITALIAN = Log(
    *("helpdesk_italian", "helpdesk_italian.csv.gz", "helpdesk-italian"),
    *("case:concept:name", "time:timestamp", "Activity"),
    {
        "Insert ticket": "new",
        **dict.fromkeys(("Take in charge ticket", "Schedule intervention", "Resolve SW anomaly"), "open"),
        "Wait": "waiting_for_customer",
        **dict.fromkeys(("Require upgrade", "Create SW anomaly"), "waiting_for_supplier"),
        **dict.fromkeys(("Resolve ticket", "RESOLVED", "VERIFIED", "INVALID", "DUPLICATE"), "resolved"),
        "Closed": "closed",
    },
)
Streams = dict[str, list[Recorded[Event]]]


def environment(database: Settings) -> dict[str, str]:
    secrets = {name: getattr(database, name).get_secret_value() for name in SECRETS}
    return {
        **os.environ,
        "DAYBOOK_HOME": str(database.home),
        "DAYBOOK_DATABASE_URL": database.admin_dsn(),
        **{f"DAYBOOK_{name.upper()}": value for name, value in secrets.items()},
    }


async def start(database: Settings, folder: Path, log: Log) -> asyncio.subprocess.Process:
    command = (sys.executable, "-m", "services", "import", str(folder / log.file), "--map", log.name, "--json")
    return await asyncio.create_subprocess_exec(*command, env=environment(database), stdout=-1, stderr=-1)


async def run(database: Settings, folder: Path, log: Log) -> dict[str, Any]:
    process = await start(database, folder, log)
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    summary: dict[str, Any] = json.loads(out)
    return summary


async def everything(pool: Pool) -> list[Recorded[Event]]:
    events: list[Recorded[Event]] = []
    for lane in range(LANES):
        position = 0
        while batch := await read_lane(pool, lane, position, 10_000):
            events += batch
            position = batch[-1].position
    return events


def by_case(log: Log, events: list[Recorded[Event]]) -> Streams:
    """The tickets' events by the case that their birth names."""
    streams: dict[Any, list[Recorded[Event]]] = {}
    for event in events:
        if event.type.startswith("ticket."):
            streams.setdefault(event.stream, []).append(event)
    found: Streams = {}
    for stream in streams.values():
        source = stream[0].data.source  # type: ignore[attr-defined]
        if source.system == log.system:
            assert source.reference not in found, "a case became two tickets"
            found[source.reference] = stream
    return found


def reopened(log: Log, rows: list[dict[str, str]]) -> int:
    """As the source counts; where it does not, an end that is left for another state."""
    if log is SERVICENOW:
        return max(int(row["reopen_count"]) for row in rows)
    statuses = [status for _, status in walked(log, rows)]
    ends = {"resolved", "closed"}
    return sum(before in ends and after not in ends for before, after in pairwise(["new", *statuses]))


def walked(log: Log, rows: list[dict[str, str]]) -> list[tuple[datetime, str]]:
    status, found = "new", []
    for row in rows:
        status = log.ours.get(row[log.state], status)
        found.append((log.at(row), status))
    return found
