"""Rows and a map -> cases: the rows of one ticket, in the order in which they happened. Pure.

Order is time, then the file. A row that stands behind a later one is put where its time says, and that is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.importing.map import Coded, Map, Time
from services.importing.refusals import BadMap, RefusedRow
from services.importing.table import Row, Table

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
NAME_CHARACTERS_MAX = 200  # names stand in indexes and lists
AHEAD_MAX = timedelta(days=1)  # clocks of other desks may be ahead of ours, though not by more


class Line(NamedTuple):
    """A row with its instant. `nth` counts rows of the same ticket at the same instant, from 0, in the file's order."""

    row: int
    at: datetime
    nth: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """One ticket of the source."""

    name: str
    lines: tuple[Line, ...]

    def first(self, place: int | None) -> str:
        """The first cell of a column that says something; empty where none does, or where there is no column."""
        if place is None:
            return ""
        return next((line.cells[place] for line in self.lines if line.cells[place]), "")


@dataclass(frozen=True)
class Cases:
    """The cases of a file by the time of their first row, and what is to be told about its rows."""

    cases: list[Case]
    refused: list[RefusedRow] = field(default_factory=list)
    moved: list[RefusedRow] = field(default_factory=list)
    """Rows that were not refused, but taken at another place than the file's."""


class Clockwork:
    """Reads the source's times. Equal texts are read once: most rows share their minute with others."""

    def __init__(self, time: Time, now: datetime) -> None:
        self._formats = time.formats
        self._zone = ZoneInfo(time.zone)
        self._latest = now + AHEAD_MAX
        self._known: dict[str, datetime | None] = {}

    def read(self, text: str) -> datetime | None:
        """The instant in UTC; None where the text is no time, or one that cannot be."""
        if text not in self._known:
            self._known[text] = self._read(text)
        return self._known[text]

    def _read(self, text: str) -> datetime | None:
        for form in self._formats:
            try:
                at = _parsed(text, form)
                at = (at if at.tzinfo else at.replace(tzinfo=self._zone)).astimezone(UTC)
            except (ValueError, OverflowError, OSError):
                continue
            return at if EARLIEST <= at <= self._latest else None
        return None


def _parsed(text: str, form: str) -> datetime:
    match form:
        case "iso":
            return datetime.fromisoformat(text)
        case "epoch":
            return EARLIEST + timedelta(seconds=float(text))
        case "epoch_ms":
            return EARLIEST + timedelta(milliseconds=float(text))
        case _:
            return datetime.strptime(text, form)  # noqa: DTZ007  the map's zone follows


def cases_of(table: Table, source: Map, now: datetime) -> Cases:
    """Groups the rows. Raises BadMap for words of the file that the map does not know."""
    _check_words(table, source)
    clockwork = Clockwork(source.time, now)
    case_at, time_at = table.place[source.case], table.place[source.time.column]
    names = [(column, table.place[column]) for column in source.names()]
    found: dict[str, list[tuple[datetime, Row]]] = {}
    refused = list(table.refused)
    for row in table.rows:
        name, text = row.cells[case_at], row.cells[time_at]
        at = clockwork.read(text)
        if not name:
            refused.append(RefusedRow(row.number, f"column {source.case} names no ticket", table.named(row)))
        elif long := [column for column, place in names if len(row.cells[place]) > NAME_CHARACTERS_MAX]:
            reason = f"column {long[0]} holds more than {NAME_CHARACTERS_MAX} characters, which is no name"
            refused.append(RefusedRow(row.number, reason, table.named(row)))
        elif at is None:
            reason = f"column {source.time.column} holds {text!r}, which is no possible time in the map's formats"
            refused.append(RefusedRow(row.number, reason, table.named(row)))
        else:
            found.setdefault(name, []).append((at, row))
    moved: list[RefusedRow] = []
    cases = [Case(name, tuple(_in_order(timed, moved))) for name, timed in found.items()]
    cases.sort(key=lambda case: (case.lines[0].at, case.lines[0].row))
    refused.sort(key=lambda row: row.row)
    return Cases(cases, refused, moved)


def _in_order(timed: list[tuple[datetime, Row]], moved: list[RefusedRow]) -> Iterable[Line]:
    latest = EARLIEST
    for at, row in timed:
        if at < latest:
            reason = (
                f"its time {at:%Y-%m-%dT%H:%M:%SZ} lies before an earlier row's of its ticket: taken in order of time"
            )
            moved.append(RefusedRow(row.number, reason))
        latest = max(latest, at)
    before: datetime | None = None
    nth = 0
    for at, row in sorted(timed, key=lambda item: item[0]):  # stable: the file's order breaks ties
        nth = nth + 1 if at == before else 0
        before = at
        yield Line(row.number, at, nth, row.cells)


def _check_words(table: Table, source: Map) -> None:
    """Told before anything is written: a row that was left out could not be put between its neighbours later."""
    places = [table.place[column] for column in source.state.column]
    _refuse(table, "state", "words", source, (
        (row, word) for row in table.rows if source.state.meaning(word := state_word(row.cells, places)) is None
    ))  # fmt: skip
    for key in ("priority", "urgency", "channel"):
        coded: Coded[object] | None = getattr(source, key)
        if coded is not None:
            place = table.place[coded.column]
            unknown = (
                (row, row.cells[place]) for row in table.rows if row.cells[place] and coded.of(row.cells[place]) is None
            )
            _refuse(table, key, "values", source, unknown)


def _refuse(table: Table, key: str, under: str, source: Map, unknown: Iterable[tuple[Row, str]]) -> None:
    first: dict[str, int] = {}
    for row, word in unknown:
        first.setdefault(word, row.number)
    if first:
        column = getattr(source, key).column
        named = ", ".join(f"{word!r} (row {row})" for word, row in sorted(first.items(), key=lambda item: item[1])[:10])
        raise BadMap(
            f"{table.path}, column {column if isinstance(column, str) else '/'.join(column)} holds words that the map "
            f"does not know: {named}; list them under {key}.{under}, or say under {key}.other what such words mean"
        )


def state_word(cells: tuple[str, ...], places: list[int]) -> str:
    """The source's word for the state in one row; several columns are joined with a slash, empty ones left out."""
    if len(places) == 1:
        return cells[places[0]]
    return "/".join(cells[place] for place in places if cells[place])
