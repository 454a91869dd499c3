"""`make chaos`: a whole desk in a storm of ten minutes, and an account of it. `--seed` plays a storm again."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.chaos.run import Outcome, storm

MINUTES = 10.0
RATE = 100.0  # commands a second that the callers aim at; while things are broken fewer are taken
TAKEN_OVER_SECONDS = 2.0
AROUND_SECONDS = 45.0  # a desk's start, its way to calm, and the comparison


def main() -> int:
    arguments = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    arguments.add_argument("--seed", type=int, default=None)
    arguments.add_argument("--minutes", type=float, default=MINUTES, help="from start to verdict")
    arguments.add_argument("--rate", type=float, default=RATE, help="commands a second, 50 to 200")
    given = arguments.parse_args()
    seed = secrets.randbelow(1_000_000) if given.seed is None else given.seed
    home = Path(tempfile.mkdtemp(prefix="daybook-chaos-"))
    console = Console()
    seconds = max(15.0, given.minutes * 60 - AROUND_SECONDS)
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console) as bar:
        task, started = bar.add_task("a desk starts", total=given.minutes * 60), time.monotonic()

        def told(sentence: str) -> None:
            bar.update(task, description=sentence[:60], completed=time.monotonic() - started)
            console.print(f"{time.monotonic() - started:7.1f} s  {sentence}")

        signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
        outcome = asyncio.run(storm(home, seed, seconds, given.rate, told))
    if outcome.takeovers and median(outcome.takeovers) > TAKEN_OVER_SECONDS:
        outcome.verdict.broken.append(f"lanes were taken over after {TAKEN_OVER_SECONDS:.0f} s only, in the middle")
    show(outcome, console)
    if outcome.verdict.broken:
        console.print(f"Its logs and its ledger: {home}")
        console.print(f"Again: python -m tests.chaos --seed {seed} --minutes {given.minutes:g} --rate {given.rate:g}")
        return 1
    shutil.rmtree(home, ignore_errors=True)
    return 0


def show(outcome: Outcome, console: Console) -> None:
    """The account of one storm."""
    verdict, counts = outcome.verdict, outcome.counts
    table = Table("", "", title=f"Storm {outcome.seed}", title_justify="left", show_header=False)
    again = sum(number for name, number in counts.items() if name.startswith("again"))
    rows = {
        "faults": f"{outcome.faults} in {outcome.storm_seconds:.0f} s"
        + ("" if outcome.full_disk else ", without a full disk: it needs root and mount"),
        "commands acknowledged": f"{verdict.commands:,}, {verdict.commands / outcome.storm_seconds:.0f}/s; "
        f"{again:,} sent again; the slowest took {outcome.slowest_seconds:.1f} s",
        "events in the log": f"{verdict.events:,}",
        "letters": f"{verdict.letters:,}; {verdict.letters_again} came again, in doubt whether they had come",
        "a relay's lanes taken over": ", ".join(f"{took:.2f}" for took in outcome.takeovers)
        + " s where all else was well",
        "at rest after the last fault": f"{outcome.rest_seconds:.1f} s",
        "refused": ", ".join(f"{number} {name[8:]}" for name, number in counts.items() if name.startswith("refused")),
    }
    for name, value in rows.items():
        table.add_row(name, value)
    console.print(table)
    for sentence in verdict.broken:
        console.print(f"[red]broken:[/] {sentence}")
    if not verdict.broken:
        console.print("nothing acknowledged was lost, nothing was done twice, nothing came out of order")


if __name__ == "__main__":
    sys.exit(main())
