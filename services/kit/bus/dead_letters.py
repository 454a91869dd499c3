"""What people do with events that a consumer could not digest: list, show, ask for a replay. I/O.

The replay itself is the consumer's (services/kit/bus/digest.py): it has the handler, the lock and the order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from services.kit.postgres import Connection, Pool, queries

SQL = queries("services/kit/bus/sql/dead_letters.sql")

LIST_MAX = 1_000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One event that a consumer could not digest, or that waits for one of its stream."""

    lane: int
    consumer: str
    position: int
    stream: UUID
    type: str
    error: str
    attempts: int
    failed_at: datetime
    replay_requested_at: datetime | None
    replayed_at: datetime | None

    @property
    def waits(self) -> bool:
        """Whether nothing is wrong with this one: it only waits for an earlier event of its stream."""
        return self.attempts == 0


@dataclass(frozen=True, slots=True)
class Shown(DeadLetter):
    """A dead letter with its event. Personal data in `data` is sealed, as the log has it."""

    client: str
    version: int
    actor: str
    origin: str
    occurred_at: datetime
    recorded_at: datetime
    trace: str | None
    data: Any


class Asked(NamedTuple):
    """The first letter of a stream whose replay was asked for."""

    consumer: str
    lane: int
    position: int
    stream: UUID


async def list_letters(
    reader: Connection | Pool, consumer: str | None = None, *, replayed: bool = False, limit: int = LIST_MAX
) -> Sequence[DeadLetter]:
    """Dead letters in the order in which they failed; with `replayed` those that were digested later, too."""
    rows = await reader.fetch(SQL["list"], consumer, replayed, limit)
    return [DeadLetter(**row) for row in rows]


async def show_letter(reader: Connection | Pool, consumer: str, lane: int, position: int) -> Shown | None:
    """One dead letter with its event; None where there is none."""
    row = await reader.fetchrow(SQL["show"], consumer, lane, position)
    if row is None:
        return None
    fields = dict(row)
    payload = fields.pop("payload")
    return Shown(**fields, data=orjson.loads(payload))


async def ask_replay(
    reader: Connection | Pool, consumer: str | None = None, place: tuple[int, int] | None = None
) -> Sequence[Asked]:
    """Asks for the replay of the stream of one letter, at (lane, position), or of all that wait.

    The consumer's running process does it within a second, the stream's letters in order, up to one that fails again.
    """
    lane, position = place or (None, None)
    return [Asked(*row) for row in await reader.fetch(SQL["ask_replay"], consumer, lane, position)]
