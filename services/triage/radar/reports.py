"""What the radar knows of a ticket. Pure data."""

from __future__ import annotations

from typing import NamedTuple


class Report(NamedTuple):
    """One ticket. `at` is in seconds since 1970."""

    at: float
    client: str
    ticket: str
    subject: str
    body: str
    category: str | None = None
    service: str | None = None
