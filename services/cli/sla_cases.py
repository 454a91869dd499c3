"""A case of a check file -> what our clocks answer. Pure: the same open time and cycles that the timers use.

A case asks one question (`op`) of one calendar. Calendars of cases are taken as they are: none is refused for being
empty or for overlapping hours. Where there is no such instant (a due time that never comes) the answer is null.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from contracts.calendars import Calendar, Interval, Weekday, YearDay, zone_of
from contracts.sla import Metric
from services.kit.rules.calendars import open_time
from services.kit.rules.clock_cycle import Cycle
from services.kit.rules.open_time import NEVER, SECOND, OpenTime, instant, joined, us
from services.kit.rules.policies import Aim

NOBODY = UUID(int=0)
SECONDS_MAX = 1e12  # more than what can be laid out; a float beyond is not exact to the microsecond either


class Wrong(ValueError):
    """A case that can't be asked: where it is wrong, and why."""


class CaseCalendar(BaseModel):
    """A calendar in the form of check files."""

    model_config = ConfigDict(extra="forbid")

    tz: str
    hours: dict[Weekday, tuple[Interval, ...]] = Field(default_factory=dict)
    holidays: tuple[date, ...] = ()
    yearly_holidays: tuple[YearDay, ...] = ()
    overrides: dict[date, tuple[Interval, ...]] = Field(default_factory=dict)
    breaks: dict[date, tuple[Interval, ...]] = Field(default_factory=dict)
    name: Any = None
    note: Any = None
    source: Any = None
    """What a calendar says for people."""

    @field_validator("tz")
    @classmethod
    def _is_a_zone(cls, zone: str) -> str:
        zone_of(zone)
        return zone

    def open_time(self) -> OpenTime:
        calendar = Calendar.model_construct(
            zone=self.tz,
            hours=self.hours,
            closed=self.holidays,
            yearly_closed=self.yearly_holidays,
            special=self.overrides,
            breaks=self.breaks,
        )
        return open_time(calendar)


def _microseconds(given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int | float) or not abs(given) < SECONDS_MAX:
        raise ValueError("write seconds as a number")
    return round(Decimal(str(given)) * SECOND)


class Case(BaseModel):
    """One question. What else a case says (source, tags, note) is for people."""

    op: Literal["add", "subtract", "between", "is_open", "next_open", "prev_close"]
    calendar: CaseCalendar
    start: AwareDatetime
    end: AwareDatetime | None = None
    duration_s: Annotated[int | None, BeforeValidator(_microseconds)] = None
    pauses: tuple[tuple[AwareDatetime, AwareDatetime | None], ...] = ()
    boundary_convention: Literal["close", "open", "next_open", "prev_close"] | None = None
    expected: Any

    @property
    def length(self) -> int:
        if self.duration_s is None:
            raise Wrong(f"duration_s is missing: {self.op} needs it")
        return self.duration_s


def read(model: type[BaseModel], given: Any) -> Any:
    """A part of the file by its model. Raises Wrong with the place of the first fault."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "it"
        raise Wrong(f"{place}: {_remedy(first)}") from None


FORMS: Final = {
    "missing": "is missing",
    "tuple_type": "write a list",
    "dict_type": "write an object",
    "model_type": "write an object",
    "extra_forbidden": "there is no such field: tz, hours, holidays, yearly_holidays, overrides and breaks are known",
    "timezone_aware": "an instant needs its zone: put Z or +01:00 behind it",
    "too_long": 'an interval is [from, to), such as ["09:00", "17:00"]',
    "too_short": 'an interval is [from, to), such as ["09:00", "17:00"]',
}
"""What is wrong, by pydantic's type of error, and how to write it."""


def _remedy(fault: Any) -> str:
    if fault["type"] == "string_pattern_mismatch":
        form = "MM-DD, such as 12-25" if "yearly_holidays" in fault["loc"] else "HH:MM, such as 09:30, and 24:00"
        return f"{fault['input']!r} can't be read: write {form}"
    usual: str = fault["msg"].removeprefix("Value error, ")
    return FORMS.get(fault["type"], usual)


def answer(case: Case) -> Any:
    """What our clocks say: an instant, seconds, a truth value, or None where there is no such instant. Raises Wrong."""
    hours = case.calendar.open_time()
    start = us(case.start)
    match case.op:
        case "is_open":
            return hours.is_open(start)
        case "next_open":
            return told(hours.next_open(start))
        case "prev_close":
            return told(hours.prev_close(start))
        case "between":
            return seconds(_between(case, hours, start))
        case "add" if case.length >= 0:
            return told(_add(case, hours, start, case.length))
        case "subtract" if case.length < 0:
            return told(_add(case, hours, start, -case.length))
        case _:
            return told(_subtract(case, hours, start, abs(case.length)))


def _cycle(hours: OpenTime, start: int, length: int | None, pauses: Iterable[tuple[int, int]]) -> Cycle:
    """A clock as a ticket would have it, with its pauses."""
    cycle = Cycle(Metric.RESOLUTION, 1, start, NOBODY, None, Aim(hours, hours, length))
    for begins, ends in pauses:
        cycle.pause(begins, NOBODY)
        if ends != NEVER:
            cycle.resume(ends, NOBODY)
    return cycle


def _pauses(case: Case, start: int, end: int = NEVER) -> list[tuple[int, int]]:
    given = ((us(begins), NEVER if ends is None else us(ends)) for begins, ends in case.pauses)
    return joined((max(begins, start), min(ends, end)) for begins, ends in given)


def _between(case: Case, hours: OpenTime, start: int) -> int:
    if case.end is None:
        raise Wrong("end is missing: between needs it")
    end = us(case.end)
    if end <= start:
        return 0
    return _cycle(hours, start, None, _pauses(case, start, end)).consumed_at(end)


def _add(case: Case, hours: OpenTime, start: int, length: int) -> int:
    due = _cycle(hours, start, length, _pauses(case, start)).due()
    due = NEVER if due is None else due
    return hours.next_open(due) if case.boundary_convention in {"open", "next_open"} and due != NEVER else due


def _subtract(case: Case, hours: OpenTime, start: int, length: int) -> int:
    found = hours.back(start, length)
    for begins, ends in reversed(_pauses(case, -NEVER, start)):
        if found < ends:  # open time of this pause was walked over: it does not count
            length += hours.between(begins, ends)
            found = hours.back(start, length)
    return hours.prev_close(found) if case.boundary_convention in {"close", "prev_close"} and length else found


def told(at: int) -> datetime | None:
    return None if abs(at) >= NEVER else instant(at)


def seconds(length: int) -> int | float:
    return length // SECOND if length % SECOND == 0 else length / SECOND


def agrees(expected: Any, got: Any) -> bool:
    """Whether an answer is what a file expects: instants as instants, seconds as numbers. `null` and an object with
    `error` both expect that there is no answer."""
    if got is None or isinstance(expected, dict):
        return got is None and (expected is None or (isinstance(expected, dict) and "error" in expected))
    if isinstance(got, datetime):
        return isinstance(expected, str) and _instant(expected) == got
    return type(expected) in ((bool,) if isinstance(got, bool) else (int, float, type(got))) and bool(expected == got)


def _instant(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None


def shown(value: Any) -> Any:
    """A value as the report prints it."""
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
