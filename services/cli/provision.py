"""Settings enter; roles, schemas, streams and consumers leave, in one explicit step that may be run at any time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import typer

from services.cli.app import Stop
from services.kit.bus import provision_bus
from services.kit.migrate import CannotMigrate, create_database, migrations, provision_database
from services.kit.settings import Settings, load

BUS_SECONDS = 15.0  # its client would try for ever


def register(app: typer.Typer) -> None:
    @app.command("provision")
    def provision_command() -> None:
        """Create roles, schemas, streams and consumers on the servers named by the environment."""
        try:
            asyncio.run(provision(load(), print))
        except (CannotMigrate, LookupError) as reason:
            raise Stop(str(reason)) from reason


async def provision(settings: Settings, say: Callable[[str], None]) -> None:
    """Brings database and bus up to date. Raises CannotMigrate."""
    applied = await provision_log(settings)
    try:
        async with asyncio.timeout(BUS_SECONDS):
            await provision_bus(settings)
    except TimeoutError as error:
        raise CannotMigrate(
            f"NATS does not answer within {BUS_SECONDS:.0f} s: check DAYBOOK_NATS_URL, or unset it to use the "
            "embedded one"
        ) from error
    say(f"{'provisioned':<14} {len(applied)} new migrations, streams and consumers checked")


async def provision_log(settings: Settings) -> list[str]:
    """The database alone: itself, its roles, its migrations, and who may append what. Returns what was migrated now."""
    await create_database(settings.admin_dsn())
    return await provision_database(settings, migrations())
