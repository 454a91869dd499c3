"""Cookies, a session and the time enter; who reads a page, in which zone and when, leaves. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.desk.sessions import Session

ZONE_COOKIE = "daybook_zone"
THEME_COOKIE = "daybook_theme"
SOON_SECONDS = 3600
DAYS_BY_NAME_MAX = 6  # beyond this a weekday's name could mean another week


@dataclass(frozen=True)
class Deadline:
    """A deadline in words. `state` is overdue, soon, later or none; the words say it too, colour only repeats it."""

    state: str
    words: str
    at: datetime | None = None


@dataclass(frozen=True)
class Reader:
    """Who looks at a page: their zone, the desk's now, their session if they have one."""

    zone: ZoneInfo
    now: datetime
    theme: str
    path: str
    csrf: str
    session: Session | None = None
    real_now: datetime | None = None
    """Where the reader looks at another time than the real one, which is this; then nothing is called today."""

    @property
    def past(self) -> bool:
        return self.real_now is not None

    def _year(self, local: datetime) -> str:
        """The year, where it is not the one in which the reader sits."""
        return "" if local.year == self.local(self.real_now or self.now).year else f" {local.year}"

    def local(self, at: datetime) -> datetime:
        return at.astimezone(self.zone)

    def stamp(self, at: datetime) -> str:
        """`22 Nov 2026, 14:05`, without the year where it is this one."""
        local = self.local(at)
        return f"{local.day} {local:%b}{self._year(local)}, {local:%H:%M}"

    def clock(self, at: datetime) -> str:
        return f"{self.local(at):%H:%M}"

    def full(self, at: datetime) -> str:
        """Everything, for a title: `Sunday 22 November 2026, 14:05:09 CET`."""
        local = self.local(at)
        return f"{local:%A} {local.day} {local:%B %Y, %H:%M:%S %Z}"

    def day(self, at: datetime) -> str:
        """`Today`, `Yesterday`, `Tuesday 17 November`; in the past always the last of these."""
        local, now = self.local(at), self.local(self.now)
        ago = (now.date() - local.date()).days
        if ago in (0, 1) and not self.past:
            return "Today" if ago == 0 else "Yesterday"
        return f"{local:%A} {local.day} {local:%B}{self._year(local)}"

    def moment(self, at: datetime) -> str:
        """A day and its clock in full words: `Monday 23 November, 10:20`."""
        local = self.local(at)
        return f"{local:%A} {local.day} {local:%B}, {local:%H:%M}"

    def ago(self, at: datetime) -> str:
        """`just now`, `12 min ago`, `3 h ago`, `5 days ago`."""
        seconds = (self.now - at).total_seconds()
        if seconds < 45:
            return "just then" if self.past else "just now"
        return f"{span(seconds)} {'before' if self.past else 'ago'}"

    def deadline(self, at: datetime | None) -> Deadline:
        """How near a promise is: overdue and soon in a span, later by its clock or day."""
        if at is None:
            return Deadline("none", "no promise")
        seconds = (at - self.now).total_seconds()
        if seconds < 0:
            return Deadline("overdue", f"{span(-seconds)} overdue", at)
        if seconds < SOON_SECONDS:
            return Deadline("soon", f"in {span(seconds)}", at)
        return Deadline("later", self._later(at), at)

    def _later(self, at: datetime) -> str:
        local, today = self.local(at), self.local(self.now).date()
        days = (local.date() - today).days
        if days == 0:
            return f"{'that day' if self.past else 'today'} {local:%H:%M}"
        if days == 1:
            return f"{'the day after' if self.past else 'tomorrow'} {local:%H:%M}"
        if days <= DAYS_BY_NAME_MAX:
            return f"{local:%a %H:%M}"
        return f"{local.day} {local:%b}{self._year(local)}"


def span(seconds: float) -> str:
    """A length of time in its largest unit: `40 s`, `12 min`, `3 h`, `5 days`."""
    if seconds < 60:
        return f"{max(1, int(seconds))} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min"
    if seconds < 36 * 3600:
        return f"{int(seconds // 3600)} h"
    days = round(seconds / 86400)
    return f"{days} days" if days < 60 else f"{round(days / 30.4)} months"


def local_input(at: datetime, zone: ZoneInfo) -> str:
    """What an `<input type=datetime-local>` shows for an instant."""
    return f"{at.astimezone(zone):%Y-%m-%dT%H:%M}"


def instant_of_input(text: str, zone: ZoneInfo) -> datetime:
    """The instant that a datetime-local input means in a zone. Raises ValueError where it means none."""
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def next_morning(now: datetime, zone: ZoneInfo, days: int, hour: int = 9) -> datetime:
    """The given hour, so many days from now, by the reader's clock."""
    local = now.astimezone(zone)
    day = local.date() + timedelta(days=days)
    return datetime(day.year, day.month, day.day, hour, tzinfo=zone).astimezone(UTC)


def zone_of(cookies: Mapping[str, str]) -> ZoneInfo:
    """The reader's zone as their browser told it; UTC until it did."""
    try:
        return ZoneInfo(cookies.get(ZONE_COOKIE, "").replace("%2F", "/") or "Etc/UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("Etc/UTC")


def theme_of(cookies: Mapping[str, str]) -> str:
    theme = cookies.get(THEME_COOKIE, "")
    return theme if theme in ("light", "dark") else ""
