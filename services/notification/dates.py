"""An instant, a zone and a language -> the date as a reader of that language writes it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


class Words(NamedTuple):
    """A language's names of days, from Monday, and of months; and how it puts a date together."""

    days: tuple[str, ...]
    months: tuple[str, ...]
    pattern: str


def _words(days: str, months: str, pattern: str) -> Words:
    return Words(tuple(days.split()), tuple(months.split()), pattern)


LANGUAGES: Final[Mapping[str, Words]] = {
    "en": _words(
        "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
        "January February March April May June July August September October November December",
        "{day}, {date} {month} {year}, {hour:02}:{minute:02}",
    ),
    "de": _words(
        "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "{day}, {date}. {month} {year}, {hour}:{minute:02} Uhr",
    ),
    "fr": _words(
        "lundi mardi mercredi jeudi vendredi samedi dimanche",
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "{day} {date} {month} {year} à {hour} h {minute:02}",
    ),
    "it": _words(
        "lunedì martedì mercoledì giovedì venerdì sabato domenica",
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
        "{day} {date} {month} {year} alle {hour:02}:{minute:02}",
    ),
    "es": _words(
        "lunes martes miércoles jueves viernes sábado domingo",
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "{day}, {date} de {month} de {year}, a las {hour:02}:{minute:02}",
    ),
}
"""The languages in which letters are written."""


@lru_cache(maxsize=1024)
def written(at: datetime, zone: str, language: str) -> str:
    """“Tuesday, 4 March 2026, 14:30 (Europe/Berlin)”. A zone that nobody knows is read as UTC, and says so."""
    try:
        local = at.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError):
        zone, local = "UTC", at.astimezone(ZoneInfo("UTC"))
    words = LANGUAGES[language]
    date = words.pattern.format(
        day=words.days[local.weekday()], date=local.day, month=words.months[local.month - 1],
        year=local.year, hour=local.hour, minute=local.minute,
    )  # fmt: skip
    return f"{date} ({zone.removeprefix('Etc/')})"
