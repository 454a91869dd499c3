"""A desk enters, a folder leaves: everything as NDJSON, sealed and signed, or opened as Parquet for analysis."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from services.cli.app import Stop
from services.cli.token import AsJson
from services.exporting.format import BadExport
from services.exporting.write import Writer
from services.kit.keyring import keyring
from services.kit.log.verify import read_ends
from services.kit.postgres import Pool, connect_pool
from services.kit.settings import Settings, load

STATEMENT_SECONDS = 3_600.0
OPENED = (
    "Parquet is for programs that know no keys, so names and texts stand open in it, and erasing a person does not "
    "reach what was exported: add --opened if that is what you want"
)


def register(app: typer.Typer) -> None:
    @app.command()
    def export(
        folder: Annotated[Path, typer.Argument(help="A new folder.")],
        client: Annotated[list[str] | None, typer.Option(help="This client alone; again for more.")] = None,
        parquet: Annotated[bool, typer.Option("--parquet", help="Parquet, one way, in place of NDJSON.")] = False,
        opened: Annotated[bool, typer.Option("--opened", help="Agree that Parquet holds names, texts open.")] = False,
        as_json: AsJson = False,
    ) -> None:
        """Write the desk to files, events as they are stored, keys wrapped, heads signed; import reads them back."""
        if parquet and not opened:
            raise Stop(OPENED)
        started = time.monotonic()
        try:
            told = asyncio.run(_exported(load(), folder, client, parquet=parquet, silent=as_json))
        except (BadExport, LookupError) as reason:
            raise Stop(str(reason)) from reason
        except (OSError, asyncpg.PostgresConnectionError, asyncpg.InvalidCatalogNameError) as error:
            raise Stop(f"the desk can't be exported ({error}): see that it runs, then name a new folder") from error
        seconds = time.monotonic() - started
        if as_json:
            print(json.dumps({"folder": str(folder), **told, "seconds": round(seconds, 3)}))
            return
        for name, rows in told["rows"].items():
            print(f"{rows:>12,} {name}")
        print(f"written to {folder} in {seconds:.1f} s")


async def _exported(
    settings: Settings, folder: Path, clients: list[str] | None, *, parquet: bool, silent: bool
) -> dict[str, Any]:
    pool = await connect_pool(
        settings, "owner", size=2, program="daybook-export", statement_seconds=STATEMENT_SECONDS,
        idle_in_transaction_seconds=0,
    )  # fmt: skip
    try:
        with _progress(await _count(pool, clients), silent=silent) as told:
            if parquet:
                from services.exporting.parquet import write_parquet

                return {"rows": await write_parquet(pool, settings, folder, clients, told)}
            keys = keyring(settings, time.monotonic).keys
            manifest = await Writer(folder, clients, told).write(pool, keys.current, datetime.now(UTC))
    finally:
        await pool.close()
    rows: dict[str, int] = {}
    for name, file in manifest["files"].items():
        kind = "events" if name.startswith("events/") else name.removesuffix(".ndjson")
        rows[kind] = rows.get(kind, 0) + file["rows"]
    return {"rows": rows, "heads": manifest["heads"], "public_key": manifest["public_key"]}


async def _count(pool: Pool, clients: list[str] | None) -> int:
    ends = await read_ends(pool)
    if clients is None:
        return ends.events
    return sum(counts.get(client, (0, 0))[0] for counts in ends.counters.values() for client in clients)


@contextmanager
def _progress(total: int, *, silent: bool) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("events"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True, quiet=silent)) as bar:
        task = bar.add_task("exporting", total=total)
        yield lambda events: bar.advance(task, events)
