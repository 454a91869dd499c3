"""(A list of who was erased, a desk brought back from a backup) -> the same desk, in which they are erased again. I/O.

A backup holds the keys of its time, so whoever was erased later would be readable again. A list names persons by id
alone: without their keys it says nothing of anybody, and is kept apart from the backups.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from uuid_utils.compat import uuid7

from contracts.envelope import Origin
from services.intake.edge import Stamp
from services.intake.erasure import client_of, erase
from services.kit.postgres import Pool, queries
from services.kit.settings import Settings

SQL = queries("services/erasing/sql/again.sql")

ACTOR: Final = "system:cli"
NOBODY: Final = "none"
"""Given for a list: nobody was erased since the backup."""


class BadList(Exception):
    """A file that is no list of erased persons, in a sentence."""


@dataclass(slots=True)
class Again:
    """Of the persons of a list: how many are erased now, were before, and were never known to this desk."""

    erased: int = 0
    before: int = 0
    unknown: int = 0


def by_cli(settings: Settings) -> Stamp:
    """What the events of an erasure from the command line share."""
    return Stamp(ACTOR, Origin.LIVE, datetime.now(UTC) if settings.clock == "log" else None, None)


async def lines(pool: Pool) -> AsyncIterator[dict[str, Any]]:
    """Everybody who was erased, as `read_list` reads them."""
    for row in await pool.fetch(SQL["list"]):
        yield {"person": str(row["person"]), "erased_at": row["erased_at"].isoformat()}


def read_list(path: Path) -> frozenset[UUID]:
    """The persons in what `daybook erase --list` wrote. Raises BadList."""
    try:
        return frozenset(UUID(json.loads(line)["person"]) for line in path.read_text().splitlines())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadList(f"{path} has a line that names nobody: give what daybook erase --list wrote") from error
    except OSError as error:
        raise BadList(f"{path} can't be read ({error.strerror}): give what daybook erase --list wrote") from error


async def erase_again(
    pool: Pool, persons: Collection[UUID], by: Stamp, told: Callable[[], None] = lambda: None
) -> Again:
    """Erases each person of a list whom this desk knows. Killed, it is run again."""
    done = Again()
    for person in sorted(persons):
        client = await client_of(pool, person)
        async with pool.acquire() as connection:
            erased = client and await erase(connection, person=person, client=client, by=by, new_id=uuid7)
        if not erased:
            done.unknown += 1
        elif erased.now:
            done.erased += 1
        else:
            done.before += 1
        told()
    return done
