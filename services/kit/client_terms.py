"""A client -> what is in force for it and how busy the desk is with it, remembered for a moment. I/O.

Configuration is read again when its stream has grown, which is asked for every few seconds; the load is counted anew
once a minute, of the client's last events. The minute is the desk's own time, so that a replayed month comes out the
same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from contracts.model import DESK
from contracts.subjects import client_stream, lane_of_client
from services.kit.clients import Client
from services.kit.configuration import Books, read_books
from services.kit.postgres import Pool, queries
from services.kit.rules.open_time import us
from services.kit.rules.policies import WALL
from services.kit.rules.promise import ANSWERS, ASKS, CALM, Happened, Load, Terms, load_of

SQL = queries("services/kit/sql/client_terms.sql")

BOOKS_SECONDS: Final = 5.0  # a change made in another process is felt here after so long
LOAD_EVERY: Final = timedelta(minutes=1)
LATELY_MAX: Final = 300  # events of a client, of which its load is told
CLIENTS_MAX: Final = 5_000  # remembered by one process

KINDS: Final = sorted(ASKS | ANSWERS)


@dataclass(slots=True)
class _Held:
    books: Books
    versions: tuple[int, int]
    until: float
    load: Load = CALM
    counted_at: datetime | None = None


class ClientTerms:
    """One per process."""

    def __init__(self, pool: Pool, monotonic: Callable[[], float]) -> None:
        self._pool = pool
        self._monotonic = monotonic
        self._held: dict[str, _Held] = {}

    async def of(self, client: Client, now: datetime) -> Terms:
        """What a promise to this client's requesters goes by, at an instant."""
        held = await self._books(client.id)
        if held.books.policies.at(us(now)) is None:
            return Terms(client.tier, held.books.policies, held.books.calendars)
        counted = held.counted_at
        if counted is None or not timedelta() <= now - counted < LOAD_EVERY:
            held.load, held.counted_at = await self._load(client.id, held.books, now), now
        return Terms(client.tier, held.books.policies, held.books.calendars, held.load)

    async def books(self, slug: str) -> Books:
        """Calendars and policies of a client, of today's knowledge."""
        return (await self._books(slug)).books

    def forget(self) -> None:
        """Something was configured here just now; the desk's terms are those of many clients."""
        self._held.clear()

    async def _books(self, slug: str) -> _Held:
        held = self._held.get(slug)
        if held is not None and held.until > self._monotonic():
            return held
        until = self._monotonic() + BOOKS_SECONDS
        versions = await self._versions(slug)
        if held is not None and held.versions == versions:
            held.until = until
            return held
        if len(self._held) >= CLIENTS_MAX:
            self._held.clear()
        self._held[slug] = found = _Held(await read_books(self._pool, slug), versions, until)
        return found

    async def _versions(self, slug: str) -> tuple[int, int]:
        streams = (client_stream(slug), client_stream(DESK))
        rows = await self._pool.fetch(SQL["versions"], [lane_of_client(slug), lane_of_client(DESK)], streams)
        found = {row["stream"]: row["version"] for row in rows}
        return found.get(streams[0], 0), found.get(streams[1], 0)

    async def _load(self, slug: str, books: Books, now: datetime) -> Load:
        rows = await self._pool.fetch(SQL["lately"], lane_of_client(slug), slug, KINDS, LATELY_MAX)
        version = books.policies.at(us(now))
        name = version.policy.calendar if version else "default"
        hours = books.calendars.at(name, us(now)) if name in books.calendars.versions else WALL
        return load_of([Happened(*row) for row in rows if row["occurred_at"] <= now], hours, now)
