"""`make evaluate`: prints what triage reaches on labelled data and in the simulator, in minutes.

`--quick` takes one seed and the first project, for a look in a minute or two; `--long` takes hours. `--only PART`
(several, parted by commas; a beginning is enough: `--only tone,radar`) runs these parts alone.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.evaluate import corrections, incidents, intents, made_sla, priority, tone
from tests.evaluate.figures import interval
from tests.radar.desk import Desk, Plan
from tests.radar.score import Score, play
from tests.radar.texts import Made, Real

DATA = Path(os.environ.get("DAYBOOK_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
PACES: Mapping[str, tuple[tuple[int, ...], int]] = {
    "short": ((21, 22, 23), 21),
    "quick": ((21,), 7),
    "long": (tuple(range(31, 41)), 42),
}
"""Seeds, and days of each simulated desk."""


RADAR: Mapping[str, tuple[str, int]] = {
    "radar-made": ("made-up language", 2_000),
    "radar-made-20k": ("made-up language", 20_000),
    "radar-real": ("real questions", 2_000),
    "radar-real-20k": ("real questions", 20_000),
}
"""The simulated desks: their texts, and tickets a day."""


def radar(part: str, data: Path | None, seeds: Sequence[int], days: int) -> Iterator[str]:
    """One simulated desk, each seed's in turn. Twenty thousand tickets a day have fewer days."""
    name, per_day = RADAR[part]
    length, chosen = (days, seeds) if per_day < 20_000 else (max(10, days // 3), seeds[: len(seeds) // 3])
    each: list[Score] = []
    for seed in chosen:
        plan = Plan(seed, days=length, per_day=per_day, incidents=max(10, length * 3 // 2))
        told(f"{name}, {per_day} a day, seed {seed}")
        each.append(play(Desk(plan, Made(seed) if data is None or "made" in part else Real(data)))[0])
    if not each:
        return
    whole = Score()
    for score in each:
        whole.add(score)
    yield f"radar, {name}, {per_day} a day, {whole.weeks:.0f} weeks: {whole.line()}"
    yield f"  false alarms a week {interval([score.false_a_week for score in each])}"
    for size in sorted(whole.found):
        yield f"  recall of {size} tickets {interval([score.recall(size) for score in each])}"


def told(line: str) -> None:
    """What is being worked on, beside the figures."""
    print(f"… {line}", file=sys.stderr, flush=True)


def tones(data: Path, seeds: Sequence[int]) -> Iterator[str]:
    for name, values in tone.evaluate(data, {}, seeds, told).items():
        yield f"tone, {name}: {interval(values)}"


def parts(data: Path | None, pace: str) -> dict[str, Iterator[str]]:
    """The parts by their names; each works only when it is asked for lines."""
    seeds, days = PACES[pace]
    found: dict[str, Iterator[str]] = {}
    if data is not None:
        found = {
            "similar": intents.evaluate(data, seeds),
            "categories": corrections.evaluate(data, seeds),
            "priority": priority.evaluate(data, told, only=1 if pace == "quick" else None),
            "tone": tones(data, seeds),
            "problem-links": incidents.problem_links(data),
            "outages": incidents.downdetector(data),
            "made-sla": made_sla.evaluate(data),
        }
    return found | {part: radar(part, data, seeds, days) for part in RADAR if data is not None or "made" in part}


def main(pace: str, only: Sequence[str]) -> None:
    data = DATA if DATA.is_dir() else None
    if data is None:
        print(f"{DATA} is missing: only the simulator with its made-up language runs (DAYBOOK_SHARED_DATA names it)")
    known = parts(data, pace)
    chosen = [name for name in known if not only or name.startswith(tuple(only))]
    if not chosen:
        sys.exit(f"--only {','.join(only)} begins the name of no part: {', '.join(known)}")
    for number, name in enumerate(chosen, start=1):
        told(f"{number} of {len(chosen)}: {name}")
        started = time.monotonic()
        for line in known[name]:
            print(line, flush=True)
        print(f"  ({time.monotonic() - started:.0f} s)", flush=True)


if __name__ == "__main__":
    asked = argparse.ArgumentParser(prog="python -m tests.evaluate", description=__doc__)
    asked.add_argument("--quick", dest="pace", action="store_const", const="quick", default="short")
    asked.add_argument("--long", dest="pace", action="store_const", const="long")
    asked.add_argument("--only", type=lambda names: names.split(","), default=[], metavar="PART,…")
    chose = asked.parse_args()
    main(chose.pace, chose.only)
