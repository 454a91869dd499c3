"""The name of a view enters, a new version of it out of the log leaves, with its progress, rate and checksum."""

from __future__ import annotations

import asyncio
import gc
import json
import time
from typing import Annotated

import asyncpg
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from services.cli.app import Stop
from services.kit.settings import Settings, load
from services.reporting.rebuild import CHECKSUMS, RebuildRuns, Rebuilt, Step, rebuilding

COLLECT_AFTER = 100_000  # new objects; a load makes millions that die young, and looking for cycles is half its time
PHASES = {
    "load": "reading the log",
    "index": "making the indexes",
    "follow": "catching up",
    "switch": "switching",
    "check": "adding up the checksum",
}


def register(app: typer.Typer) -> None:
    @app.command()
    def rebuild(
        view: Annotated[str, typer.Argument(help=f"One of: {', '.join(CHECKSUMS)}.")] = "queue",
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, and no progress.")] = False,
    ) -> None:
        """Build a view again from the log, beside the one that is read, and switch to it without a gap."""
        if view not in CHECKSUMS:
            raise Stop(f"there is no view {view}: choose one of {', '.join(CHECKSUMS)}")
        gc.freeze()
        gc.set_threshold(COLLECT_AFTER, 20, 100)
        started = time.monotonic()
        try:
            built = asyncio.run(_rebuilt(load(), view, silent=as_json))
        except (RebuildRuns, LookupError) as reason:
            raise Stop(str(reason)) from reason
        except (OSError, asyncpg.PostgresConnectionError, asyncpg.InvalidCatalogNameError) as error:
            raise Stop(f"the database can't be reached ({error}): start the desk, then run this again") from error
        _show(built, time.monotonic() - started, as_json=as_json)


async def _rebuilt(settings: Settings, view: str, *, silent: bool) -> Rebuilt:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("events"))
    console = Console(stderr=True, quiet=silent)
    with Progress(*columns, TextColumn("{task.fields[rate]}"), TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task(PHASES["load"], total=None, rate="")
        started, first = time.monotonic(), -1

        def told(step: Step) -> None:
            nonlocal first
            first = step.done if first < 0 else first
            seconds = time.monotonic() - started
            rate = f"{(step.done - first) / seconds:,.0f}/s" if step.phase == "load" and seconds else ""
            bar.update(task, description=PHASES[step.phase], completed=step.done, total=step.total, rate=rate)

        async with rebuilding(settings, view, told) as work:
            return await work.run()


def _show(built: Rebuilt, seconds: float, *, as_json: bool) -> None:
    rate = built.events / seconds if seconds else 0.0
    if as_json:
        summary = {
            "view": built.view,
            "version": built.version,
            "events": built.events,
            "seconds": round(seconds, 3),
            "events_per_second": round(rate),
            "checksum": built.checksum,
        }
        print(json.dumps(summary))
        return
    print(f"{built.view} version {built.version}: {built.events:,} events in {seconds:.1f} s, {rate:,.0f}/s")
    print(f"checksum {built.checksum}")
