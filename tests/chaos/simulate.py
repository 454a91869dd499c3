"""`python -m tests.chaos.simulate`: many schedules, or one again: `--seed 4711` replays what a failure names."""

from __future__ import annotations

import argparse
import gc
import logging
import sys
import time

from tests.chaos.sim.world import World

SCHEDULES = 2_000


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.chaos.simulate", description=__doc__)
    arguments.add_argument("--seed", type=int, help="play this schedule alone, and say what its processes log")
    arguments.add_argument("--first", type=int, default=1)
    arguments.add_argument("--schedules", type=int, default=SCHEDULES)
    given = arguments.parse_args()
    logging.disable(logging.CRITICAL if given.seed is None else logging.NOTSET)
    if given.seed is not None:
        logging.basicConfig(level=logging.DEBUG, format="%(name)s %(message)s %(daybook)s", stream=sys.stdout)
        logging.getLogger("asyncio").setLevel(logging.WARNING)
    seeds = [given.seed] if given.seed is not None else range(given.first, given.first + given.schedules)
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    started, failed, steps = time.perf_counter(), 0, 0
    for seed in seeds:
        world = World(seed)
        wrong = world.run()
        steps += world.steps
        failed += bool(wrong)
        for sentence in wrong:
            print(f"seed {seed}: {sentence}")
    seconds = time.perf_counter() - started
    print(f"{len(seeds):,} schedules, {steps:,} steps in {seconds:.1f} s: {failed} failed")
    if failed:
        print("again: python -m tests.chaos.simulate --seed N")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
