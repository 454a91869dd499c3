"""Settings enter; roles, schemas, streams and consumers leave, in one explicit step that may be run at any time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

import typer
from nats.errors import Error as NatsError

from services.cli.app import Stop
from services.cli.bus_accounts import living_accounts, outside_file, services_text, write_outside_file
from services.kit.bus import connect, provision_bus
from services.kit.bus.connect import BusTooSmall
from services.kit.migrate import CannotMigrate, create_database, migrations, provision_database
from services.kit.postgres import connect_pool
from services.kit.settings import Settings, load

BUS_SECONDS = 5.0  # for each server of the list
NATS_PORT = 4222


def register(app: typer.Typer) -> None:
    @app.command("provision")
    def provision_command(
        database: Annotated[
            bool,
            typer.Option("--database", help="Only the database and nats-accounts.conf, before NATS is there."),
        ] = False,
    ) -> None:
        """Create roles, schemas, streams and consumers on the servers named by the environment."""
        try:
            asyncio.run(provision_first(load(), print) if database else provision(load(), print))
        except (CannotMigrate, LookupError) as reason:
            raise Stop(str(reason)) from reason


async def provision(settings: Settings, say: Callable[[str], None], *, embedded_bus: bool = False) -> None:
    """Brings database and bus up to date. Raises CannotMigrate."""
    applied = await provision_log(settings)
    asks_for_keys = await _reach_bus(settings.bus_url)
    if not embedded_bus:
        await _write_accounts(settings)
        if not asks_for_keys:
            say(f"{'nats':<14} lets everybody in: include {outside_file(settings)} in its configuration and reload it")
        else:
            await _let_in(settings)
    try:
        await provision_bus(settings)
    except BusTooSmall as reason:
        raise CannotMigrate(str(reason)) from reason
    say(f"{'provisioned':<14} {len(applied)} new migrations, streams and consumers checked")


async def provision_first(settings: Settings, say: Callable[[str], None]) -> None:
    """The database, and the file that NATS' configuration includes: a NATS that wants the file can start then."""
    applied = await provision_log(settings)
    await _write_accounts(settings)
    say(f"{'provisioned':<14} {len(applied)} new migrations; {outside_file(settings)} is written, start NATS now")


async def _write_accounts(settings: Settings) -> None:
    pool = await connect_pool(settings, "intake", size=1, program="daybook-provision")
    try:
        write_outside_file(settings, services_text(settings, await living_accounts(pool)))
    finally:
        await pool.close()


async def _reach_bus(urls: str) -> bool:
    """Returns when one of the servers takes a connection: the bus's own client would try for ever. Whether the server
    asks who comes."""
    for url in urls.split(","):
        where = urlsplit(url if "://" in url else f"nats://{url}")
        try:
            async with asyncio.timeout(BUS_SECONDS):
                reader, writer = await asyncio.open_connection(where.hostname, where.port or NATS_PORT)
                greeting = await reader.readline()
                writer.close()
            return bool(json.loads(greeting.removeprefix(b"INFO ")).get("auth_required"))
        except (OSError, TimeoutError, ValueError):
            continue
    raise CannotMigrate("NATS does not answer: check DAYBOOK_NATS_URL, or unset it to use the embedded one")


async def _let_in(settings: Settings) -> None:
    """Refuses a server that does not know us, for which the bus's own client would wait for ever."""
    try:
        async with asyncio.timeout(BUS_SECONDS):
            client = await connect(settings, "owner", allow_reconnect=False)
    except (NatsError, OSError, TimeoutError) as error:
        raise CannotMigrate(
            f"NATS does not let us in: include {outside_file(settings)} in its configuration and reload it, or put a "
            "login into DAYBOOK_NATS_URL"
        ) from error
    await client.close()


async def provision_log(settings: Settings) -> list[str]:
    """The database alone: itself, its roles, its migrations, and who may append what. Returns what was migrated now."""
    await create_database(settings.admin_dsn())
    return await provision_database(settings, migrations())
