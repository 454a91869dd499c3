"""Two thousand schedules of the real relay and consumer among faults, and proof that they would find mistakes."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator

import pytest

from tests.chaos.mutations import MUTATIONS, Mutation
from tests.chaos.sim.world import World
from tests.chaos.simulate import SCHEDULES

AGAIN = "replay one with: python -m tests.chaos.simulate --seed N"


@pytest.fixture(autouse=True)
def _quick() -> Iterator[None]:
    """Nobody reads what ten thousand processes log, and the tests before left enough for the collector to walk."""
    gc.collect()
    gc.freeze()
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
    gc.unfreeze()


@pytest.mark.timeout(400)
def test_nothing_is_lost_doubled_or_disordered_in_two_thousand_schedules() -> None:
    failed = {seed: wrong for seed in range(1, SCHEDULES + 1) if (wrong := World(seed).run())}
    assert not failed, AGAIN


def test_a_seed_plays_the_same_schedule_again() -> None:
    def played(seed: int) -> tuple[object, ...]:
        world = World(seed)
        world.run()
        tables = world.db.tables
        return world.steps, world.loop.time(), tables.effects, tables.letters, world.db.log

    for seed in range(1, 40):
        assert played(seed) == played(seed), f"seed {seed}"


@pytest.mark.timeout(400)
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_a_mistake_is_found_within_as_many_schedules(mutation: Mutation) -> None:
    with mutation():
        found = next((seed for seed in range(1, SCHEDULES + 1) if World(seed).run()), None)
    assert found is not None, f"{mutation.__doc__}: no schedule shows it"
