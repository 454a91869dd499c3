"""A log of another desk enters, tickets leave: `daybook import FILE --map MAP`; and our own exports are read back."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from services.cli.adopting import adopted
from services.cli.app import Stop
from services.cli.read_back import read_back
from services.importing.find_map import find_map, names
from services.importing.job import Plan, import_log, plan_import
from services.importing.refusals import BadFile, BadMap, RefusedRow
from services.importing.run import Done
from services.importing.run import Progress as Told
from services.kit.settings import Settings, load

SHOWN_MAX = 10  # refused rows on the screen; the quarantine file has them all


def register(app: typer.Typer) -> None:
    @app.command("import")
    def import_command(
        file: Annotated[Path, typer.Argument(help="A CSV event log, plain or gzip; or a folder of daybook export.")],
        map_: Annotated[str, typer.Option("--map", help=f"A map's path, or one of: {', '.join(names())}.")] = "",
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, and no progress.")] = False,
        adopt: Annotated[
            bool, typer.Option("--adopt", help="Work what is still open here from now on: with promises, live clocks.")
        ] = False,
        check: Annotated[bool, typer.Option("--check", help="Read and understand the file, write nothing.")] = False,
        erased: Annotated[
            str, typer.Option(help="For a folder: who was erased since, from daybook erase --list; or: none.")
        ] = "",
    ) -> None:
        """Import another desk's event log. Safe to repeat: what is there already is not written again."""
        if file.is_dir():
            read_back(file, erased, as_json=as_json)
            return
        if not map_:
            raise Stop(f"{file} needs a map: add --map with a map's path, or one of {', '.join(names())}")
        settings = load()
        try:
            source = find_map(map_)
            if not check:
                settings.admin_dsn()
            started = time.monotonic()
            plan = plan_import(file, source, datetime.now(UTC))
            done = Done() if check else asyncio.run(_imported(settings, plan, silent=as_json))
            taken = asyncio.run(adopted(settings, done.still_open, silent=as_json)) if adopt and not check else 0
        except (BadFile, BadMap, LookupError) as reason:
            raise Stop(str(reason)) from reason
        refused = sorted([*plan.refused, *done.refused], key=lambda row: row.row)
        quarantine = _quarantine(settings.home, file, refused)
        summary = _summary(file, map_, plan, done, refused, quarantine, time.monotonic() - started)
        summary |= {"still_open": len(done.still_open), "adopted": taken}
        if as_json:
            print(json.dumps(summary, ensure_ascii=False))
        else:
            _show(summary, check=check)


async def _imported(settings: Settings, plan: Plan, *, silent: bool) -> Done:
    console = Console(stderr=True, quiet=silent)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("tickets"))
    with Progress(*columns, TextColumn("{task.fields[events]} events"), TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("importing", total=len(plan.cases), events=0)

        def told(done: Done, through: int) -> None:
            bar.update(task, completed=through, events=done.events.total())

        return await _reached(settings, plan, told)


async def _reached(settings: Settings, plan: Plan, told: Told) -> Done:
    """Every way in which the database may be away, as a sentence."""
    try:
        return await import_log(settings, plan, told)
    except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError) as error:
        raise Stop(f"the database knows no desk ({error}): run daybook provision first") from error
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError, asyncpg.UndefinedFunctionError) as error:
        raise Stop(f"the database is older than this program ({error}): run daybook provision") from error
    except (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, TimeoutError) as error:
        raise Stop(
            f"the desk's database cannot be reached ({str(error) or type(error).__name__}): see that the desk runs, "
            "then run the same command again; it goes on where it stopped"
        ) from error


def _quarantine(home: Path, file: Path, refused: list[RefusedRow]) -> Path | None:
    """The refused rows of this file, one JSON object a line, readable by the owner only; None where there are none.

    A run reads the whole file, so the rows of an earlier run are told again or are in by now.
    """
    name = re.sub(r"[^\w.-]+", "_", file.name.removesuffix(".gz").removesuffix(".csv"))
    path = home / "quarantine" / f"import-{name}.jsonl"
    path.unlink(missing_ok=True)
    if not refused:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        for row in refused:
            entry = {"file": file.name, "row": row.row, "reason": row.reason, "fields": row.fields}
            out.write(json.dumps(entry, ensure_ascii=False) + "\n")
    return path


def _summary(
    file: Path, map_name: str, plan: Plan, done: Done, refused: list[RefusedRow], quarantine: Path | None, took: float
) -> dict[str, Any]:
    return {
        "file": str(file),
        "map": map_name,
        "system": plan.translation.source.system,
        "rows": plan.rows,
        "cases": len(plan.cases),
        "tickets": done.tickets,
        "tickets_known": done.tickets_known,
        "events": done.events.total(),
        "events_known": done.events_known,
        "events_by_type": dict(sorted(done.events.items())),
        "refused": [row.as_json() for row in refused],
        "moved": [row.as_json() for row in plan.moved],
        "quarantine": str(quarantine) if quarantine else None,
        "seconds": round(took, 3),
    }


def _show(summary: dict[str, Any], *, check: bool) -> None:
    """The same for people."""
    console = Console(soft_wrap=True, highlight=False, markup=False)
    if check:
        console.print(f"{summary['rows']} rows of {summary['cases']} tickets can be imported; nothing was written")
    else:
        console.print(
            f"imported {summary['tickets']} tickets with {summary['events']} events out of {summary['rows']} rows "
            f"in {summary['seconds']:.1f} s"
        )
    if summary["tickets_known"]:
        console.print(f"{summary['tickets_known']} tickets with {summary['events_known']} events were there already")
    if summary["adopted"]:
        console.print(f"adopted {summary['adopted']} tickets that are still open: promises and clocks are live")
    elif summary["still_open"]:
        console.print(f"{summary['still_open']} tickets are still open; --adopt gives them promises and live clocks")
    for title, rows in (("taken in order of time", summary["moved"]), ("refused", summary["refused"])):
        if rows:
            console.print(f"{len(rows)} rows {title}:", style="bold")
        for row in rows[:SHOWN_MAX]:
            console.print(f"  row {row['row']}: {row['reason']}")
        if len(rows) > SHOWN_MAX:
            console.print(f"  … and {len(rows) - SHOWN_MAX} more")
    if summary["quarantine"]:
        console.print(f"every refused row stands in {summary['quarantine']}", style="yellow")
    sys.stdout.flush()
