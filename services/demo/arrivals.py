"""A client, a window and a seed enter; the instants at which its people write leave, in order. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from services.demo.cast import Client
from services.demo.chance import count, source

TICKETS_A_DAY = 40  # of all clients together on an average weekday
WEEKDAY = (1.34, 1.06, 0.98, 0.92, 0.82)  # Monday peaks, Friday fades
OUT_OF_HOURS = 0.05  # part of the tickets that somebody writes at night or early in the morning
LUNCH_START, LUNCH_END = 12.0, 13.25  # o'clock, local
LUNCH_LEFT = 0.35  # part of the usual that is written during lunch
PEAK_LEFT = 1.0  # the first two hours of a day bring the most
LATER_LEFT = 0.62


def arrivals(client: Client, shares: int, seed: int, start: datetime, end: datetime) -> Iterator[tuple[datetime, str]]:
    """(instant, name) of every ticket of one client in [start, end), except those of the outage.

    A day's draws depend on the seed, the client and the date only, so the same day is the same in every window.
    """
    day = start.astimezone(client.zone).date()
    last = end.astimezone(client.zone).date()
    while day <= last:
        chance = source(seed, "day", client.spec.slug, day)
        mean = TICKETS_A_DAY * client.spec.share / shares * day_factor(client, day)
        instants = sorted(_instant(client, day, chance) for _ in range(count(chance, mean)))
        for number, at in enumerate(instants):
            if start <= at < end:
                yield at, f"{client.spec.slug}-{day:%Y%m%d}-{number:02d}"
        day += timedelta(days=1)


def day_factor(client: Client, day: date) -> float:
    weekday = day.weekday()
    return WEEKDAY[weekday] if weekday < len(WEEKDAY) else client.spec.weekend


def _instant(client: Client, day: date, chance: Random) -> datetime:
    hour = chance.uniform(0, 24) if chance.random() < OUT_OF_HOURS else _office_hour(client, chance)
    local = datetime.combine(day, time.min, client.zone) + timedelta(seconds=int(hour * 3600))
    return local.astimezone(UTC)


def _office_hour(client: Client, chance: Random) -> float:
    """An hour of the working day by rejection: a peak in the morning, a dip at lunch."""
    opens, closes = _hour(client.spec.hours[0]), _hour(client.spec.hours[1])
    while True:
        hour = chance.uniform(opens, closes)
        likely = PEAK_LEFT if hour < opens + 2 else LATER_LEFT
        if LUNCH_START <= hour < LUNCH_END:
            likely = LUNCH_LEFT
        if chance.random() < likely:
            return hour


def _hour(of: time) -> float:
    return of.hour + of.minute / 60
