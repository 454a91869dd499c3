"""A calendar as the contracts write it -> its open time, in instants. Pure.

Local wall times become instants by the zone: one that does not exist moves forward to the first that does, one that
exists twice means the first. (PEP 495 and RFC 5545 would move the former by the whole length of the gap.)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache

from contracts.calendars import DAY as DAY_SECONDS
from contracts.calendars import WEEK, CalendarFields, span, zone_of
from services.kit.refused import Refused
from services.kit.rules.open_time import NEVER, SECOND, LayOut, OpenTime, Span, joined, us, without

CALM_DAYS_MAX = 400  # a calendar without an open second for so long is refused when it is set
HOLIDAY_YEARS_AHEAD = 10  # recorded with a calendar: later ones are asked for when they are needed

HolidaysOf = Callable[[int], Collection[date]]
"""A year -> the public holidays on which the calendar is closed."""


def to_instant(local: datetime, zone: tzinfo) -> int:
    """The instant of a local wall time (naive), in microseconds since 1970."""
    before = local.replace(tzinfo=zone, fold=0).utcoffset()
    after = local.replace(tzinfo=zone, fold=1).utcoffset()
    assert before is not None and after is not None  # noqa: S101, PT018  a zone always has an offset
    if before >= after:
        return us((local - before).replace(tzinfo=UTC))
    return _first_after_gap(us((local - after).replace(tzinfo=UTC)), us((local - before).replace(tzinfo=UTC)), zone)


def _first_after_gap(low: int, high: int, zone: tzinfo) -> int:
    """The instant between two, at which the zone's clocks move forward. They move at whole seconds."""
    start = _offset(low, zone)
    while high - low > SECOND:
        middle = low + (high - low) // (2 * SECOND) * SECOND
        if _offset(middle, zone) == start:
            low = middle
        else:
            high = middle
    return high


def _offset(at: int, zone: tzinfo) -> timedelta | None:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).astimezone(zone).utcoffset()


def no_holidays(_: int) -> Collection[date]:
    return ()


def lay_out(calendar: CalendarFields, holidays_of: HolidaysOf) -> LayOut:
    """The open intervals of a year's local days, as instants."""
    zone = zone_of(calendar.zone)
    week = [[span(interval) for interval in calendar.hours.get(day, ())] for day in WEEK]
    special = {day: [span(interval) for interval in given] for day, given in calendar.special.items()}
    closed, yearly = frozenset(calendar.closed), frozenset(calendar.yearly_closed)
    breaks = joined(
        piece for day, given in calendar.breaks.items() for piece in _instants(day, [span(one) for one in given], zone)
    )

    def spans_of(year: int) -> Iterable[Span]:
        holidays = holidays_of(year)
        midnights = [datetime(year, 1, 1) + timedelta(days=number) for number in range(368)]  # noqa: DTZ001  wall time
        offsets = [midnight.replace(tzinfo=zone).utcoffset() for midnight in midnights]
        found: list[Span] = []
        for number, midnight in enumerate(midnights[:366]):
            day = midnight.date()
            if day.year != year or day in closed or (yearly and f"{day:%m-%d}" in yearly):
                continue
            usual = [] if day in holidays else week[midnight.weekday()]
            spans = special.get(day, usual)
            offset = offsets[number]
            if offset == offsets[number + 1] == offsets[number + 2] and offset is not None:
                found += _at_rest(us((midnight - offset).replace(tzinfo=UTC)), spans)
            elif spans:
                found += _instants(day, spans, zone)
        return without(found, breaks) if breaks else found

    return spans_of


def _at_rest(midnight: int, spans: Iterable[tuple[int, int]]) -> list[Span]:
    """As `_instants`, on one of the many days from whose midnight on the zone's clocks do not move for two days."""
    return [(midnight + start * SECOND, midnight + end * SECOND) for start, end in spans if start < end]


def _instants(day: date, spans: Iterable[tuple[int, int]], zone: tzinfo) -> list[Span]:
    """Local seconds since a day's midnight -> instants. Where the clocks moved over all of it, nothing is open."""
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001  wall time until the zone is asked
    found = []
    for start, end in spans:
        opens = to_instant(midnight + timedelta(seconds=start), zone)
        closes = to_instant(midnight + timedelta(seconds=end), zone)
        if opens < closes:
            found.append((opens, closes))
    return found


def open_time(
    calendar: CalendarFields, version: str = "", recorded: Mapping[int, Collection[date]] | None = None
) -> OpenTime:
    """The open time of a calendar; `recorded` has the public holidays of years that were written down with it."""
    return OpenTime(lay_out_of(calendar, recorded), version, calendar.zone)


def lay_out_of(calendar: CalendarFields, recorded: Mapping[int, Collection[date]] | None = None) -> LayOut:
    """The same for who puts calendars together."""
    known = recorded or {}
    regions = calendar.public_holidays

    def holidays_of(year: int) -> Collection[date]:
        return known[year] if year in known else public_holidays(regions, year)

    return lay_out(calendar, holidays_of if regions else no_holidays)


def public_holidays(regions: tuple[str, ...], year: int) -> frozenset[date]:
    """Every public holiday of these countries and regions. Raises Refused where there is no list for one of them."""
    return frozenset(day for region in regions for day in _of_region(region, year))


@lru_cache(maxsize=4096)
def _of_region(region: str, year: int) -> frozenset[date]:
    country, _, part = region.partition("-")
    try:
        import holidays  # it takes a third of a second, and most desks' first question comes later

        found = holidays.country_holidays(country, subdiv=part or None, years=year)
        days = frozenset(day for day in found if day.year == year)
    except NotImplementedError as error:
        known = f"{country} has no region {part!r}" if part else f"there is no list for {country!r}"
        raise Refused(
            "unknown_region",
            f"public holidays of {region!r} can't be loaded: {known}; use a country's ISO 3166 code, with a region as "
            f"in CH-ZH, or write the dates to `closed`",
            "public_holidays",
        ) from error
    except Exception as error:  # whatever a list of holidays breaks with: a desk never takes it for one without any
        raise Refused(
            "holidays_unavailable",
            f"public holidays of {region!r} in {year} can't be loaded ({type(error).__name__}): try again with another "
            "version of the package holidays, or write the dates to `closed`",
            "public_holidays",
        ) from error
    return days


def recorded_holidays(calendar: CalendarFields, year: int) -> tuple[tuple[date, ...], tuple[int, int] | None]:
    """The holidays to write down with a calendar that is set in a year, and for which years. Raises Refused."""
    if not calendar.public_holidays:
        return (), None
    years = (year - 1, year + HOLIDAY_YEARS_AHEAD)
    days = {day for each in range(years[0], years[1] + 1) for day in public_holidays(calendar.public_holidays, each)}
    return tuple(sorted(days)), years


def by_year(days: Iterable[date], years: tuple[int, int] | None) -> dict[int, frozenset[date]]:
    """Recorded holidays in the form that `open_time` takes."""
    if years is None:
        return {}
    all_days = frozenset(days)
    return {year: frozenset(day for day in all_days if day.year == year) for year in range(years[0], years[1] + 1)}


def refuse_closed_calendar(calendar: CalendarFields, holds_from: datetime) -> None:
    """Raises Refused where nothing opens within CALM_DAYS_MAX days, or a list of holidays can't be loaded."""
    start = us(holds_from)
    opens = open_time(calendar).next_open(start)
    if opens == NEVER or opens - start >= CALM_DAYS_MAX * DAY_SECONDS * SECOND:
        raise Refused(
            "calendar_closed",
            f"the calendar has no open second in the {CALM_DAYS_MAX} days after {holds_from:%Y-%m-%d}: "
            "add intervals to hours, or take dates out of closed",
            "hours",
        )
