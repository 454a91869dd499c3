"""A program runs every night, soon after the start for what has waited alone, and again where it could not do it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, time, timedelta, timezone
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.embedded.nightly import AGAIN, SOON, TRIES, Nightly, next_night
from services.kit.settings import load

THREE = time(3, 0)
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


class Over(Exception):
    """The nights of this test are over."""


class Nights:
    """A clock that sleeping moves on, for some sleeps."""

    def __init__(self, sleeps: int) -> None:
        self.now, self.left, self.slept = NOON, sleeps, [timedelta()]

    def tell(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        if not self.left:
            raise Over
        self.left -= 1
        self.slept.append(timedelta(seconds=seconds))
        self.now += self.slept[-1]


@pytest.mark.parametrize(
    ("now", "night"),
    [
        (NOON, datetime(2026, 3, 5, 3, tzinfo=UTC)),
        (datetime(2026, 3, 4, 3, tzinfo=UTC), datetime(2026, 3, 5, 3, tzinfo=UTC)),
        (datetime(2026, 3, 4, 2, 59, tzinfo=UTC), datetime(2026, 3, 4, 3, tzinfo=UTC)),
        (datetime(2026, 3, 4, 1, tzinfo=timezone(timedelta(hours=2))), datetime(2026, 3, 4, 3, tzinfo=UTC)),
    ],
)
def test_the_next_night_is_the_next_time_that_it_is_so_late_in_utc(now: datetime, night: datetime) -> None:
    assert next_night(now, THREE) == night


async def run(tmp_path: Path, code: int, sleeps: int) -> tuple[Nights, list[str], list[str]]:
    nights, said = Nights(sleeps), list[str]()
    program = f"import sys; print('ran', *sys.argv[1:]); sys.exit({code})"
    nightly = Nightly(
        THREE, tmp_path, {}, said.append, nights.tell, argv=(sys.executable, "-c", program), sleep=nights.sleep
    )
    with pytest.raises(Over):
        await nightly.run()
    return nights, said, (tmp_path / "erase.log").read_text().splitlines()


async def test_it_runs_soon_after_the_start_for_what_has_waited_and_then_every_night(tmp_path: Path) -> None:
    nights, said, ran = await run(tmp_path, code=0, sleeps=3)
    assert ran == ["ran --waited 24", "ran", "ran"]
    assert nights.slept[1:] == [SOON, timedelta(hours=15) - SOON, timedelta(days=1)]
    assert said == []


async def test_a_night_on_which_something_is_in_the_way_is_tried_again_and_then_told(tmp_path: Path) -> None:
    nights, said, ran = await run(tmp_path, code=1, sleeps=1 + TRIES)
    assert len(ran) == 1 + TRIES
    assert nights.slept[3:] == [AGAIN] * (TRIES - 1)
    assert [line for line in said if "not compacted tonight" in line] == said != []


def test_the_night_is_a_setting_that_may_be_empty(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(home=home).compact_at == THREE
    monkeypatch.setenv("DAYBOOK_COMPACT_AT", "01:30")
    assert load(home=home).compact_at == time(1, 30)
    monkeypatch.setenv("DAYBOOK_COMPACT_AT", "")
    assert load(home=home).compact_at is None
    monkeypatch.setenv("DAYBOOK_COMPACT_AT", "at night")
    with pytest.raises(ValidationError):
        load(home=home)
