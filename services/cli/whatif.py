"""Another policy, calendar, target or table of rules -> what would have been: `daybook whatif`. It writes nothing."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final

import asyncpg
import typer
import yaml
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from services.cli.app import Stop
from services.cli.terms import shipped
from services.cli.token import AsJson
from services.cli.whatif_shown import show
from services.kit.ranges import calendar_span, instant_of
from services.kit.refused import Refused
from services.kit.rules.priority_table import SHIPPED
from services.kit.settings import load
from services.reporting.whatif.asked import WhatifQuestion
from services.reporting.whatif.result import FORMAT, Result
from services.reporting.whatif.run import Step, Told, engine, replay
from services.reporting.whatif.workers import Failed

FILE_BYTES_MAX: Final = 1_000_000

Files = Annotated[list[Path] | None, typer.Option(help="YAML or JSON of a calendar; again for more.")]


def register(app: typer.Typer) -> None:
    @app.command()
    def whatif(
        *,
        policy: Annotated[Path | None, typer.Option(help="A policy, or a set of terms such as shop.")] = None,
        calendar: Files = None,
        rules: Annotated[Path | None, typer.Option(help="A table of rules for priorities; see --show-rules.")] = None,
        set_: Annotated[list[str] | None, typer.Option("--set", help="One target: P2.resolution=4h.")] = None,
        from_: Annotated[str | None, typer.Option("--from", help="2026-07-01, or an instant.")] = None,
        to: Annotated[str | None, typer.Option("--to", help="The end, not included; now if left out.")] = None,
        last: Annotated[str | None, typer.Option("--last", help="week, month, quarter or year.")] = None,
        client: Annotated[list[str] | None, typer.Option(help="Only this one; again for more.")] = None,
        again: Annotated[Path | None, typer.Option(help="A result, to make it once more.")] = None,
        processes: Annotated[int | None, typer.Option(min=1, help="At most; else as many as cores.")] = None,
        show_rules: Annotated[bool, typer.Option("--show-rules", help="Print the rules that ship.")] = False,
        as_json: AsJson = False,
    ) -> None:
        """Hold another policy, calendar, target or table of rules against history: breaches gained and lost."""
        if show_rules:
            print(yaml.safe_dump(SHIPPED.model_dump(mode="json"), sort_keys=False, allow_unicode=True), end="")
            return
        given = {"policy": policy, "calendar": calendar, "rules": rules, "set": set_}
        if again is not None:
            if any(given.values()) or from_ or to or last or client:
                raise Stop("--again repeats a result as it was asked: leave the other options out")
            asked = asked_before(again)
        else:
            asked = read_asked(given, _span(from_, to, last), client)
        run(asked, processes, as_json=as_json)


def run(asked: WhatifQuestion, processes: int | None, *, as_json: bool) -> None:
    """Replays, with a progress bar, and prints."""
    started = time.monotonic()
    with TemporaryDirectory(prefix="daybook-whatif-") as folder:
        try:
            with _progress(silent=as_json) as told:
                result = asyncio.run(replay(load(), asked, Path(folder), told, processes=processes))
        except Refused as refused:
            raise Stop(f"{refused.field}: {refused}" if refused.field else str(refused)) from refused
        except (Failed, LookupError) as reason:
            raise Stop(str(reason)) from reason
        except (OSError, asyncpg.PostgresConnectionError, asyncpg.InvalidCatalogNameError) as error:
            raise Stop(f"the database can't be reached ({error}): start the desk, then run this again") from error
        _print(result, time.monotonic() - started, as_json=as_json)


def _print(result: Result, seconds: float, *, as_json: bool) -> None:
    if as_json:
        for piece in result.document():
            sys.stdout.buffer.write(piece)
        sys.stdout.flush()
    else:
        show(result)
    rate = result.tally.events / seconds if seconds else 0.0
    told = f"{result.tally.tickets:,} tickets, {result.tally.events:,} events in {seconds:.1f} s, {rate:,.0f} events/s"
    print(f"{told}, at most {result.peak_mb:,} MB in all processes", file=sys.stderr if as_json else sys.stdout)


def _span(from_: str | None, to: str | None, last: str | None) -> tuple[datetime, datetime]:
    now = datetime.now(UTC)
    try:
        if last is not None:
            if from_ or to:
                raise Stop("--last names the whole range: leave --from and --to out")
            return calendar_span(last, now)
        if from_ is None:
            raise Stop("say from when: --from 2026-07-01, or --last quarter")
        return instant_of(from_, "--from"), now if to is None else instant_of(to, "--to")
    except ValueError as wrong:
        raise Stop(str(wrong)) from wrong


def read_asked(given: dict[str, Any], span: tuple[datetime, datetime], clients: list[str] | None) -> WhatifQuestion:
    """The question of some options. Raises Stop, with the file and the field at fault."""
    body: dict[str, Any] = {"from": span[0], "to": span[1], "set": given["set"] or ()}
    calendars: list[Any] = []
    if given["policy"] is not None:
        terms = _terms(content(shipped(given["policy"])), given["policy"])
        calendars += terms.get("calendars") or []
        body["policy"] = terms.get("policy")
    calendars += [content(file) for file in given["calendar"] or ()]
    if given["rules"] is not None:
        body["rules"] = content(given["rules"])
    if clients:
        body["clients"] = clients
    try:
        return WhatifQuestion.model_validate(body | {"calendars": calendars})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Stop(f"{where + ': ' if where else ''}{first['msg'].removeprefix('Value error, ')}") from error


def _terms(said: dict[str, Any], file: Path) -> dict[str, Any]:
    """A policy may stand alone (`rows:`), with its calendars, or in a file of terms under `desk:`."""
    if "rows" in said:
        return {"policy": said}
    terms = said.get("desk", said)
    if not isinstance(terms, dict) or not isinstance(terms.get("policy"), dict):
        raise Stop(
            f"{file} holds no policy: write `rows:`, or `policy:` and `calendars:`, as daybook clients apply does"
        )
    return terms


def content(file: Path) -> dict[str, Any]:
    """The map that a YAML or JSON file holds. Raises Stop."""
    try:
        if file.stat().st_size > FILE_BYTES_MAX:
            raise Stop(f"{file} is larger than {FILE_BYTES_MAX:,} bytes: it can't be a table of terms")
        said = yaml.safe_load(file.read_text())
    except FileNotFoundError:
        raise Stop(f"there is no file {file}") from None
    except (yaml.YAMLError, ValueError, IsADirectoryError, RecursionError) as error:
        raise Stop(f"{file} is neither YAML nor JSON: {' '.join(str(error).split())[:200]}") from error
    if not isinstance(said, dict):
        raise Stop(f"{file} holds no map of fields")
    return said


def asked_before(file: Path) -> WhatifQuestion:
    """The question of a result, with its snapshot. Raises Stop."""
    try:
        said = json.loads(file.read_text())
    except FileNotFoundError:
        raise Stop(f"there is no file {file}") from None
    except (ValueError, IsADirectoryError) as error:
        raise Stop(f"{file} is no result of daybook whatif --json: {error}") from error
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise Stop(f"{file} is no result of daybook whatif --json")
    if said.get("engine") != engine():
        note = "it was made by another version of this program: the result may differ"
        Console(stderr=True).print(f"daybook: {note}", style="yellow")
    try:
        return WhatifQuestion.model_validate(said["asked"])
    except (KeyError, ValidationError) as error:
        raise Stop(f"{file} is a result, but its question can't be read: {error}") from error


@contextmanager
def _progress(*, silent: bool) -> Iterator[Told]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("tickets"))
    console = Console(stderr=True, quiet=silent)
    with Progress(*columns, TextColumn("{task.fields[rate]}"), TimeElapsedColumn(), console=console) as bar:
        task, started = bar.add_task("replaying", total=None, rate=""), time.monotonic()

        def told(step: Step) -> None:
            seconds = time.monotonic() - started
            rate = f"{step.events / seconds:,.0f} events/s" if seconds > 1 else ""
            bar.update(task, completed=step.tickets, total=max(step.total, step.tickets), rate=rate)

        yield told
