"""What is asked of the queue -> a page of it, its total and its counts. I/O, reading only."""

from __future__ import annotations

from asyncio import gather
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from contracts.envelope import microseconds
from contracts.model import DESK
from contracts.subjects import LANES, lane_of_client
from contracts.terms import Status
from services.kit.postgres import Connection, Pool, queries
from services.reporting.asked import BIGINT_MAX, FIRST, LAST, Asked, Cursor, Place, write_cursor
from services.reporting.cells import Cell, Kept, by_value, few_fit, kept_of, wanted
from services.reporting.line import ACTIVE, NEVER, priority_range
from services.reporting.opened import stored
from services.reporting.search import found_by_words

SQL = queries("services/reporting/sql/queue.sql")
COUNTS = queries("services/reporting/sql/counts.sql")

BRANCHES_MAX = 20  # clients whose rows are merged one index range each; more are picked out of the whole desk's
COMING = 8  # tickets that are due next, on the dashboard
COUNTED_MAX = 1_000  # rows counted for a combination of facets
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


async def page_of(reader: Pool, asked: Asked) -> Page:
    """One page. With words it is a page of what they find, in the order asked for or by relevance."""
    if asked.clients == ():
        return Page((), None, 0, False, {"status": {}, "priority": {}})
    if asked.words:
        found = await found_by_words(reader, asked)
        places, cells, least = found.places, found.cells, found.is_least
    else:
        kept, places = await _kept_and_places(reader, asked)
        cells, least = await _cells(reader, asked, kept)
    items = await rows(reader, places[: asked.limit])
    following = None
    if len(places) > asked.limit:
        last = places[asked.limit - 1]
        following = write_cursor(Cursor(asked.sort, last.key, last.ticket))
    return Page(items, following, round(wanted(cells, asked)), least, by_value(cells, asked))


async def _kept_and_places(reader: Pool, asked: Asked) -> tuple[Kept, Sequence[Place]]:
    """Counts say by which way a filtered page is had cheapest; where nothing is filtered nobody waits for them."""
    if asked.narrowed or not (asked.facets or asked.priorities):
        return await gather(_kept(reader, asked), _places(reader, asked, few=asked.narrowed))
    kept = await _kept(reader, asked)
    return kept, await _places(reader, asked, few=few_fit(kept, asked))


async def _kept(reader: Reader, asked: Asked) -> Kept:
    facets = [("", ""), *asked.facets]
    lanes = range(LANES) if asked.clients is None else sorted({lane_of_client(client) for client in asked.clients})
    names, values = zip(*facets, strict=True)
    found = await reader.fetch(COUNTS["counts"], list(lanes), names, values, asked.clients)
    counts = ((row["facet"], row["status"], row["priority"], row["tickets"]) for row in found)
    return kept_of(counts, names[1:])


async def _cells(reader: Reader, asked: Asked, kept: Kept) -> tuple[Mapping[Cell, float], bool]:
    """How many tickets fit in each cell, and whether there may be more than were counted."""
    if asked.at is not None:
        return await _cells_at(reader, asked, kept, asked.at), False
    if kept.exact and not asked.narrowed:
        return kept.expected(), False
    found = await reader.fetch(COUNTS["counted"], COUNTED_MAX, *_facets(asked), *_ranges(asked))
    cells = {(row["status"], row["priority"]): row["tickets"] for row in found}
    return cells, sum(cells.values()) >= COUNTED_MAX


async def _cells_at(reader: Reader, asked: Asked, kept: Kept, at: datetime) -> Mapping[Cell, float]:
    """What was not changed since the instant, counted from its smaller side, and what was, as it was then."""
    since = kept.exact and not asked.narrowed and await mostly_before(reader, at, asked.now)
    cells = Counter(kept.expected() if since else {})
    for row in await reader.fetch(COUNTS["changed"], at, *_facets(asked), since, *_ranges(asked)):
        cells[row["status"], row["priority"]] += -row["tickets"] if since else row["tickets"]
    for row in await reader.fetch(COUNTS["past"], at, *_facets(asked), *_ranges(asked)):
        cells[row["status"], row["priority"]] += row["tickets"]
    return cells


async def mostly_before(reader: Reader, at: datetime, now: datetime) -> bool:
    """Whether most tickets were opened before an instant, if they came evenly."""
    oldest: datetime | None = await reader.fetchval(COUNTS["oldest"], list(Status))
    return oldest is not None and at - oldest > now - at


def _facets(asked: Asked) -> tuple[object, ...]:
    return asked.clients, asked.category, asked.agent, asked.unassigned, asked.tag


def _ranges(asked: Asked) -> tuple[object, ...]:
    return (list(Status) if asked.narrowed else None, *asked.ranges)


async def _places(reader: Reader, asked: Asked, *, few: bool) -> Sequence[Place]:
    """The places of one page, and of one row more where there is one."""
    cursor = asked.cursor or _beginning(asked)
    found = await (_gather(reader, asked, cursor) if few else _walk(reader, asked, cursor))
    if asked.at is None:
        return found
    newest = asked.sort == "newest"
    arguments = asked.statuses, asked.at, *_filters(asked), *_cut(asked, cursor), *asked.ranges
    past = _as_places(await reader.fetch(SQL["past"], *arguments))
    merged = sorted((*found, *past), key=lambda place: (place.key, place.ticket), reverse=newest)
    return merged[: asked.limit + 1]


async def _walk(reader: Reader, asked: Asked, cursor: Cursor) -> Sequence[Place]:
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
    if asked.sort == "newest":
        return _as_places(await reader.fetch(SQL["walk_newest"], *arguments))
    return _as_places(await reader.fetch(SQL["walk"], *arguments, asked.sort))


async def _gather(reader: Reader, asked: Asked, cursor: Cursor) -> Sequence[Place]:
    least, most = priority_range(asked.priorities) if asked.priorities else (None, None)
    arguments = asked.statuses, asked.at, *_filters(asked), *_cut(asked, cursor)
    return _as_places(await reader.fetch(SQL["gather"], *arguments, least, most, *asked.ranges))


def _filters(asked: Asked) -> tuple[object, ...]:
    return asked.clients, asked.priorities, asked.category, asked.agent, asked.unassigned, asked.tag


def _cut(asked: Asked, cursor: Cursor) -> tuple[object, ...]:
    return cursor.key, cursor.ticket, asked.limit + 1, asked.sort


def _as_places(found: Sequence[asyncpg.Record]) -> list[Place]:
    return [Place(row["lane"], row["ticket"], row["key"], row["past"]) for row in found]


async def coming(
    reader: Reader, clients: Sequence[str] | None, at: datetime | None, now: datetime
) -> Sequence[Mapping[str, Any]]:
    """The tickets whose promise or clock is due next, after an instant; what is late already is another figure."""
    if clients is not None and not clients:
        return ()
    first = Cursor("deadline", microseconds(at or now), FIRST)
    asked = Asked(
        tuple(status.value for status in Status if status in ACTIVE), None, None if clients is None else tuple(clients),
        None, None, False, None, "", "deadline", COMING, first, at, now,
    )  # fmt: skip
    places = await _places(reader, asked, few=False)
    return await rows(reader, [place for place in places[:COMING] if place.key < NEVER])


def _beginning(asked: Asked) -> Cursor:
    """Before the first row. What was opened after the instant asked for need not be looked at."""
    if asked.sort != "newest":
        return Cursor(asked.sort, -BIGINT_MAX, FIRST)
    return Cursor(asked.sort, BIGINT_MAX if asked.at is None else microseconds(asked.at), LAST)


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
        "next_deadline": min((at for at in (row["deadline"], row["clock_due"]) if at is not None), default=None),
        "next_deadline_of": _first(row["deadline"], row["clock_due"], row["clock"]),
        "source_status": row["source_status"],
        "position": f"{row['lane']}:{row['position']}",
        "version": row["version"],
    }


def _first(promise: datetime | None, clock_due: datetime | None, clock: str | None) -> str | None:
    """What is due first: the promise, or a clock by its metric."""
    if promise is None or (clock_due is not None and clock_due < promise):
        return clock
    return "promise"
