"""What an import refuses: a whole file or map, in one sentence; or a single row, with its number. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class BadFile(Exception):
    """The file cannot be imported: one sentence with file, row and column where there is one, and the remedy."""


class BadMap(Exception):
    """The map cannot be used: one sentence with the key, and the remedy."""


class RefusedRow(NamedTuple):
    """A row that was left out. Rows count from 1 below the header; `fields` is all that it holds, or what is mapped."""

    row: int
    reason: str
    fields: Sequence[str] | Mapping[str, str] = ()

    def as_json(self) -> dict[str, Any]:
        return {"row": self.row, "reason": self.reason}
