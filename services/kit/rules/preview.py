"""A policy and its calendars -> when what would be due: "a P2 at 16:50 on Friday would be due …". Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from contracts.sla import Metric
from services.kit.rules.open_time import NEVER, instant, us
from services.kit.rules.policies import Calendars, Policies, PolicyVersion

FRIDAY = 4


@dataclass(frozen=True, slots=True)
class Previewed:
    """What a ticket of one row would be due, if it came at an instant."""

    row: int
    tickets: str
    metric: Metric
    asked_at: datetime
    due_at: datetime | None
    zone: str
    sentence: str


def late_on_friday(after: datetime, zone: str) -> datetime:
    """The next Friday, 16:50 on the wall: where calendars show what they are worth."""
    local = after.astimezone(ZoneInfo(zone))
    day = local.date() + timedelta(days=(FRIDAY - local.weekday()) % 7)
    found = datetime.combine(day, time(16, 50), ZoneInfo(zone))
    return found if found >= after else datetime.combine(day + timedelta(days=7), time(16, 50), ZoneInfo(zone))


def preview(policies: Policies, calendars: Calendars, now: datetime, at: datetime | None = None) -> list[Previewed]:
    """Every row and target of the policy in force at an instant (none: late next Friday). Raises NoCalendar."""
    version = policies.at(us(at or now)) or policies.at(us(now))
    if version is None:
        return []
    asked = at or late_on_friday(now, calendars.at(version.policy.calendar, us(now)).zone)
    return list(_rows(policies.at(us(asked)) or version, calendars, asked))


def _rows(version: PolicyVersion, calendars: Calendars, asked: datetime) -> Iterator[Previewed]:
    for number, row in enumerate(version.policy.rows, 1):
        tickets = ", ".join(f"{key} {value}" for key, value in row.conditions().items()) or "any other ticket"
        for metric, target in row.targets.items():
            hours = calendars.at(target.calendar or version.policy.calendar, us(asked))
            due = hours.due(us(asked), target.seconds * 1_000_000)
            due_at = None if due >= NEVER else instant(due).astimezone(ZoneInfo(hours.zone))
            said = f"{due_at:%A %-d %B %H:%M}" if due_at else "never"
            sentence = f"{tickets}: {metric} of a ticket of {asked:%A %-d %B %H:%M} would be due {said}"
            yield Previewed(number, tickets, metric, asked, due_at, hours.zone, sentence)
