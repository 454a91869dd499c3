"""`python -m tests.bench.sealing`: what sealing personal text costs of the append's throughput, in pairs of one run.

Each pair appends the same events with and without encryption, one after the other in turns, so that a machine that
slows down slows both.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from statistics import median

import uvloop

from services.kit.settings import Settings
from tests.bench.append import daybook
from tests.bench.servers import servers

PAIRS = 5


@dataclass(frozen=True)
class Cost:
    """Medians of one-event appends a second, and the share of the throughput that sealing takes, in percent."""

    sealed_per_second: float
    plain_per_second: float
    cost_percent: float
    pairs: list[float]
    """The cost of each pair, in percent."""


async def cost(settings: Settings, events: int, pairs: int = PAIRS) -> Cost:
    """Measures on a database of its own."""
    await daybook(settings, events // 2)  # warms caches and plans
    sealed: list[float] = []
    plain: list[float] = []
    for turn in range(pairs):
        for with_seal in (True, False) if turn % 2 else (False, True):
            figures = await daybook(settings, events, sealed=with_seal)
            (sealed if with_seal else plain).append(figures.per_second)
    costs = [100 * (1 - one / other) for one, other in zip(sealed, plain, strict=True)]
    return Cost(median(sealed), median(plain), median(costs), [round(found, 1) for found in costs])


async def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m tests.bench.sealing")
    arguments.add_argument("--events", type=int, default=12_800, help="appended in each run")
    arguments.add_argument("--pairs", type=int, default=PAIRS)
    given = arguments.parse_args()
    async with servers() as settings:
        print(json.dumps(asdict(await cost(settings, given.events, given.pairs)), indent=1))


if __name__ == "__main__":
    uvloop.run(main())
