"""An export enters, an empty desk holds it: the part of `daybook import` for folders that `daybook export` wrote."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Collection
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import UUID

import asyncpg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from services.cli.app import Stop
from services.embedded.alone import database_alone
from services.embedded.process import CannotStart
from services.erasing.again import NOBODY, Again, BadList, by_cli, erase_again, read_list
from services.exporting.format import BadExport
from services.exporting.read import Export, open_export
from services.exporting.restore import restore
from services.kit.keyring import keyring
from services.kit.migrate import CannotMigrate
from services.kit.postgres import connect_pool
from services.kit.settings import Settings, load

STATEMENT_SECONDS = 3_600.0
SAY_WHO = (
    "this export was made at {made_at}, and whoever was erased since then could be read again: add --erased FILE, with "
    "what daybook erase --list wrote where they were erased, or --erased none"
)


def read_back(folder: Path, erased: str, *, as_json: bool) -> None:
    """Reads an export back into the desk of the settings, or into the home's own database where none runs. `erased`:
    the file that lists who was erased since, or "none"."""
    started = time.monotonic()
    try:
        export = open_export(folder)
        if not erased:
            raise Stop(SAY_WHO.format(made_at=export.manifest["made_at"]))
        persons = frozenset() if erased == NOBODY else read_list(Path(erased))
        events, again = asyncio.run(_restored(load(), export, persons, silent=as_json))
    except (BadExport, BadList, CannotStart, CannotMigrate) as reason:
        raise Stop(str(reason)) from reason
    except (asyncpg.UndefinedTableError, asyncpg.InvalidCatalogNameError, asyncpg.InvalidPasswordError) as error:
        raise Stop(f"the database knows no desk ({error}): run daybook provision first") from error
    except (OSError, asyncpg.PostgresConnectionError) as error:
        raise Stop(f"the database can't be reached ({error}): see that its server runs, then run this again") from error
    seconds = time.monotonic() - started
    if as_json:
        print(
            json.dumps(
                {"folder": str(folder), "events": events, "erased_again": again.erased, "seconds": round(seconds, 3)}
            )
        )
    else:
        print(f"{events:,} events and what lay beside them were read back in {seconds:.1f} s")
        print(export.followers)
        print(f"{again.erased:,} persons of the list are erased here again, {again.before:,} were in the export")


async def _restored(settings: Settings, export: Export, erased: Collection[UUID], *, silent: bool) -> tuple[int, Again]:
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
        keys = keyring(settings, time.monotonic).keys
        events = await restore(export, pool, keys, lambda done: bar.advance(task, done), erased=erased)
        intake = await connect_pool(settings, "intake", size=1, program="daybook-import")
        stack.push_async_callback(intake.close)
        return events, await erase_again(intake, erased, by_cli(settings))
