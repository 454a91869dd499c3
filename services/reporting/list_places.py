"""The last row of a page -> the cursor of the next one, and back. Pure.

A cursor that is not one of ours is a Problem that says so: a list begins without one.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from uuid import UUID

import orjson

from services.kit.web.problem import Problem

END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)


def write_place(*parts: str) -> str:
    """The last row of a list as a cursor."""
    return urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


def read_place(text: str | None, first: tuple[str, ...]) -> tuple[str, ...]:
    """What `write_place` wrote, or where a list begins. Raises Problem for a broken cursor."""
    if not text:
        return first
    try:
        parts = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        raise _broken() from None
    if not isinstance(parts, list) or len(parts) != len(first) or not all(isinstance(part, str) for part in parts):
        raise _broken()
    return tuple(parts)


def placed_id(text: str) -> UUID:
    """A part of a cursor that is an id. Raises Problem."""
    try:
        return UUID(text)
    except ValueError:
        raise _broken() from None


def placed_instant(text: str) -> datetime:
    """A part of a cursor that is an instant. Raises Problem."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise _broken() from None
    if at.tzinfo is None:
        raise _broken()
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise _broken() from None


def _broken() -> Problem:
    return Problem("invalid_field", "the cursor is not one of ours: begin without one", field="cursor")
