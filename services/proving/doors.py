"""What the doors have accepted -> what of it is missing: every command has its event, each mail too, or lies in the
quarantine. I/O, reads only.

Each command of a ticket or incident is kept beside its events with its answer, whether it came with an Idempotency-Key
or not. What is put (clients, calendars, policies, people) is kept as its event alone, for which the chain speaks. Doors
that are not there yet, such as the telephone's, are not looked at.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from services.kit.log.read import Reader
from services.kit.log.walk import Fault
from services.kit.postgres import queries

SQL = queries("services/proving/sql/proving.sql")

BATCH: Final = 2_000


@dataclass(slots=True)
class Doors:
    """How much was accepted, and what of it is missing."""

    commands: int = 0
    mails: dict[str, int] = field(default_factory=dict)
    """Mails taken, by what became of them: tickets, quarantined."""
    faults: list[Fault] = field(default_factory=list)


async def reconcile(reader: Reader, told: Callable[[int], None] = lambda commands: None) -> Doors:
    """Holds what was accepted against the log. Commands and mails accepted meanwhile are seen whole or not at all."""
    doors = Doors()
    after: tuple[int, str, str] = (-1, "", "")
    while rows := await reader.fetch(SQL["commands"], *after, BATCH):
        after = (rows[-1]["lane"], rows[-1]["scope"], rows[-1]["command"])
        doors.commands += len(rows)
        doors.faults += await _command_faults(reader, rows)
        told(len(rows))
    counts = await reader.fetchrow(SQL["mails"])
    doors.mails = dict(counts) if counts else {}
    for row in await reader.fetch(SQL["mails_lost"]):
        what = f"the mail {row['key'].hex()[:16]} that was taken at {row['taken_at']:%Y-%m-%d %H:%M:%SZ}"
        doors.faults.append(Fault(row["lane"], 0, f"{what} is in no {row['outcome']}"))
    return doors


async def _command_faults(reader: Reader, rows: Sequence[Any]) -> list[Fault]:
    faults, named = [], []
    for row in rows:
        event = answered(row["answer"])
        if event is None:
            faults.append(Fault(row["lane"], 0, f"the answer to command {_short(row)} names no event"))
        else:
            named.append((row, *event))
    if named:
        lanes, streams, versions = [row["lane"] for row, _, _ in named], [n[1] for n in named], [n[2] for n in named]
        for missing in await reader.fetch(SQL["missing"], lanes, streams, versions):
            row, stream, version = named[missing["nth"] - 1]
            what = f"command {_short(row)} was answered with version {version} of {stream}"
            faults.append(Fault(row["lane"], 0, f"{what}, which is not in the log"))
    return faults


def answered(answer: bytes) -> tuple[UUID, int] | None:
    """The stream and version that a kept answer was given for. Pure."""
    try:
        match json.loads(answer):
            case [_, {"id": str(stream), "version": int(version)}] | [_, str(stream), int(version), *_]:
                return UUID(stream), version
    except ValueError:
        pass
    return None


def _short(row: Any) -> str:
    return f"{row['command'][:40]!r} of {row['scope'][:80]!r}"
