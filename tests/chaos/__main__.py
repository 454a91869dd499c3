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
    arguments.add_argument("--seconds", type=float, default=None, help="of faults, in place of --minutes")
    given = arguments.parse_args()
    seed = secrets.randbelow(1_000_000) if given.seed is None else given.seed
    home = Path(tempfile.mkdtemp(prefix="daybook-chaos-"))
    console = Console()
    seconds = given.seconds or max(15.0, given.minutes * 60 - AROUND_SECONDS)
    again = f"Again: python -m tests.chaos --seed {seed} --seconds {seconds:g} --rate {given.rate:g}"
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console) as bar:
        task, started = bar.add_task("a desk starts", total=given.minutes * 60), time.monotonic()

        def told(sentence: str) -> None:
            bar.update(task, description=sentence[:60], completed=time.monotonic() - started)
            console.print(f"{time.monotonic() - started:7.1f} s  {sentence}")

        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has what it starts with & ignore it
        signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
        try:
            outcome = asyncio.run(storm(home, seed, seconds, given.rate, told))
        except BaseException:
            console.print(f"Its logs and its ledger: {home}\n{again}")
            raise
    hold(outcome)
    show(outcome, console)
    if outcome.verdict.broken:
        console.print(f"Its logs and its ledger: {home}\n{again}")
        return 1
    shutil.rmtree(home, ignore_errors=True)
    return 0


def hold(outcome: Outcome) -> None:
    """What only a machine of one's own can be held to: how fast, beside that nothing is lost."""
    took = max(outcome.takeovers, default=0.0)
    outcome.verdict.hold(bool(outcome.takeovers), "no relay was lost while all else was well")
    outcome.verdict.hold(took <= TAKEN_OVER_SECONDS, f"a lost relay's last lane was taken over after {took:.2f} s only")
    outcome.verdict.hold(
        outcome.rate >= outcome.least_rate,
        f"{outcome.rate:.0f} commands a second were taken, where {outcome.least_rate:.0f} are to be",
    )


def show(outcome: Outcome, console: Console) -> None:
    """The account of one storm."""
    verdict, counts = outcome.verdict, outcome.counts
    table = Table("", "", title=f"Storm {outcome.seed}", title_justify="left", show_header=False)
    again = sum(number for name, number in counts.items() if name.startswith("again"))
    rows = {
        "faults": f"{outcome.faults} in {outcome.storm_seconds:.0f} s"
        + ("" if outcome.full_disk else ", without a full disk: it needs root and mount"),
        "commands acknowledged": f"{verdict.commands:,}; in the storm {outcome.rate:.0f}/s (in calm "
        f"{outcome.calm_rate:.0f}/s, least {outcome.least_rate:.0f}/s); "
        f"{again:,} sent again; the slowest took {outcome.slowest_seconds:.1f} s",
        "events in the log": f"{verdict.events:,}",
        "letters": f"{verdict.letters:,}; {verdict.letters_again} came again, in doubt whether they had come",
        "a relay's lanes taken over": ", ".join(f"{took:.2f}" for took in outcome.takeovers)
        + " s until the last lane, where all else was well",
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
