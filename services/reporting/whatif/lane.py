"""One lane of the log up to a position -> its part of a replay: a tally, and a file of lines. I/O, reads only.

Tickets come in the order of their ids, a page at a time, so that memory holds a page and a client's books, never the
log. What neither began nor went on in the range is passed over before it is decoded.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson

from contracts.envelope import Recorded
from contracts.model import DESK, Event
from contracts.subjects import client_stream, lane_of
from contracts.tickets import PrioritySuggested, TicketSubmitted
from services.kit.log.read import Reader, recorded
from services.kit.postgres import queries
from services.kit.rules.clock_rules import RULES
from services.kit.rules.open_time import us
from services.reporting.whatif.asked import WhatifQuestion
from services.reporting.whatif.books import CONFIGURES, Shelf
from services.reporting.whatif.outcomes import Range
from services.reporting.whatif.part import Part
from services.reporting.whatif.tally import Tally

SQL = queries("services/reporting/sql/whatif_read.sql")

PAGE: Final = 5_000  # events read at once: some 5 MB
NOBODY: Final = UUID(int=0)
TYPES: Final = sorted({*RULES, PrioritySuggested.type})
"""What clocks and priorities go by."""

History = Sequence[Recorded[Event]]
Told = Callable[[int, int], None]
"""Is told of so many tickets more, and so many events."""


async def configurations(reader: Reader, positions: Mapping[int, int], slugs: Iterable[str]) -> dict[str, History]:
    """The streams of configuration of these clients, as they were up to these positions."""
    lanes: dict[int, list[UUID]] = {}
    for slug in slugs:
        stream = client_stream(slug)
        lanes.setdefault(lane_of(stream), []).append(stream)
    found: dict[str, History] = {}
    for lane, streams in sorted(lanes.items()):
        rows = await reader.fetch(SQL["configurations"], lane, streams, positions.get(lane, 0), CONFIGURES)
        for slug, events in groupby(recorded(rows), lambda event: event.client):
            found[slug] = list(events)
    return found


async def replay_lane(
    reader: Reader, lane: int, asked: WhatifQuestion, clients: Sequence[str] | None, lines: Path, told: Told
) -> Tally:
    """Replays one lane as it was at the snapshot of the question, and writes a line for whatever moved."""
    assert asked.snapshot is not None  # noqa: S101  whoever starts a replay has fixed it
    upto = asked.snapshot.positions.get(lane, 0)
    slugs = [row["client"] for row in await reader.fetch(SQL["clients_of_lane"], lane, clients)]
    streams = await configurations(reader, asked.snapshot.positions, [DESK, *slugs])
    span = Range(us(asked.from_at), us(asked.to_at), us(asked.snapshot.now))
    part = Part(asked, Shelf.of(streams.get(DESK, ()), asked), streams, span)
    with lines.open("wb") as file:
        async for page in pages(reader, lane, upto, clients):
            tickets = [rows for rows in page if _touches(rows, span)]
            histories = [recorded(rows) for rows in tickets]
            gone = await _erased(reader, lane, upto, histories) if asked.rules is not None else frozenset()
            for history in histories:
                for line in part.ticket(history, lambda born: born.requester in gone):  # noqa: B023  used at once
                    file.write(orjson.dumps(line, default=str) + b"\n")
            told(len(page), sum(map(len, page)))
    return part.tally


async def pages(reader: Reader, lane: int, upto: int, clients: Sequence[str] | None) -> AsyncIterator[list[list[Any]]]:
    """Pages of whole tickets, each the rows of its stream. A stream longer than a page comes alone."""
    after = NOBODY
    while True:
        rows: Sequence[Any]
        if clients is None:
            rows = await reader.fetch(SQL["tickets"], lane, after, upto, TYPES, PAGE)
        else:
            rows = await reader.fetch(SQL["tickets_of"], lane, after, upto, TYPES, PAGE, clients)
        last = len(rows) < PAGE
        if not last:
            cut = rows[-1]["stream"]
            if rows[0]["stream"] == cut:
                rows = await reader.fetch(SQL["ticket"], lane, cut, upto, TYPES)
            else:
                rows = [row for row in rows if row["stream"] != cut]
        if rows:
            after = rows[-1]["stream"]
            yield [list(stream) for _, stream in groupby(rows, itemgetter("stream"))]
        if last:
            return


def _touches(rows: Sequence[Any], span: Range) -> bool:
    """Whether a ticket had an event in the range: no clock begins without one. A call may be logged after the range in
    which it was answered, so what comes later is no reason to pass a ticket over."""
    return us(rows[0]["occurred_at"]) < span.end and us(rows[-1]["occurred_at"]) >= span.start


async def _erased(reader: Reader, lane: int, upto: int, histories: Iterable[History]) -> Collection[UUID]:
    """Which of the tickets' requesters were erased by then."""
    people = {history[0].data.requester for history in histories if isinstance(history[0].data, TicketSubmitted)}
    return {row["stream"] for row in await reader.fetch(SQL["erased"], lane, list(people), upto)}
