"""The log -> a new version of a view beside the one that is read, then in its place. I/O, as the database's owner.

Load what the log held at the beginning, make the indexes, follow the log, switch. Every part is committed with how far
it came, so a killed rebuild goes on where it was. The switch renames two schemas in one transaction, behind the locks
that the live consumer takes first: readers wait for nothing and find either version whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from services.kit.log.read import read_lane
from services.kit.postgres import Connection, Pool, connect_pool, queries
from services.kit.settings import Settings
from services.reporting import directory_view, incidents_view, queue_view, search_view
from services.reporting.consumer import View
from services.reporting.directory_view import DirectoryView
from services.reporting.incidents_view import IncidentsView
from services.reporting.keys import reading_vault
from services.reporting.load import LaneLoader, Loader, QueueLoader
from services.reporting.queue_view import QueueView
from services.reporting.search_view import SearchView
from services.reporting.sla import view as sla_view
from services.reporting.sla.load import SlaLoader
from services.reporting.sla.view import SlaView

SQL = queries("services/reporting/sql/rebuild.sql")

CHECKSUMS: Final[Mapping[str, str]] = {
    "queue": queue_view.SQL["checksum"],
    "search": search_view.SQL["checksum"],
    "directory": directory_view.SQL["checksum"],
    "sla": sla_view.SQL["checksum"],
    "incidents": incidents_view.SQL["checksum"],
}

FOLLOW_BATCH = 2_000  # events of a lane in one transaction while the new version follows the log
NEAR = 500  # events behind; the rest is digested behind the locks of the switch, within some tens of milliseconds
STATEMENT_SECONDS = 3_600.0  # an index over the whole view
DROP_PATIENCE_MS = 200
DROP_TRIES = 50
CLAIM_PATIENCE_MS = 30_000  # for what a builder that was killed still has under way in the server


class RebuildRuns(Exception):
    """Another rebuild of this view is under way, or has taken over from this one."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a rebuild is doing: events done of those that the log held when it began."""

    phase: Literal["load", "index", "follow", "switch", "check"]
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A finished rebuild. `events` were read by this run; a resumed one had read others before."""

    view: str
    version: int
    events: int
    checksum: str


class Rebuild:
    """One rebuild of one view. `told` hears of every step; `view` is the writer that the live consumer uses too."""

    def __init__(
        self,
        pool: Pool,
        view: View,
        loader: Loader,
        told: Callable[[Step], None] = lambda step: None,
        *,
        new_id: Callable[[], UUID] = uuid7,
    ) -> None:
        self._pool = pool
        self._builder = new_id()
        self._view = view
        self._loader = loader
        self._told = told
        self._name = view.name
        self._schema = f"reporting_{view.name}"
        self._next = f"{self._schema}_next"
        self._total = 0
        self._done = 0
        self._events = 0

    async def run(self) -> Rebuilt:
        """Builds and switches. Raises RebuildRuns where another process is at it."""
        async with self._pool.acquire() as guard:
            if not await guard.fetchval(SQL["one_builder"], self._name):
                raise self._another()
            try:
                return await self._build()
            finally:
                with suppress(asyncpg.InterfaceError, asyncpg.PostgresConnectionError):  # went with its connection
                    await guard.execute(SQL["no_builder"], self._name)

    async def _build(self) -> Rebuilt:
        await self._claim()
        await self._prepare()
        await self._load()
        await self._index()
        await self._follow()
        version = await self._switch()
        await self._drop_old()
        self._tell("check")
        async with self._pool.acquire() as connection:
            checksum = await view_checksum(connection, self._name)
            await connection.execute(SQL["summed"], self._name, checksum, self._builder)
        return Rebuilt(self._name, version, self._events, checksum)

    async def _claim(self) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(SQL["patience"], f"{CLAIM_PATIENCE_MS}ms")
            try:
                await connection.execute(SQL["claim"], self._name, self._builder)
            except asyncpg.LockNotAvailableError:
                raise self._another() from None

    async def _prepare(self) -> None:
        """Finds a rebuild that was interrupted, or begins one."""
        await self._drop(f"{self._schema}_old")
        async with self._writing() as connection:
            shape = await connection.fetchval(SQL["shape"], self._name)
            if await connection.fetchval(SQL["begun"], self._name, shape, self._next):
                return
            await connection.execute(SQL["forget"], self._name)
            await connection.execute(SQL["name_schemas"], self._next, "")
            await connection.execute(SQL["drop_schema"])
            await connection.execute(SQL[f"create_{self._name}"], self._next)
            await connection.execute(SQL["guard"], self._next)
            await connection.execute(SQL["begin"], self._name, shape)

    async def _load(self) -> None:
        lanes = await self._pool.fetch(SQL["lanes"], self._name)
        self._total = sum(lane["upto"] for lane in lanes)
        self._done = sum(lane["loaded"] for lane in lanes)
        for lane in lanes:
            if lane["position"] >= lane["upto"]:
                continue
            before = self._done - lane["loaded"]
            async for loaded in self._loader.load(self._pool, self._next, lane, self._building):
                self._events += before + loaded.events - self._done
                self._done = before + loaded.events
                self._tell("load")

    async def _index(self) -> None:
        self._tell("index")
        async with self._writing() as connection:
            if (await connection.fetch(SQL["lanes"], self._name))[0]["indexed"]:
                return
            await connection.execute(SQL[f"index_{self._name}"], self._next)
            await connection.execute(SQL["indexed"], self._name)
        async with self._writing() as connection:
            await connection.execute(SQL["name_schemas"], self._next, "")
            await connection.execute(SQL["analyze"])

    async def _follow(self) -> None:
        """Digests what the log has taken in meanwhile, until little is missing."""
        while await self._pool.fetchval(SQL["behind"], self._name) > NEAR:
            for lane in await self._pool.fetch(SQL["lanes"], self._name):
                async with self._building() as connection:
                    await self._digest(connection, lane["lane"], lane["position"])
            self._tell("follow")

    async def _digest(self, connection: Connection, lane: int, position: int, least: int = 0) -> None:
        """Takes in a lane's next events, at least up to a position."""
        while True:
            events = await read_lane(connection, lane, position, FOLLOW_BATCH)
            if events:
                await self._view.apply({lane: events}, connection)
                position = events[-1].position
                self._events += len(events)
                await connection.execute(SQL["followed"], self._name, lane, position)
            if position >= least or not events:
                return

    async def _switch(self) -> int:
        self._tell("switch")
        async with self._building() as connection:
            live = {row["lane"]: row["position"] for row in await connection.fetch(SQL["lock_progress"], self._name)}
            for lane in await connection.fetch(SQL["lanes"], self._name):
                await self._digest(connection, lane["lane"], lane["position"], live[lane["lane"]])
            for schema, name in ((self._schema, f"{self._schema}_old"), (self._next, self._schema)):
                await connection.execute(SQL["name_schemas"], schema, name)
                await connection.execute(SQL["rename_schema"])
            await connection.execute(SQL["jump_progress"], self._name)
            await connection.execute(SQL["forget"], self._name)
            version: int = await connection.fetchval(SQL["switched"], self._name)
        return version

    async def _drop_old(self) -> None:
        """A reader may still be in a query that began before the switch; it is waited for, and nobody behind it."""
        for _ in range(DROP_TRIES):
            try:
                await self._drop(f"{self._schema}_old")
            except asyncpg.LockNotAvailableError:
                await asyncio.sleep(DROP_PATIENCE_MS / 1000)
            else:
                return

    async def _drop(self, schema: str) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(SQL["patience"], f"{DROP_PATIENCE_MS}ms")
            await connection.execute(SQL["name_schemas"], schema, "")
            await connection.execute(SQL["drop_schema"])

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[Connection]:
        """A transaction during which the view stays ours to build. Raises RebuildRuns where it is not any more."""
        async with self._pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval(SQL["still_ours"], self._name, self._builder):
                raise self._another()
            yield connection

    @asynccontextmanager
    async def _building(self) -> AsyncIterator[Connection]:
        """The same, with the view's tables being those of the version under construction."""
        async with self._writing() as connection:
            await connection.execute(SQL["mean"], self._next)
            yield connection

    def _another(self) -> RebuildRuns:
        return RebuildRuns(f"another rebuild of {self._name} is under way: wait for it, or end it")

    def _tell(self, phase: Any) -> None:
        self._told(Step(phase, self._done, self._total))


@asynccontextmanager
async def rebuilding(settings: Settings, view: str, told: Callable[[Step], None]) -> AsyncIterator[Rebuild]:
    """A rebuild of a view by its name, with a pool of the owner's that is closed behind it."""
    pool = await connect_pool(
        settings, "owner", size=6, program=f"daybook-rebuild-{view}", statement_seconds=STATEMENT_SECONDS
    )
    try:
        yield Rebuild(pool, *_parts(view, pool, settings), told)
    finally:
        await pool.close()


def _parts(view: str, pool: Pool, settings: Settings) -> tuple[View, Loader]:
    match view:
        case "queue":
            return QueueView(), QueueLoader()
        case "search":
            search = SearchView(reading_vault(pool, settings))
            return search, LaneLoader(search)
        case "directory":
            directory = DirectoryView()
            return directory, LaneLoader(directory)
        case "sla":
            return SlaView(), SlaLoader()
        case "incidents":
            incidents = IncidentsView()
            return incidents, LaneLoader(incidents)
        case _:
            raise LookupError(f"there is no view {view}")


async def view_checksum(connection: Connection, view: str) -> str:
    """Sixteen hex digits over what a view shows, as it is read now. Two versions that show the same have the same."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(SQL["mean"], f"reporting_{view}")
        total = await connection.fetchval(CHECKSUMS[view])
    return f"{int(total) % (1 << 64):016x}"
