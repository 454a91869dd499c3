"""Events of one lane -> judged clocks, pauses and stories of tickets, in the caller's transaction. I/O.

A ticket's rows are a function of its whole stream and of its client's books. What stands there is read first and only
differences are written, so an event that comes twice, or late, changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from contracts.envelope import Recorded
from contracts.model import Event
from services.kit.postgres import Connection, queries
from services.reporting.sla.results import CycleRow, PauseRow, Results, StoryRow, Tally, results, tallies
from services.reporting.sla.tale import MATTERS
from services.reporting.sla.tales import Tales

SQL = queries("services/reporting/sql/sla_write.sql")

JUDGES: Final = MATTERS - {
    *("ticket.submitted", "ticket.message_received", "ticket.classified", "ticket.category_set", "ticket.prioritised"),
    *("ticket.priority_set", "ticket.assigned", "ticket.escalated", "ticket.finding_recorded", "ticket.adopted"),
    *("sla.warned", "sla.escalated", "sla.deadline_pinned", "sla.deadline_unpinned"),
}
"""Events after which a ticket may have its first row. A promise's first event is its birth's, and judges nothing."""

TABLES: Final[Mapping[str, type[CycleRow | PauseRow | StoryRow]]] = {
    "cycles": CycleRow,
    "pauses": PauseRow,
    "stories": StoryRow,
}
KEYS: Final = {"cycles": ("ticket", "cycle"), "pauses": ("ticket", "started_at"), "stories": ("ticket",)}

Row = CycleRow | PauseRow | StoryRow
Standing = dict[UUID, dict[str, list[tuple[Any, ...]]]]
"""Ticket -> table -> its rows as they stand."""


class Difference(NamedTuple):
    """What to write: rows that are new or differ, keys that are gone, and counts that change."""

    put: dict[str, list[Row]]
    gone: dict[str, list[tuple[Any, ...]]]
    counted: Counter[Tally]


class SlaView:
    """Keeps what became of clocks and promises."""

    name = "sla"

    def __init__(self, tales: Tales | None = None) -> None:
        self._tales = tales or Tales()

    async def apply(self, lane: int, events: Sequence[Recorded[Event]], connection: Connection) -> None:
        """Digests events of a lane, in order. What was digested before changes nothing."""
        streams: dict[UUID, list[Recorded[Event]]] = {}
        judged: set[UUID] = set()
        for event in events:
            if event.type.startswith(("ticket.", "sla.")):
                streams.setdefault(event.stream, []).append(event)
                if event.type in JUDGES and not _is_birth(event):
                    judged.add(event.stream)
        moved = {stream for stream, fresh in streams.items() if any(event.type in MATTERS for event in fresh)}
        if not moved:
            return
        standing = await self._standing(connection, lane, moved)
        asked = {stream: streams[stream] for stream in moved if stream in judged or stream in standing}
        if asked:
            clients = {fresh[0].client for fresh in asked.values()}
            books = await self._tales.shelf.take(connection, clients)
            tales = await self._tales.whole(connection, lane, asked, books, events[-1].position)
            found = {stream: results(tale) for stream, tale in tales.items()}
            await write(connection, lane, difference(found, standing))

    async def _standing(self, connection: Connection, lane: int, streams: Iterable[UUID]) -> Standing:
        found: Standing = {}
        for table in TABLES:
            for row in await connection.fetch(SQL[f"standing_{table}"], lane, list(streams)):
                found.setdefault(row["ticket"], {}).setdefault(table, []).append(tuple(row))
        return found


def _is_birth(event: Recorded[Event]) -> bool:
    """The promise that comes with a submission: nothing can be judged by it."""
    return event.type == "ticket.checkpoint_promised" and event.version == 2


def difference(found: Mapping[UUID, Results], standing: Standing) -> Difference:
    """Rows as they should be against rows as they are. Pure."""
    told = Difference({table: [] for table in TABLES}, {table: [] for table in TABLES}, Counter())
    for ticket, rows in found.items():
        for table, new in rows._asdict().items():
            before = {_key(table, old): old for old in standing.get(ticket, {}).get(table, [])}
            after = {_key(table, row): row for row in new}
            fresh = [row for key, row in after.items() if before.get(key) != tuple(row)]
            told.put[table] += fresh
            told.gone[table] += [key for key in before if key not in after]
            if table == "cycles":
                changed = {_key(table, row) for row in fresh}
                told.counted.update(tallies(fresh))
                old = [CycleRow(*row) for key, row in before.items() if key in changed or key not in after]
                told.counted.subtract(tallies(old))
    return told


def _key(table: str, row: Sequence[Any]) -> tuple[Any, ...]:
    fields = TABLES[table]._fields
    return tuple(row[fields.index(name)] for name in KEYS[table])


async def write(connection: Connection, lane: int, told: Difference) -> None:
    for table, keys in told.gone.items():
        if keys:
            await connection.execute(SQL[f"forget_{table}"], lane, *zip(*keys, strict=True))
    for table, rows in told.put.items():
        if rows:
            await connection.execute(SQL[f"put_{table}"], *zip(*rows, strict=True))
    await count(connection, lane, told.counted)


async def count(connection: Connection, lane: int, counted: Counter[Tally]) -> None:
    """Adds the differences to the tallies, in the order of their keys."""
    cells = sorted((cell, change) for cell, change in counted.items() if change)
    if cells:
        await connection.execute(SQL["tally"], lane, *zip(*((*cell, change) for cell, change in cells), strict=True))
