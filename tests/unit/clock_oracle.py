"""Slow and obvious: calendars and clocks by walking minute after minute. For tests only.

A wall time is found by looking at the wall clock every minute until it shows that time or a later one: so a time that
is skipped means the first after it, and one that comes twice means the first.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from contracts.calendars import WEEK, CalendarFields

MINUTE = timedelta(minutes=1)
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  on any wall


def minute_of(at: datetime) -> int:
    """Whole minutes since 1970."""
    return int((at - EPOCH.replace(tzinfo=UTC)) // MINUTE)


@lru_cache(maxsize=64)
def wall(zone: str, first: int, count: int) -> tuple[int, ...]:
    """What the wall clock shows at each minute, as minutes since 1970 on the wall."""
    start, place = EPOCH.replace(tzinfo=UTC) + first * MINUTE, ZoneInfo(zone)
    shown = ((start + number * MINUTE).astimezone(place).replace(tzinfo=None) for number in range(count))
    return tuple(int((local - EPOCH) // MINUTE) for local in shown)


class SlowCalendar:
    """Open minutes from one instant on for some days."""

    def __init__(self, calendar: CalendarFields, start: datetime, days: int) -> None:
        self.first, self.count = minute_of(start), days * 1440
        self.clock = wall(calendar.zone, self.first, self.count)
        self.open = bytearray(self.count)
        day = (start - timedelta(days=2)).date()
        while day <= (start + timedelta(days=days + 2)).date():
            for opens, closes in self.hours(calendar, day):
                self.mark(opens, closes, 1)
            day += timedelta(days=1)
        for day, intervals in calendar.breaks.items():
            for opens, closes in self.on_the_wall(day, intervals):
                self.mark(opens, closes, 0)

    def hours(self, calendar: CalendarFields, day: date) -> list[tuple[int, int]]:
        if day in calendar.closed or f"{day:%m-%d}" in calendar.yearly_closed:
            return []
        usual = calendar.hours.get(WEEK[day.weekday()], ())
        return self.on_the_wall(day, calendar.special.get(day, usual))

    def on_the_wall(self, day: date, intervals: tuple[tuple[str, str], ...]) -> list[tuple[int, int]]:
        midnight = int((datetime(day.year, day.month, day.day) - EPOCH) // MINUTE)  # noqa: DTZ001
        found = []
        for opens, closes in intervals:
            start, end = (int(text[:2]) * 60 + int(text[3:5]) for text in (opens, closes))
            found.append((midnight + start, midnight + end + (1440 if end < start else 0)))
        return found

    def mark(self, opens: int, closes: int, value: int) -> None:
        for number in range(self.first_showing(opens), self.first_showing(closes)):
            self.open[number] = value

    def first_showing(self, shown: int) -> int:
        number = max(0, min(self.count, shown - self.first - 27 * 60))  # no wall clock is 27 hours from UTC
        while number < self.count and self.clock[number] < shown:
            number += 1
        return number

    def is_open(self, at: datetime) -> bool:
        return bool(self.open[minute_of(at) - self.first])

    def between(self, start: datetime, end: datetime) -> timedelta:
        total, at = timedelta(), start
        while at < end:
            step = min(end, at - timedelta(seconds=at.second, microseconds=at.microsecond) + MINUTE)
            total += step - at if self.is_open(at) else timedelta()
            at = step
        return total

    def due(self, start: datetime, length: timedelta) -> datetime | None:
        left, at = length, start
        while left > timedelta():
            if minute_of(at) - self.first >= self.count:
                return None
            step = at - timedelta(seconds=at.second, microseconds=at.microsecond) + MINUTE
            if self.is_open(at):
                if step - at >= left:
                    return at + left
                left -= step - at
            at = step
        return at
