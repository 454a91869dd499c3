"""(Log, view) -> the checksum of the view as it is read, and of a fresh fold up to where it has come. I/O.

Both are of one snapshot of the database: one transaction reads the view, its progress, the log and the persons' keys,
and folds the log into temporary tables that nobody else sees and that are gone at its end. So a desk may go on writing
meanwhile.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from services.kit.log.read import read_lane, recorded
from services.kit.postgres import Connection, queries
from services.kit.settings import Settings
from services.reporting.consumer import View
from services.reporting.directory_view import DirectoryView
from services.reporting.incidents_view import IncidentsView
from services.reporting.keys import reading_vault
from services.reporting.load import SQL as LOAD_SQL
from services.reporting.load import QueueLoader, StreamLoader
from services.reporting.rebuild import CHECKSUMS
from services.reporting.search_view import SearchView
from services.reporting.sla.load import SlaLoader

SQL = queries("services/proving/sql/proving.sql")

PAGE = 10_000  # events folded at once
BATCH = 2_000  # events of a lane handed to a view at once
NOBODY = UUID(int=0)
LOADERS: Final[Mapping[str, type[StreamLoader]]] = {"queue": QueueLoader, "sla": SlaLoader}

Told = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Compared:
    """A view beside a fresh fold. `skipped` says in a sentence why they were not compared."""

    view: str
    live: str = ""
    fresh: str = ""
    skipped: str | None = None

    @property
    def same(self) -> bool:
        return self.live == self.fresh


async def compare(connection: Connection, settings: Settings, view: str, told: Told = lambda events: None) -> Compared:
    """Folds the log anew and compares. Run it as the database's owner, outside a transaction."""
    schema = f"reporting_{view}"
    async with connection.transaction(isolation="repeatable_read"):
        await connection.execute(SQL["patience"])
        waiting = await connection.fetchval(SQL["letters_waiting"])
        if waiting:
            return Compared(view, skipped=f"{waiting} events wait as dead letters: see daybook dead-letters list")
        if await connection.fetchval(SQL["erasures_to_come"], view):
            return Compared(view, skipped="an erasure has not reached it yet: run this again in a minute")
        upto = {row["lane"]: row["position"] for row in await connection.fetch(SQL["progress"], view)}
        await connection.execute(SQL["mean"], f"{schema}, reporting", schema)
        live = await connection.fetchval(CHECKSUMS[view])
        await connection.execute(SQL["scratch"])
        await connection.execute(SQL["mean"], "pg_temp, reporting", schema)
        if view in LOADERS:
            await _fold(connection, LOADERS[view](), upto, told)
        else:
            await _feed(connection, _writer(view, connection, settings), upto, told)
        return Compared(view, _digits(live), _digits(await connection.fetchval(CHECKSUMS[view])))


def _digits(total: Any) -> str:
    return f"{int(total) % (1 << 64):016x}"


def _writer(view: str, connection: Connection, settings: Settings) -> View:
    match view:
        case "search":
            return SearchView(reading_vault(connection, settings))
        case "incidents":
            return IncidentsView()
        case _:
            return DirectoryView()


async def _feed(connection: Connection, view: View, upto: Mapping[int, int], told: Told) -> None:
    """By position, with the writer that the live consumer uses."""
    for lane, end in upto.items():
        position = 0
        while position < end:
            events = await read_lane(connection, lane, position, min(BATCH, end - position))
            if not events:
                break
            await view.apply({lane: events}, connection)
            position = events[-1].position
            told(len(events))


async def _fold(connection: Connection, loader: StreamLoader, upto: Mapping[int, int], told: Told) -> None:
    """Ticket by ticket, each folded in one go and written once."""
    for lane, end in upto.items():
        async for page in streams(connection, lane, end):
            await loader.fill(connection, "pg_temp", lane, page)
            told(len(page))


async def streams(connection: Connection, lane: int, upto: int) -> AsyncIterator[list[Any]]:
    """Pages of whole streams of tickets, in the order of their ids. A stream longer than a page comes alone."""
    after = NOBODY
    while True:
        rows = await connection.fetch(LOAD_SQL["by_stream"], lane, after, upto, PAGE)
        last = len(rows) < PAGE
        if not last:
            cut = rows[-1]["stream"]
            if rows[0]["stream"] == cut:
                rows = await connection.fetch(LOAD_SQL["stream"], lane, cut, upto)
            else:
                rows = [row for row in rows if row["stream"] != cut]
        if rows:
            after = rows[-1]["stream"]
            yield recorded(rows)
        if last:
            return
