"""`python -m tests.bench.sealing`: what sealing personal text costs of the append's throughput.

The same events are appended with and without encryption in turns, so that a machine that slows down slows both; the
best run of each kind, which others on the machine have disturbed least, is compared.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass

import uvloop

from services.cli.processes import collect_rarely
from services.kit.settings import Settings
from tests.bench.append import daybook
from tests.bench.servers import servers
from tests.bench.table import Row

PAIRS = 7
COST_PERCENT_MAX = 15.0


@dataclass(frozen=True)
class Cost:
    """The best runs' one-event appends a second, and the share of the throughput that sealing takes, in percent."""

    sealed_per_second: float
    plain_per_second: float
    cost_percent: float
    pairs: list[float]
    """The cost in each pair of runs, in percent: how much the machine was disturbed."""


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
    best = 100 * (1 - max(sealed) / max(plain))
    return Cost(max(sealed), max(plain), best, [round(found, 1) for found in costs])


async def row(events: int) -> Row:
    """N10: what erasing needs, paid at every append."""
    async with servers() as settings:
        found = await cost(settings, events)
    sealed, plain = found.sealed_per_second, found.plain_per_second
    return Row(
        figure="N10",
        what="share of the append's throughput that encryption takes",
        measured=f"{found.cost_percent:.0f} %: {sealed:,.0f}/s against {plain:,.0f}/s",
        goal=f"<= {COST_PERCENT_MAX:.0f} %",
        reached=found.cost_percent <= COST_PERCENT_MAX,
        values={"percent": found.cost_percent, "sealed": sealed, "plain": plain},
    )


async def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m tests.bench.sealing")
    arguments.add_argument("--events", type=int, default=12_800, help="appended in each run")
    arguments.add_argument("--pairs", type=int, default=PAIRS)
    given = arguments.parse_args()
    collect_rarely()
    async with servers() as settings:
        print(json.dumps(asdict(await cost(settings, given.events, given.pairs)), indent=1))


if __name__ == "__main__":
    uvloop.run(main())
