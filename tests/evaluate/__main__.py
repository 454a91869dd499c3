"""`make evaluate`: prints what triage reaches on labelled data and in the simulator, in minutes.

`--quick` takes one seed and the first project, for a look in a minute or two; `--long` takes hours.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.evaluate import incidents, intents, made_sla, priority, tone
from tests.evaluate.figures import interval
from tests.radar.desk import Desk, Plan
from tests.radar.score import Score, play
from tests.radar.texts import Made, Real, Texts

DATA = Path(os.environ.get("DAYBOOK_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
SHORT: tuple[tuple[int, ...], int] = (21, 22, 23), 21
QUICK: tuple[tuple[int, ...], int] = (21,), 7
LONG: tuple[tuple[int, ...], int] = tuple(range(31, 41)), 42
"""Seeds, and days of each simulated desk."""


def radar(data: Path | None, seeds: Sequence[int], days: int) -> Iterator[str]:
    """The simulated desks, at 2,000 and 20,000 tickets a day."""
    kinds: list[tuple[str, Callable[[int], Texts]]] = [("made-up language", Made)]
    if data is not None:
        kinds.append(("real questions", lambda _: Real(data)))
    for name, texts in kinds:
        for per_day, length, chosen in ((2_000, days, seeds), (20_000, max(10, days // 3), seeds[: len(seeds) // 3])):
            each: list[Score] = []
            for seed in chosen:
                plan = Plan(seed, days=length, per_day=per_day, incidents=max(10, length * 3 // 2))
                told(f"{name}, {per_day} a day, seed {seed}")
                each.append(play(Desk(plan, texts(seed)))[0])
            if not chosen:
                continue
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


def main(pace: str) -> None:
    seeds, days = {"--long": LONG, "--quick": QUICK}.get(pace, SHORT)
    data = DATA if DATA.is_dir() else None
    parts: list[tuple[str, Iterator[str]]] = []
    if data is None:
        print(f"{DATA} is missing: only the simulator with its made-up language runs (DAYBOOK_SHARED_DATA names it)")
    else:
        parts = [
            ("similar tickets", intents.evaluate(data, seeds)),
            ("priority", priority.evaluate(data, told, only=1 if pace == "--quick" else None)),
            ("tone", tones(data, seeds)),
            ("problem links", incidents.problem_links(data)),
            ("declared outages", incidents.downdetector(data)),
            ("made_sla", made_sla.evaluate(data)),
        ]
    parts.append(("the radar in the simulator", radar(data, seeds, days)))
    for number, (name, part) in enumerate(parts, start=1):
        told(f"{number} of {len(parts)}: {name}")
        started = time.monotonic()
        for line in part:
            print(line, flush=True)
        print(f"  ({time.monotonic() - started:.0f} s)", flush=True)


if __name__ == "__main__":
    main(next(iter(sys.argv[1:]), ""))
