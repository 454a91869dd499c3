"""A file of JSON lines -> tickets, and every line that is none, by its number and what is wrong with it. I/O."""

from __future__ import annotations

import codecs
import gzip
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NamedTuple

import orjson

from services.cli.app import Stop

LINE_MAX = 8_000_000  # bytes; a line that is longer is no ticket, and is not read into memory
SECONDS = re.compile(r"\d{9,10}(\.\d{1,9})?")  # since 1970, in digits
NAMED_MAX = 100  # bad lines told with their reason; more are counted
WORD_MAX = 80  # characters of a category or a service, as in the API
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
REMEDY = 'write one ticket a line, as {"subject": "…", "body": "…"}'


class Line(NamedTuple):
    """One line that holds an object."""

    number: int
    said: dict[str, Any]


class Bad(NamedTuple):
    """One line that could not be taken."""

    line: int
    reason: str


class Wrong(Exception):
    """A line does not say what it has to."""


@dataclass
class Refused:
    """The lines that could not be taken: all counted, the first of them named."""

    count: int
    first: list[Bad]

    def add(self, bad: Bad) -> None:
        self.count += 1
        if len(self.first) < NAMED_MAX:
            self.first.append(bad)

    def as_json(self) -> dict[str, Any]:
        return {"count": self.count, "first": [bad._asdict() for bad in self.first]}


class TicketFile:
    """A file of lines, plain or gzip, read as a stream."""

    def __init__(self, path: Path) -> None:
        """Raises Stop where there is no such file or it may not be read."""
        self.path = path
        try:
            self.size = path.stat().st_size
            self._raw = path.open("rb")
            self._packed = self._raw.peek(2)[:2] == b"\x1f\x8b"
        except FileNotFoundError:
            raise Stop(f"there is no file {path}") from None
        except (IsADirectoryError, PermissionError) as error:
            raise Stop(f"{path} cannot be read: {error.strerror}") from error

    @property
    def read(self) -> int:
        """Bytes of the file that were read so far."""
        return self._raw.tell()

    def lines(self) -> Iterator[Line | Bad]:
        """Every line that is not empty. Raises Stop where the compressed file is cut or damaged."""
        source: IO[bytes] = gzip.GzipFile(fileobj=self._raw) if self._packed else self._raw  # type: ignore[assignment]
        number = 0
        try:
            while raw := source.readline(LINE_MAX):
                number += 1
                if len(raw) == LINE_MAX and not raw.endswith(b"\n"):
                    while (rest := source.readline(LINE_MAX)) and not rest.endswith(b"\n"):
                        pass
                    yield Bad(number, f"the line is longer than {LINE_MAX:,} bytes")
                elif raw.strip():
                    yield _parsed(number, raw)
        except (EOFError, gzip.BadGzipFile) as error:
            raise Stop(f"{self.path} ends or breaks after line {number} ({error}): get it again") from error


def _parsed(number: int, raw: bytes) -> Line | Bad:
    try:
        said = orjson.loads(raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw)
    except orjson.JSONDecodeError as error:
        said = _mended(raw)
        if said is None:
            return Bad(number, f"no JSON ({error.msg}): {REMEDY}")
    return Line(number, said) if isinstance(said, dict) else Bad(number, f"no JSON object: {REMEDY}")


def _mended(raw: bytes) -> Any:
    """What a line says whose text has bytes or halves of characters that are none: one odd letter loses no ticket."""
    try:
        said = json.loads(raw.decode("utf-8", "replace"), parse_constant=str)
    except (ValueError, RecursionError):
        return None
    return json.loads(json.dumps(said, ensure_ascii=False).encode("utf-8", "replace"))


def text(said: dict[str, Any], name: str, *, needed: bool = False) -> str:
    """A field that is text; empty where it is absent or null. A number is taken as its digits. Raises Wrong."""
    value = said.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if value is None and not needed:
        return ""
    if not isinstance(value, str) or (needed and not value.strip()):
        raise Wrong(f"“{name}” {'is missing' if name not in said else 'is no text'}: write it between quotes")
    return value


def word(said: dict[str, Any], name: str) -> str | None:
    """A field that is a short code or name; None where it is absent or empty. Raises Wrong."""
    value = text(said, name)
    if len(value) > WORD_MAX:
        raise Wrong(f"“{name}” has {len(value):,} characters: write at most {WORD_MAX}")
    if CONTROL.search(value):
        raise Wrong(f"“{name}” holds control characters: leave them out")
    return value.strip() or None


def instant(said: dict[str, Any], name: str) -> float:
    """A field that is an instant, ISO 8601 (UTC where it says no zone) or seconds since 1970. Raises Wrong."""
    value = said.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    if isinstance(value, str):
        try:
            at = datetime.fromisoformat(value.strip())
        except ValueError:
            if SECONDS.fullmatch(value.strip()):
                return float(value)
            raise Wrong(f"“{name}” is no instant: {value[:40]!r}") from None
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    raise Wrong(f"“{name}” {'is missing' if value is None else 'is no instant'}")


def shown(at: float | None) -> str | None:
    """An instant as it stands in output."""
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
