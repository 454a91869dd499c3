"""Daybook as it may be one day: notes have a second version, and an upcaster lifts the first. `python -m tests.tomorrow
serve reporting` runs any command of the CLI as that day's program would.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Literal, cast
from unittest.mock import patch

from contracts import catalogue
from contracts.tickets import NoteAdded

TYPE = NoteAdded.type


class NoteAddedTo(NoteAdded):
    """A note says whom it is for; notes of the first version were for everybody at the desk."""

    schema_version: ClassVar[int] = 2
    audience: Literal["desk", "lead"]


def for_the_desk(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 -> 2."""
    return {**data, "audience": "desk"}


@contextmanager
def tomorrow() -> Iterator[None]:
    """While it lasts, this process is of that day."""
    events, upcasters = cast("dict[Any, Any]", catalogue.EVENTS), cast("dict[Any, Any]", catalogue.UPCASTERS)
    with patch.dict(events, {TYPE: NoteAddedTo}), patch.dict(upcasters, {(TYPE, 1): for_the_desk}):
        yield


if __name__ == "__main__":
    from services.cli.app import run

    with tomorrow():
        run()
