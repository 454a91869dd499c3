"""Events of some lanes -> judged clocks, pauses and stories of tickets, in the caller's transaction. I/O.

A ticket's rows are a function of its whole stream and of its client's books. What stands there is read first and only
differences are written, so an event that comes twice, or late, changes nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple
from uuid import UUID

from contracts.calendars import CalendarCorrected
from contracts.envelope import Recorded
from contracts.model import DESK, Event
from contracts.subjects import LANES, lane_of
from services.kit.postgres import Connection, queries
from services.reporting.sla.results import CycleRow, PauseRow, Results, StoryRow, Tally, results, tallies
from services.reporting.sla.tale import MATTERS
from services.reporting.sla.tales import Tales

SQL = queries("services/reporting/sql/sla_write.sql")
AGAIN = queries("services/reporting/sql/sla_again.sql")

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
    counted: defaultdict[int, Counter[Tally]]
    """By lane."""


class SlaView:
    """Keeps what became of clocks and promises."""

    name = "sla"

    def __init__(self, tales: Tales | None = None) -> None:
        self._tales = tales or Tales()

    async def apply(self, batch: Mapping[int, Sequence[Recorded[Event]]], connection: Connection) -> None:
        """Digests events of some lanes, each in order. What was digested before changes nothing."""
        await note_corrections(connection, chain.from_iterable(batch.values()))
        streams: dict[UUID, list[Recorded[Event]]] = {}
        judged: set[UUID] = set()
        for event in chain.from_iterable(batch.values()):
            if event.type.startswith(("ticket.", "sla.")):
                streams.setdefault(event.stream, []).append(event)
                if event.type in JUDGES and not _is_birth(event):
                    judged.add(event.stream)
        moved = [stream for stream, fresh in streams.items() if any(event.type in MATTERS for event in fresh)]
        if not moved:
            return
        known = await standing(connection, moved)
        asked = {stream: streams[stream] for stream in moved if stream in judged or stream in known}
        if asked:
            clients = {fresh[0].client for fresh in asked.values()}
            books = await self._tales.shelf.take(connection, clients)
            upto = {lane: events[-1].position for lane, events in batch.items()}
            tales = await self._tales.whole(connection, asked, books, upto)
            found = {stream: results(tale) for stream, tale in tales.items()}
            await write(connection, difference(found, known))


async def standing(connection: Connection, streams: Sequence[UUID]) -> Standing:
    """The rows of these tickets as they stand."""
    found: Standing = {}
    rows = await connection.fetch(SQL["standing"], [lane_of(stream) for stream in streams], streams)
    held = [row["ticket"] for row in rows]
    lanes = [lane_of(ticket) for ticket in held]
    for table in TABLES if held else ():
        for row in await connection.fetch(SQL[f"standing_{table}"], lanes, held):
            found.setdefault(row["ticket"], {}).setdefault(table, []).append(tuple(row))
    return found


async def note_corrections(connection: Connection, events: Iterable[Recorded[Event]]) -> None:
    """Remembers which clients' tickets these events judge anew (`again`): of the desk's calendar, everybody's."""
    wanted: set[tuple[int, str]] = set()
    for event in events:
        if isinstance(event.data, CalendarCorrected):
            lanes = range(LANES) if event.client == DESK else (event.lane,)
            wanted |= {(lane, event.client) for lane in lanes}
    if wanted:
        await connection.execute(AGAIN["note"], *zip(*sorted(wanted), strict=True))


def _is_birth(event: Recorded[Event]) -> bool:
    """The promise that comes with a submission: nothing can be judged by it."""
    return event.type == "ticket.checkpoint_promised" and event.version == 2


def difference(found: Mapping[UUID, Results], known: Standing) -> Difference:
    """Rows as they should be against rows as they are. Pure."""
    told = Difference({table: [] for table in TABLES}, {table: [] for table in TABLES}, defaultdict(Counter))
    for ticket, rows in found.items():
        for table, new in rows._asdict().items():
            before = {_key(table, old): old for old in known.get(ticket, {}).get(table, [])}
            after = {_key(table, row): row for row in new}
            fresh = [row for key, row in after.items() if before.get(key) != tuple(row)]
            told.put[table] += fresh
            told.gone[table] += [key for key in before if key not in after]
            if table == "cycles":
                changed = {_key(table, row) for row in fresh}
                counted = told.counted[lane_of(ticket)]
                counted.update(tallies(fresh))
                old = [CycleRow(*row) for key, row in before.items() if key in changed or key not in after]
                counted.subtract(tallies(old))
    return told


def _key(table: str, row: Sequence[Any]) -> tuple[Any, ...]:
    fields = TABLES[table]._fields
    return tuple(row[fields.index(name)] for name in KEYS[table])


async def write(connection: Connection, told: Difference) -> None:
    for table, keys in told.gone.items():
        if keys:
            gone = [(lane_of(key[0]), *key) for key in keys]
            await connection.execute(SQL[f"forget_{table}"], *zip(*gone, strict=True))
    for table, rows in told.put.items():
        if rows:
            await connection.execute(SQL[f"put_{table}"], *zip(*rows, strict=True))
    await count(connection, told.counted)


async def count(connection: Connection, counted: Mapping[int, Counter[Tally]]) -> None:
    """Adds the differences to each lane's tallies, in the order of their keys."""
    cells = sorted(
        (lane, *cell, change) for lane, of_lane in counted.items() for cell, change in of_lane.items() if change
    )
    if cells:
        await connection.execute(SQL["tally"], *zip(*cells, strict=True))
