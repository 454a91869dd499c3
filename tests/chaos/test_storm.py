"""The short form of `make chaos`: a whole desk, a second relay, a minute of faults, and everything compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.run import storm
from tests.chaos.storm import script

SEED = 1
SECONDS = 45.0  # of faults, a minute with the start of the desk; its way to calm and the comparison come on top
RATE = 100.0  # commands a second that the callers aim at
TAKEN_OVER_SECONDS = 15.0  # the promise is 2 s on a machine of one's own, and `make chaos` holds it to that


@pytest.mark.timeout(600)
async def test_a_desk_in_a_storm_loses_nothing_and_does_nothing_twice(tmp_path: Path) -> None:
    again = f"again: python -m tests.chaos --seed {SEED} --seconds {SECONDS:g} --rate {RATE:g}"
    print(again)
    outcome = await storm(tmp_path, SEED, SECONDS, RATE, print)
    assert outcome.verdict.broken == [], again
    assert outcome.rate >= outcome.least_rate, f"{again}: of {outcome.calm_rate:.0f} a second in calm"
    assert outcome.takeovers, f"{again}: no relay was lost"
    assert max(outcome.takeovers) < TAKEN_OVER_SECONDS, again


def test_a_seed_draws_the_same_storm_again_and_each_fault_comes_in_each() -> None:
    for seconds in (SECONDS, 600.0):
        assert script(7, seconds) == script(7, seconds) != script(8, seconds)
        for seed in range(20):
            acts = script(seed, seconds)
            assert {act.kind for act in acts} >= {"kill", "freeze", "restart", "cut", "hold", "double", "wipe", "full"}
            assert [act.kind for act in acts].count("wipe") == [act.kind for act in acts].count("full") == 1
            assert ("freeze", "postgres") in {(act.kind, act.target) for act in acts}
            assert sum(act.after for act in acts) < seconds * 1.5 + 9
