"""The one clock of a process."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from services.kit.clock import LOG_CLOCK_START, LogClock, SystemClock, clock_for
from services.kit.settings import Settings

MARCH = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def test_a_log_clock_stands_until_it_is_told() -> None:
    clock = LogClock(LOG_CLOCK_START)
    assert clock.now() == LOG_CLOCK_START
    clock.advance(MARCH)
    assert clock.now() == MARCH


def test_a_log_clock_never_goes_back() -> None:
    clock = LogClock(MARCH)
    clock.advance(MARCH - timedelta(days=1))
    assert clock.now() == MARCH


def test_a_log_clock_tells_utc_whatever_zone_it_was_told_in() -> None:
    clock = LogClock(LOG_CLOCK_START)
    clock.advance(MARCH.astimezone(timezone(timedelta(hours=5))))
    assert (clock.now(), clock.now().tzinfo) == (MARCH, UTC)


def test_the_system_clock_does_not_listen() -> None:
    clock = SystemClock()
    clock.advance(MARCH + timedelta(days=100_000))
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=1)


def test_the_settings_choose_the_clock() -> None:
    assert isinstance(clock_for(Settings(clock="log")), LogClock)
    assert isinstance(clock_for(Settings()), SystemClock)
