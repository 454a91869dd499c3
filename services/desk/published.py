"""A client's published terms enter; hours and waiting times in plain words leave. Pure."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from services.desk.terms import DAYS, length

SAID: Final = {
    "first_reply": "our first answer",
    "next_reply": "our answer to each further message",
    "update": "an update at least every",
    "resolution": "the solution",
    "promise": "a word from us",
}
PRIORITIES: Final = {
    "P1": "What stops everybody",
    "P2": "What stops one or some",
    "P3": "What disturbs",
    "P4": "What can wait",
}


class Row(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    tickets: dict[str, str]
    targets: dict[str, int]


class Published(BaseModel):
    """What a requester may know of a client's desk."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    client: str
    name: str
    zone: str
    now: datetime
    calendar: dict[str, Any] | None
    rows: tuple[Row, ...]
    reply_expected_by: datetime


def hours_of(published: Published) -> list[tuple[str, str]]:
    """Each weekday with its hours; empty where none are published."""
    if published.calendar is None:
        return []
    hours = published.calendar.get("hours") or {}
    return [(name, ", ".join("–".join(pair) for pair in hours.get(day, ())) or "closed") for day, name in DAYS.items()]


def week_of(published: Published) -> list[tuple[str, str]]:
    """The same with days of like hours together: Monday–Friday, 09:00–17:00."""
    found = []
    for open_at, group in groupby(hours_of(published), key=lambda day: day[1]):
        names = [name for name, _ in group]
        found.append(("–".join(dict.fromkeys((names[0], names[-1]))), open_at))
    return found


def waits_of(published: Published) -> list[tuple[str, list[str]]]:
    """For which requests, and how long they wait at most, in working time."""
    return [
        (
            _whose(row.tickets),
            [f"{SAID[name]}: {length(target)}" for name, target in row.targets.items() if name in SAID],
        )
        for row in published.rows
    ]


def _whose(tickets: dict[str, str]) -> str:
    told = [PRIORITIES.get(value, value) if key == "priority" else value for key, value in tickets.items()]
    return ", ".join(told) or "Everything else"
