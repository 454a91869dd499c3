"""Words such as `quarter` and dates -> the range of a replay, in UTC. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

SPANS: Final = ("week", "month", "quarter", "year")


def instant_of(text: str, name: str) -> datetime:
    """A date (its first instant in UTC) or an instant with a zone. Raises ValueError with the remedy."""
    try:
        if len(text) == 10:
            return midnight(date.fromisoformat(text))
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{name} is {text!r}: write a date such as 2026-07-01, or 2026-07-01T09:00:00Z") from None
    if at.tzinfo is None:
        raise ValueError(f"{name} needs a time zone: put Z or +01:00 behind {text}")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{name} is {text}, which no calendar in UTC has: name a later or an earlier one") from None


def calendar_span(name: str, now: datetime) -> tuple[datetime, datetime]:
    """The whole week, month, quarter or year before the one of `now`. Raises ValueError with the remedy."""
    today = now.astimezone(UTC).date()
    match name:
        case "week":
            end = today - timedelta(days=today.weekday())
            start = end - timedelta(days=7)
        case "month":
            end = today.replace(day=1)
            start = (end - timedelta(days=1)).replace(day=1)
        case "quarter":
            end = date(today.year, (today.month - 1) // 3 * 3 + 1, 1)
            start = date(end.year - 1, 10, 1) if end.month == 1 else date(end.year, end.month - 3, 1)
        case "year":
            start, end = date(today.year - 1, 1, 1), date(today.year, 1, 1)
        case _:
            raise ValueError(f"--last is one of {', '.join(SPANS)}, not {name!r}")
    return midnight(start), midnight(end)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
