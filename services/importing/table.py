"""A CSV file, plain or gzip, and a map -> its rows with the mapped columns only, and the rows that it refuses. I/O.

The whole file is read before anything is written to the log: what is wrong with it as a whole is told at once, in one
sentence, and nothing of it is imported.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple, cast

from services.importing.map import FileForm
from services.importing.refusals import BadFile, RefusedRow

GZIP_MAGIC = b"\x1f\x8b"
ROWS_MAX = 5_000_000  # rows are held in memory until their tickets are complete: about 300 bytes each
CELL_CHARACTERS_MAX = 1_000_000  # a longer cell is nearly always a quote that was never closed
LINE_BYTES_MAX = 8_000_000  # the same for a line: a file without line ends is no log


class Row(NamedTuple):
    """One row: its number from 1 below the header, and its mapped cells; an empty one says nothing."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """The rows of one file. `place` leads from a column's name to its place in `cells`."""

    path: Path
    place: dict[str, int]
    rows: list[Row] = field(default_factory=list)
    refused: list[RefusedRow] = field(default_factory=list)

    def named(self, row: Row) -> dict[str, str]:
        """The row's mapped cells by their columns."""
        return dict(zip(self.place, row.cells, strict=True))


def read_table(path: Path, form: FileForm, asked: dict[str, str]) -> Table:
    """Reads the columns that are asked for (column -> the map's key that asks). Raises BadFile."""
    try:
        with _opened(path) as file:
            lines = _lines(path, file, form.encoding)
            return _read(path, csv.reader(lines, delimiter=form.delimiter, quotechar=form.quote), form, asked)
    except (EOFError, zlib.error) as error:
        raise BadFile(f"{path} breaks off inside its gzip data: copy or download it again") from error
    except gzip.BadGzipFile as error:
        raise BadFile(f"{path} is damaged gzip ({error}): copy or download it again") from error
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror or error}") from error


def _opened(path: Path) -> IO[bytes]:
    if not path.exists():
        raise BadFile(f"{path} does not exist: check the path")
    if path.is_dir():
        raise BadFile(f"{path} is a folder: give one of the files in it")
    with path.open("rb") as file:
        magic = file.read(2)
    if not magic:
        raise BadFile(f"{path} is empty: export the log again")
    if magic == GZIP_MAGIC:
        return cast(IO[bytes], gzip.open(path))
    if path.suffix == ".gz":
        raise BadFile(f"{path} ends in .gz but is not gzip: drop the ending, or compress it")
    return path.open("rb")


def _lines(path: Path, file: IO[bytes], encoding: str) -> Iterator[str]:
    """Decoded lines. Decoding line by line tells where a wrong byte stands; encodings of two bytes go in one piece."""
    if codecs.lookup(encoding).name.startswith(("utf-16", "utf-32")):
        try:
            yield from file.read().decode(encoding).splitlines(keepends=True)
        except UnicodeDecodeError as error:
            raise BadFile(f"{path} is not {encoding} at byte {error.start}: name its encoding in the map") from error
        return
    for number, line in enumerate(iter(lambda: file.readline(LINE_BYTES_MAX + 1), b"")):
        if len(line) > LINE_BYTES_MAX:
            raise BadFile(f"{path}, line {number + 1} is longer than {LINE_BYTES_MAX} bytes: this is no CSV log")
        try:
            yield (line.removeprefix(codecs.BOM_UTF8) if number == 0 else line).decode(encoding)
        except UnicodeDecodeError as error:
            where = f"row {number}" if number else "the header"
            column = line[: error.start].count(b",") + 1
            raise BadFile(
                f"{path}, {where}, about column {column}: byte 0x{line[error.start]:02x} is not {encoding}; "
                "put the file's encoding into the map (file: {encoding: latin-1})"
            ) from error


def _read(path: Path, rows: Iterator[list[str]], form: FileForm, asked: dict[str, str]) -> Table:
    csv.field_size_limit(CELL_CHARACTERS_MAX)
    number = 0
    try:
        header = [name.strip() for name in next(rows, [])]
        table = Table(path, {column: index for index, column in enumerate(asked)})
        places = _places(path, header, form, asked)
        shared: dict[str, str] = {}
        empty = frozenset(form.empty)
        for number, fields in enumerate(rows, 1):
            _take(table, number, fields, len(header), places, empty, shared)
    except csv.Error as error:
        raise BadFile(f"{path}, row {number + 1} is not CSV ({error}): look for a quote that is not closed") from error
    if not table.rows and not table.refused:
        raise BadFile(f"{path} has a header and no row below it: export the log again")
    return table


def _places(path: Path, header: list[str], form: FileForm, asked: dict[str, str]) -> list[int]:
    for column, where in asked.items():
        if header.count(column) == 1:
            continue
        if column in header:
            raise BadFile(
                f"{path} has two columns {column}: rename one, or the map ({where}) cannot tell which is meant"
            )
        if len(header) == 1 and form.delimiter not in header[0]:
            remedy = f"its first line holds no {form.delimiter!r}, so check file.delimiter in the map"
        else:
            remedy = f"its columns are {', '.join(header)}; mend the map"
        raise BadFile(f"{path} has no column {column}, for which the map asks under {where}: {remedy}")
    return [header.index(column) for column in asked]


def _take(
    table: Table, number: int, fields: list[str], width: int, places: list[int], empty: frozenset[str],
    shared: dict[str, str],
) -> None:  # fmt: skip
    if number > ROWS_MAX:
        raise BadFile(f"{table.path} has more than {ROWS_MAX} rows: split it by ticket and import the parts")
    if not fields:
        return  # a blank line is no row
    if len(fields) != width:
        many = "more" if len(fields) > width else "fewer"
        reason = f"it has {len(fields)} fields, {many} than the header's {width}: look for a stray delimiter or quote"
        table.refused.append(RefusedRow(number, reason, fields))
        return
    cells = tuple(_cell(fields[place], empty, shared) for place in places)
    broken = next((column for column, cell in zip(table.place, cells, strict=True) if "\x00" in cell), None)
    if broken is not None:
        table.refused.append(RefusedRow(number, f"column {broken} holds a NUL byte: take it out", fields))
        return
    table.rows.append(Row(number, cells))


def _cell(text: str, empty: frozenset[str], shared: dict[str, str]) -> str:
    """Stripped, empty where it says nothing, and one object for equal texts: a log repeats itself."""
    text = text.strip()
    return "" if text in empty else shared.setdefault(text, text)
