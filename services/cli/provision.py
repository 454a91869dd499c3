"""Settings enter; roles, schemas, streams and consumers leave, in one explicit step that may be run at any time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import typer

from services.cli.app import Stop
from services.kit.migrate import CannotMigrate, create_database, migrations, provision_database
from services.kit.settings import Settings, load


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
    say(f"{'provisioned':<14} {len(applied)} new migrations")


async def provision_log(settings: Settings) -> list[str]:
    """The database alone: itself, its roles, its migrations, and who may append what. Returns what was migrated now."""
    await create_database(settings.admin_dsn())
    return await provision_database(settings, migrations())
