"""Settings enter; roles, schemas, streams and consumers leave, in one explicit step that may be run at any time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

import typer

from services.cli.app import Stop
from services.kit.bus import provision_bus
from services.kit.bus.connect import BusTooSmall
from services.kit.migrate import CannotMigrate, create_database, migrations, provision_database
from services.kit.settings import Settings, load

BUS_SECONDS = 5.0  # for each server of the list
NATS_PORT = 4222


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
    await _reach_bus(settings.bus_url)
    try:
        await provision_bus(settings)
    except BusTooSmall as reason:
        raise CannotMigrate(str(reason)) from reason
    say(f"{'provisioned':<14} {len(applied)} new migrations, streams and consumers checked")


async def _reach_bus(urls: str) -> None:
    """Returns when one of the servers takes a connection: the bus's own client would try for ever."""
    for url in urls.split(","):
        where = urlsplit(url if "://" in url else f"nats://{url}")
        try:
            async with asyncio.timeout(BUS_SECONDS):
                _, writer = await asyncio.open_connection(where.hostname, where.port or NATS_PORT)
        except (OSError, TimeoutError):
            continue
        writer.close()
        return
    raise CannotMigrate("NATS does not answer: check DAYBOOK_NATS_URL, or unset it to use the embedded one")


async def provision_log(settings: Settings) -> list[str]:
    """The database alone: itself, its roles, its migrations, and who may append what. Returns what was migrated now."""
    await create_database(settings.admin_dsn())
    return await provision_database(settings, migrations())
