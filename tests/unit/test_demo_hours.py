"""Working time of the demo's people."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.demo.chance import count, source, weighted
from services.demo.hours import Shift

BERLIN = Shift(ZoneInfo("Europe/Berlin"), time(8), time(17))
FRIDAY = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)  # 16:30 in Berlin


def test_work_of_friday_afternoon_goes_on_on_monday() -> None:
    assert BERLIN.after(FRIDAY, 45) == datetime(2026, 11, 23, 7, 15, tzinfo=UTC)


def test_work_that_fits_ends_on_the_same_day() -> None:
    assert BERLIN.after(FRIDAY, 30) == datetime(2026, 11, 20, 16, 0, tzinfo=UTC)


def test_nothing_to_do_still_waits_for_the_shift_to_begin() -> None:
    saturday = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert BERLIN.after(saturday, 0) == datetime(2026, 11, 23, 7, 0, tzinfo=UTC)


def test_what_never_fits_is_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        BERLIN.after(FRIDAY, 10**6)


@given(
    at=st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001 - the zone follows
    first=st.floats(0, 2000),
    second=st.floats(0, 2000),
)
def test_time_goes_forward_and_adds_up(at: datetime, first: float, second: float) -> None:
    at = at.replace(tzinfo=UTC)
    both, one = BERLIN.after(at, first + second), BERLIN.after(at, first)
    assert at <= one <= both
    assert abs(BERLIN.after(one, second) - both) < timedelta(seconds=1) or not BERLIN.works(one)


def test_a_source_is_the_same_for_the_same_name_and_another_for_another() -> None:
    assert source(1, "a", 2).random() == source(1, "a", 2).random()
    assert source(1, "a", 2).random() != source(1, "a", 3).random()


def test_a_weight_of_nothing_is_never_drawn() -> None:
    chance = source(1, "weights")
    assert {weighted(chance, {"a": 1, "b": 0}) for _ in range(200)} == {"a"}


def test_counts_lie_around_their_mean() -> None:
    chance = source(1, "counts")
    drawn = [count(chance, 5) for _ in range(2000)]
    assert 4.7 < sum(drawn) / len(drawn) < 5.3
