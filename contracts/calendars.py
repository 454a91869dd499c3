"""Open hours as a client gives them, and their versions as events. Pure data; contradictions are refused by field.

Hours are local wall time in the calendar's zone, half-open: [from, to). `to` before `from` runs across midnight and
belongs to the day on which it begins; `24:00` is the end of a day.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from contracts.model import ClientId, Command, Event, Part, contradiction

DAY = 86_400  # seconds of a day on the wall
OVERNIGHT_HOURS_MAX = 12  # an interval across midnight that is longer is more likely two times in the wrong order
DATES_MAX = 2_000  # special days of one kind in one calendar


class Weekday(StrEnum):
    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


WEEK = tuple(Weekday)

LocalTime = Annotated[str, StringConstraints(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?|24:00(:00)?)$")]


def _ends(given: object) -> object:
    """Both ends of "09:00-17:30", which a person writes more easily; what is no text is left for the type to judge."""
    return tuple(part.strip() for part in re.split("[-–]", given)) if isinstance(given, str) else given


Interval = Annotated[tuple[LocalTime, LocalTime], BeforeValidator(_ends)]
"""From and to, local wall time: ("09:00", "17:30")."""

Intervals = Annotated[tuple[Interval, ...], Field(max_length=24)]
YearDay = Annotated[str, StringConstraints(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]
Region = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Za-z0-9 ]{1,20})?$")]
"""A country, or a country and its region, as ISO 3166 names them: CH, CH-ZH, DE-BY, GB-SCT."""

ConfigName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,38}$")]
"""The name of a calendar or policy within its client."""


def seconds_of(text: str) -> int:
    """Seconds since midnight of a local time: "09:30" -> 34200, "24:00" -> 86400."""
    hours, minutes, *rest = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + (int(rest[0]) if rest else 0)


def span(interval: tuple[str, str]) -> tuple[int, int]:
    """Both ends in seconds since the first day's midnight; the end is beyond it where the interval crosses midnight."""
    start, end = seconds_of(interval[0]), seconds_of(interval[1])
    return start, end + DAY if end < start else end


def zone_of(name: str) -> ZoneInfo:
    """The IANA zone. Raises ValueError with the remedy."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is not an IANA time zone: name one such as Europe/Zurich or Etc/UTC") from None


class CalendarFields(BaseModel):
    """What a calendar says. `closed` and `yearly_closed` win over `special`, and `special` over public holidays."""

    zone: Annotated[str, Field(max_length=64, description="IANA time zone of every local time here")]
    hours: dict[Weekday, Intervals] = Field(default_factory=dict, description="weekday -> intervals")
    public_holidays: tuple[Region, ...] = Field(default=(), max_length=20, description="closed by law: CH, CH-ZH …")
    closed: tuple[date, ...] = Field(default=(), max_length=DATES_MAX, description="closed dates")
    yearly_closed: tuple[YearDay, ...] = Field(default=(), max_length=366, description="MM-DD, closed each year")
    special: dict[date, Intervals] = Field(
        default_factory=dict, max_length=DATES_MAX, description="date -> hours in place of the weekday's"
    )
    breaks: dict[date, Intervals] = Field(
        default_factory=dict, max_length=DATES_MAX, description="date -> intervals taken out of whatever is open"
    )

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, zone: str) -> str:
        zone_of(zone)
        return zone

    @field_validator("hours")
    @classmethod
    def _hours_agree(cls, hours: Mapping[Weekday, Intervals]) -> Mapping[Weekday, Intervals]:
        placed = [
            (WEEK.index(day) * DAY + start, WEEK.index(day) * DAY + end, f"{day} {shown(interval)}")
            for day, intervals in hours.items()
            for interval in intervals
            for start, end in [_span_checked(day, interval)]
        ]
        _refuse_overlaps(placed, cycle=7 * DAY)
        return hours

    @field_validator("special", "breaks")
    @classmethod
    def _dates_agree(cls, dates: Mapping[date, Intervals]) -> Mapping[date, Intervals]:
        for day, intervals in dates.items():
            spans = [(*_span_checked(str(day), interval), f"{day} {shown(interval)}") for interval in intervals]
            _refuse_overlaps(spans)
        return dates

    @field_validator("yearly_closed")
    @classmethod
    def _days_exist(cls, days: tuple[str, ...]) -> tuple[str, ...]:
        for day in days:
            try:
                date.fromisoformat(f"2000-{day}")
            except ValueError:
                raise ValueError(f"there is no {day} in any year: write MM-DD, such as 12-25") from None
        return days

    @model_validator(mode="after")
    def _says_one_thing(self) -> CalendarFields:
        if not any(self.hours.values()) and not any(self.special.values()):
            raise contradiction("hours", "a calendar without hours is never open: give hours at least one interval")
        for day, intervals in sorted(self.special.items()):
            if intervals and (day in self.closed or f"{day:%m-%d}" in self.yearly_closed):
                raise contradiction(
                    "special", f"{day} is closed and has special hours: take it out of closed or out of special"
                )
        return self


def shown(interval: tuple[str, str]) -> str:
    return f"{interval[0]}–{interval[1]}"


def _span_checked(day: str, interval: tuple[str, str]) -> tuple[int, int]:
    start, end = span(interval)
    told = f"{day} {shown(interval)}"
    if start == end:
        raise ValueError(f"{told} is empty: its end must differ from its start; a whole day is 00:00–24:00")
    if end > DAY and end - start > OVERNIGHT_HOURS_MAX * 3600:
        raise ValueError(
            f"{told} is inverted, or runs for {(end - start) / 3600:g} hours across midnight: swap its ends, "
            f"or write two intervals, {interval[0]}–24:00 and 00:00–{interval[1]} of the next day"
        )
    return start, end


def _refuse_overlaps(placed: Iterable[tuple[int, int, str]], cycle: int | None = None) -> None:
    """Raises ValueError where two of (start, end, name) share an instant; with `cycle` end meets start."""
    ordered = sorted(placed)
    if cycle is not None and len(ordered) > 1:
        first = ordered[0]
        ordered.append((first[0] + cycle, first[1] + cycle, first[2]))
    for (_, end, name), (start, _, other) in pairwise(ordered):
        if start < end:
            raise ValueError(f"{name} and {other} overlap: join them, or let the second begin when the first ends")


class Calendar(CalendarFields, Part):
    """A calendar inside an event."""


class PutCalendar(CalendarFields, Command):
    """Sets a client's calendar anew, as a version that holds from an instant on (none: from now on)."""

    name: ConfigName = "default"
    holds_from: AwareDatetime | None = Field(default=None, description="not before now; absent: from now on")
    apply_to_open: bool = Field(default=False, description="clocks that run already follow it from then on")

    def calendar(self) -> Calendar:
        return Calendar(**{name: getattr(self, name) for name in Calendar.model_fields})


class CalendarSet(Event):
    """One version of a calendar. Public holidays are recorded as they were known, for the years told, so that a later
    list of holidays changes no past clock."""

    type: ClassVar[str] = "client.calendar_set"
    client: ClientId
    name: ConfigName
    version: int = Field(ge=1, description="counts the versions of this name, from 1")
    calendar: Calendar
    holds_from: AwareDatetime
    apply_to_open: bool = False
    holidays: tuple[date, ...] = ()
    holiday_years: tuple[int, int] | None = Field(default=None, description="first and last year of `holidays`")


class RightCalendar(CalendarFields, Command):
    """A calendar inside a command: a misspelt field is refused by name."""

    def calendar(self) -> Calendar:
        return Calendar.model_validate(self.model_dump())


class CorrectCalendar(Command):
    """Says that a calendar was wrong for a while, and what it should have been."""

    name: ConfigName = "default"
    version: int = Field(ge=1)
    calendar: RightCalendar
    wrong_from: AwareDatetime
    wrong_to: AwareDatetime
    reason: Annotated[str, StringConstraints(min_length=1, max_length=2_000)]

    @model_validator(mode="after")
    def _runs_forward(self) -> CorrectCalendar:
        if self.wrong_to <= self.wrong_from:
            raise contradiction("wrong_to", "wrong_to is not after wrong_from: swap them")
        return self


class CalendarCorrected(Event):
    """The one thing that changes recorded outcomes, visibly: version `version` was wrong in [wrong_from, wrong_to)."""

    type: ClassVar[str] = "calendar.corrected"
    client: ClientId
    name: ConfigName
    version: int = Field(ge=1)
    calendar: Calendar
    wrong_from: AwareDatetime
    wrong_to: AwareDatetime
    reason: str
    holidays: tuple[date, ...] = ()
    holiday_years: tuple[int, int] | None = None
