"""The desk's people, of today, as the log tells them: who can be given a ticket. I/O; names stay sealed and unread."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from contracts.catalogue import decode
from contracts.model import DESK
from contracts.people import AgentChanged, AgentRegistered, Level
from contracts.subjects import lane_of_client
from services.kit.postgres import Connection, Pool, queries
from services.kit.rules.routing import Worker

SQL = queries("services/kit/sql/staff.sql")

STAFF_MAX = 20_000  # people; a desk with more of them routes to teams


class Member(NamedTuple):
    """One of the desk's people. `clients` empty: all of them."""

    id: UUID
    level: Level
    teams: tuple[str, ...]
    clients: tuple[str, ...]
    languages: tuple[str, ...]
    skills: tuple[str, ...]
    capacity: int
    available: bool

    def worker(self, load: int) -> Worker:
        """How routing sees them, with so many open tickets."""
        return Worker(
            self.id,
            self.level,
            frozenset(self.teams),
            frozenset(self.clients),
            frozenset(self.languages),
            frozenset(self.skills),
            load,
            self.capacity,
            self.available,
        )


async def read_staff(reader: Connection | Pool) -> list[Member]:
    """Everybody who works at the desk now, by id."""
    found = []
    for row in await reader.fetch(SQL["staff"], lane_of_client(DESK), DESK, STAFF_MAX):
        told = decode(row["type"], row["schema_version"], row["payload"])
        if isinstance(told, AgentRegistered | AgentChanged):
            names = (told.teams, told.clients, told.languages, told.skills)
            found.append(Member(row["stream"], told.level, *names, told.capacity, told.available))
    return found
