"""What is asked of the queue -> a page of it, its total and its counts. I/O, reading only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from contracts.model import DESK
from contracts.subjects import LANES, lane_of_client
from contracts.terms import Status
from services.kit.postgres import Connection, Pool, queries
from services.reporting.asked import BIGINT_MAX, FIRST, LAST, Asked, Cursor, Place, write_cursor
from services.reporting.opened import stored
from services.reporting.search import found_by_words

SQL = queries("services/reporting/sql/queue.sql")
COUNTS = queries("services/reporting/sql/counts.sql")

BRANCHES_MAX = 20  # clients whose rows are merged one index range each; more are picked out of the whole desk's
COUNTED_MAX = 10_000  # rows counted for a combination of filters that no kept count covers
DESK_LANE = lane_of_client(DESK)

Reader = Connection | Pool


@dataclass(frozen=True, slots=True)
class Page:
    """Rows as the API shows them, still sealed. `total` is the least there is where `total_is_least`."""

    items: Sequence[Mapping[str, Any]]
    next_cursor: str | None
    total: int
    total_is_least: bool
    counts: Mapping[str, Mapping[str, int]]


async def page_of(reader: Reader, asked: Asked) -> Page:
    """One page. With words it is a page of what they find, in the order asked for or by relevance."""
    if asked.clients == ():
        return Page((), None, 0, False, {"status": {}, "priority": {}})
    if asked.words:
        found = await found_by_words(reader, asked)
        places, cells, least = found.places, found.cells, found.is_least
    else:
        places = await _places(reader, asked)
        cells, least = await _cells(reader, asked)
    items = await rows(reader, places[: asked.limit])
    following = None
    if len(places) > asked.limit:
        last = places[asked.limit - 1]
        following = write_cursor(Cursor(asked.sort, last.key, last.ticket))
    return Page(items, following, _total(cells, asked), least, _by_status_and_priority(cells, asked))


async def _places(reader: Reader, asked: Asked) -> Sequence[Place]:
    """The places of one page, and of one row more where there is one."""
    newest = asked.sort == "newest"
    cursor = asked.cursor or Cursor(asked.sort, BIGINT_MAX if newest else -BIGINT_MAX, LAST if newest else FIRST)
    few = asked.clients is not None and len(asked.clients) <= BRANCHES_MAX
    arguments = [
        asked.statuses,
        asked.clients if few else [None],
        not few,
        None if few else asked.clients,
        asked.priorities,
        asked.category,
        asked.agent,
        asked.unassigned,
        asked.tag,
        asked.at,
        cursor.key,
        cursor.ticket,
        asked.limit + 1,
    ]
    if newest:
        found = await reader.fetch(SQL["page_newest"], *arguments)
    else:
        found = await reader.fetch(SQL["page"], *arguments, asked.sort)
    return [Place(row["lane"], row["ticket"], row["key"], row["past"]) for row in found]


Cells = Mapping[tuple[str, str], int]
"""(status, priority) -> tickets, for all statuses and priorities under the other filters."""


async def _cells(reader: Reader, asked: Asked) -> tuple[Cells, bool]:
    facets = asked.facets
    if asked.at is None and len(facets) <= 1:
        facet, value = facets[0] if facets else ("", "")
        lanes = range(LANES) if asked.clients is None else sorted({lane_of_client(client) for client in asked.clients})
        found = await reader.fetch(COUNTS["counts"], list(lanes), facet, value, asked.clients)
        return {(row["status"], row["priority"]): row["tickets"] for row in found}, False
    filters = (asked.clients, asked.category, asked.agent, asked.unassigned, asked.tag)
    if asked.at is None:
        found = await reader.fetch(COUNTS["counted"], COUNTED_MAX, *filters)
    else:
        found = await reader.fetch(COUNTS["counted_as_of"], asked.at, *filters)
    cells = {(row["status"], row["priority"]): row["tickets"] for row in found}
    return cells, asked.at is None and sum(cells.values()) >= COUNTED_MAX


def _total(cells: Cells, asked: Asked) -> int:
    return sum(
        tickets
        for (status, priority), tickets in cells.items()
        if status in asked.statuses and (asked.priorities is None or priority in asked.priorities)
    )


def _by_status_and_priority(cells: Cells, asked: Asked) -> dict[str, dict[str, int]]:
    """For each dimension its counts under all the other filters: what a click on one of its values would show."""
    statuses: Counter[str] = Counter({status.value: 0 for status in Status})
    priorities: Counter[str] = Counter()
    for (status, priority), tickets in cells.items():
        if asked.priorities is None or priority in asked.priorities:
            statuses[status] += tickets
        if status in asked.statuses:
            priorities[priority or "none"] += tickets
    return {"status": dict(statuses), "priority": dict(priorities)}


async def rows(reader: Reader, places: Sequence[Place]) -> Sequence[Mapping[str, Any]]:
    """What the queue shows of these places, in their order."""
    shown: dict[UUID, Mapping[str, Any]] = {}
    current = [place for place in places if place.past is None]
    past = [place for place in places if place.past is not None]
    if current:
        keys = _keys(current)
        shown |= {row["ticket"]: item(row) for row in await reader.fetch(SQL["rows"], *keys, DESK_LANE)}
    if past:
        instants = [place.past for place in past]
        found = await reader.fetch(SQL["past_rows"], *_keys(past), DESK_LANE, instants)
        shown |= {row["ticket"]: item(row) for row in found}
    return [shown[place.ticket] for place in places if place.ticket in shown]


def _keys(places: Iterable[Place]) -> tuple[list[int], list[UUID]]:
    return [place.lane for place in places], [place.ticket for place in places]


def item(row: asyncpg.Record) -> dict[str, Any]:
    """One line of the queue, in the shape of the API; personal values still sealed."""
    return {
        "id": row["ticket"],
        "reference": f"{row['prefix']}-{row['number']}",
        "client": row["client"],
        "client_name": row["client_name"],
        "subject": stored(row["subject"]),
        "requester_name": stored(row["requester_name"]),
        "status": row["status"],
        "priority": row["priority"],
        "category": row["category"],
        "assignee_id": row["agent"],
        "assignee_name": stored(row["agent_name"]),
        "team": row["team"],
        "tags": row["tags"],
        "exchanges": row["exchanges"],
        "opened_at": row["opened_at"],
        "updated_at": row["valid_from"],
        "next_update_by": row["deadline"],
        "source_status": row["source_status"],
        "position": f"{row['lane']}:{row['position']}",
        "version": row["version"],
    }
