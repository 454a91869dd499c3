"""A calendar -> its week as a reader of a language writes it; clients -> the calendars that letters go by. I/O: reads.

Configuration is read again where a client's stream or the desk's has grown, which costs a batch one small query.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from itertools import groupby
from typing import Final, NamedTuple

from contracts.calendars import WEEK, Calendar, CalendarSet
from contracts.envelope import Recorded
from contracts.model import DESK, Event
from contracts.policies import PolicySet
from contracts.subjects import client_stream, lane_of
from services.kit.configuration import in_force
from services.kit.log.read import Reader, read_stream
from services.kit.postgres import queries
from services.notification.dates import LANGUAGES

SQL = queries("services/notification/sql/outbox.sql")

CLIENTS_MAX: Final = 2_000  # remembered by one process
ROUND_THE_CLOCK: Final = (("00:00", "24:00"),)


class Words(NamedTuple):
    """What a language says around days and times."""

    always: str
    holidays: str


WORDS: Final[Mapping[str, Words]] = {
    "en": Words("at any time", "closed on public holidays"),
    "de": Words("rund um die Uhr", "an Feiertagen geschlossen"),
    "fr": Words("à toute heure", "fermé les jours fériés"),
    "it": Words("a ogni ora", "chiuso nei giorni festivi"),
    "es": Words("a cualquier hora", "cerrado los días festivos"),
}


def week_of(calendar: Calendar, language: str) -> str:
    """“Monday–Friday 09:00–17:00, Saturday 09:00–12:00 (Europe/Zurich), closed on public holidays”. Pure."""
    said, days = WORDS[language], LANGUAGES[language].days
    week = [(name, tuple(calendar.hours.get(day, ()))) for day, name in zip(WEEK, days, strict=True)]
    parts = []
    for hours, group in groupby(week, key=lambda day: day[1]):
        names = [name for name, _ in group]
        if hours:
            whole = "–".join(dict.fromkeys((names[0], names[-1])))
            parts.append(f"{whole} {' + '.join('–'.join(pair) for pair in hours)}")
    if all(hours == ROUND_THE_CLOCK for _, hours in week):
        parts = [said.always]
    if not parts:
        return ""
    closed = f", {said.holidays}" if calendar.public_holidays else ""
    return f"{', '.join(parts)} ({calendar.zone.removeprefix('Etc/')}){closed}"


Histories = tuple[list[Recorded[Event]], list[Recorded[Event]]]
"""What configured the desk, and the client."""


class Hours:
    """One per process."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[int, list[Recorded[Event]]]] = {}

    async def take(self, reader: Reader, clients: Collection[str]) -> Mapping[str, Histories]:
        """What these clients' calendars follow from, as of now."""
        if not clients:
            return {}
        wanted = sorted({*clients, DESK})
        streams = [client_stream(client) for client in wanted]
        rows = await reader.fetch(SQL["configured"], [lane_of(stream) for stream in streams], streams)
        versions = {row["stream"]: row["version"] for row in rows}
        if len(self._held) >= CLIENTS_MAX:
            self._held.clear()
        for client, stream in zip(wanted, streams, strict=True):
            version = versions.get(stream, 0)
            if client not in self._held or self._held[client][0] != version:
                told = await read_stream(reader, stream) if version else ()
                self._held[client] = version, [
                    event for event in told if isinstance(event.data, CalendarSet | PolicySet)
                ]  # fmt: skip
        return {client: (self._held[DESK][1], self._held[client][1]) for client in clients}


def calendar_of(histories: Histories, at: datetime) -> Calendar | None:
    """The calendar of the policy in force at an instant, or the one named default. Pure."""
    desk, client = histories
    policy = in_force([*desk, *client], PolicySet, at)
    found = in_force([*desk, *client], CalendarSet, at, policy.policy.calendar if policy else "default")
    return found.calendar if found else None
