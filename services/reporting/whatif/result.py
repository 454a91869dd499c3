"""(Question, what it was held against, tally) -> the result as one JSON document, equal bytes each time. Reads files.

It names everything that it follows from: the question with its digest, the digest of what was in force, the engine and
the positions of the lanes. `daybook whatif --again RESULT` makes it once more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from contracts.envelope import Recorded
from contracts.model import Event
from services.reporting.whatif.asked import WhatifQuestion, digest_of, snapshot_said
from services.reporting.whatif.books import configuration_said
from services.reporting.whatif.tally import Tally

FORMAT: Final = "daybook-whatif"
VERSION: Final = 1
NAMED: Final = ("policy", "calendars", "set", "rules")


@dataclass
class Result:
    """A finished replay; its lines lie in files, one a lane, in the order of lanes."""

    asked: WhatifQuestion
    engine: str
    in_force: str
    """The digest of every term that was in force."""
    tally: Tally
    notes: Sequence[str] = ()
    lines: Sequence[Any] = ()
    """Paths of files of JSON lines."""
    peak_mb: int = 0

    def header(self) -> dict[str, Any]:
        """Everything but the lines."""
        said = self.asked.plain()
        assert self.asked.snapshot is not None  # noqa: S101  a finished replay has one
        return {
            "format": FORMAT,
            "version": VERSION,
            "engine": self.engine,
            "snapshot": snapshot_said(self.asked.snapshot),
            "before": {"digest": self.in_force},
            "after": {"digest": self.asked.digest(), **{name: said[name] for name in NAMED if name in said}},
            "asked": said,
            "notes": list(self.notes),
            "tickets": self.tally.tickets,
            "events": self.tally.events,
            "without_clocks": self.tally.faulty,
            "total": self.tally.total(),
            "clients": self.tally.clients(),
            "priorities": self.tally.priorities.plain() if self.asked.rules is not None else None,
        }

    def changes(self) -> Iterator[bytes]:
        """Every breach and priority that moved, and every ticket that was not judged again: lines of JSON."""
        for path in self.lines:
            with path.open("rb") as file:
                for line in file:
                    yield line.rstrip(b"\n")

    def document(self) -> Iterator[bytes]:
        """The whole result in pieces, without ever holding it whole."""
        yield orjson.dumps(self.header())[:-1] + b',"changes":['
        for number, line in enumerate(self.changes()):
            yield b"\n" + line if number == 0 else b",\n" + line
        yield b"]}\n"


def in_force_digest(streams: Mapping[str, Sequence[Recorded[Event]]]) -> str:
    """Names the terms of all these clients by their content."""
    return digest_of({slug: configuration_said(streams[slug]) for slug in sorted(streams)})
