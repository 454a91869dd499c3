"""An instant and minutes of work enter, the instant when they are done leaves. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS_MAX = 60  # days ahead: no shift in the demo pauses for longer
WEEKDAYS = frozenset(range(5))
ALL_DAYS = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Shift:
    """When somebody is at work: local hours of one zone on some days of the week, Monday is 0."""

    zone: ZoneInfo
    start: time
    end: time
    days: frozenset[int] = WEEKDAYS

    def bounds(self, day: date) -> tuple[datetime, datetime]:
        """Start and end of the shift on a local day, as instants in UTC."""
        opens = datetime.combine(day, self.start, self.zone).astimezone(UTC)
        return opens, datetime.combine(day, self.end, self.zone).astimezone(UTC)

    def after(self, at: datetime, minutes: float) -> datetime:
        """When so many minutes of this shift have passed since `at`. Raises ValueError after 60 days."""
        left = timedelta(minutes=minutes)
        day = at.astimezone(self.zone).date()
        for _ in range(DAYS_MAX):
            opens, closes = self.bounds(day)
            begin = max(at, opens)
            if day.weekday() in self.days and begin < closes:
                if begin + left <= closes:
                    return begin + left
                left -= closes - begin
            day += timedelta(days=1)
        raise ValueError(f"{minutes:.0f} minutes do not fit into {DAYS_MAX} days of this shift")

    def works(self, at: datetime) -> bool:
        local = at.astimezone(self.zone)
        return local.weekday() in self.days and self.start <= local.time() < self.end
