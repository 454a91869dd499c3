"""An export enters, an empty desk holds it: the part of `daybook import` for folders that `daybook export` wrote."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from services.cli.app import Stop
from services.embedded.alone import database_alone
from services.embedded.process import CannotStart
from services.exporting.format import BadExport
from services.exporting.read import Export, open_export
from services.exporting.restore import restore
from services.kit.keyring import keyring
from services.kit.migrate import CannotMigrate
from services.kit.postgres import connect_pool
from services.kit.settings import Settings, load

STATEMENT_SECONDS = 3_600.0


def read_back(folder: Path, *, as_json: bool) -> None:
    """Reads an export back into the desk of the settings, or into the home's own database where none runs."""
    started = time.monotonic()
    try:
        export = open_export(folder)
        events = asyncio.run(_restored(load(), export, silent=as_json))
    except (BadExport, CannotStart, CannotMigrate) as reason:
        raise Stop(str(reason)) from reason
    except (asyncpg.UndefinedTableError, asyncpg.InvalidCatalogNameError, asyncpg.InvalidPasswordError) as error:
        raise Stop(f"the database knows no desk ({error}): run daybook provision first") from error
    except (OSError, asyncpg.PostgresConnectionError) as error:
        raise Stop(f"the database can't be reached ({error}): see that its server runs, then run this again") from error
    seconds = time.monotonic() - started
    if as_json:
        print(json.dumps({"folder": str(folder), "events": events, "seconds": round(seconds, 3)}))
    else:
        print(f"{events:,} events and everything beside them were read back in {seconds:.1f} s")


async def _restored(settings: Settings, export: Export, *, silent: bool) -> int:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("events"))
    async with AsyncExitStack() as stack:
        if settings.database_url is None:
            settings = await stack.enter_async_context(database_alone(settings))
        pool = await connect_pool(
            settings, "owner", size=1, program="daybook-import", statement_seconds=STATEMENT_SECONDS
        )
        stack.push_async_callback(pool.close)
        bar = stack.enter_context(
            Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True, quiet=silent))
        )  # fmt: skip
        task = bar.add_task("reading back", total=export.events)
        return await restore(export, pool, keyring(settings, time.monotonic).keys, lambda done: bar.advance(task, done))
