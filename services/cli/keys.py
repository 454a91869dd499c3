"""The commands `daybook keys status` and `daybook keys rotate`: what wraps the keys of persons, and its change."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Final, TypeVar
from uuid import UUID

import asyncpg
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from services.cli.app import Stop
from services.cli.token import AsJson
from services.keys import rotate as keys
from services.kit.keyring import SECRETS_FILE, VARIABLE, MasterKeys, WrongMasterKey, keyring
from services.kit.personal import Vault
from services.kit.postgres import Pool, connect_pool
from services.kit.settings import Settings, load
from services.proving.heads import public_key

T = TypeVar("T")

SECOND: Final = "DAYBOOK_SECOND_MASTER_KEY"
PROCEDURE: Final = (
    f"{VARIABLE} is given by the environment, so the services must be told of the new key first: restart all of them "
    f"with {SECOND}=<new key>, then with {VARIABLE}=<new key> and {SECOND}=<old key>, then run this again with the "
    f"same two, and last take {SECOND} away. A new key: head -c 32 /dev/urandom | base64"
)


def register(app: typer.Typer) -> None:
    group = typer.Typer(name="keys", help="The master key, which wraps every person's key.", no_args_is_help=True)
    app.add_typer(group)
    group.command("status")(status)
    group.command("rotate")(rotate)


def status(as_json: AsJson = False) -> None:
    """Count the keys by the master key that wraps them, and print the public key that signs lane heads."""
    settings = load()
    counts = _with_pool(settings, lambda pool: keys.count(pool, _ring(settings)))
    told = {**asdict(counts), "public_key": public_key(_ring(settings).current)}
    if as_json:
        print(json.dumps(told))
        return
    print(f"{counts.current:,} keys of persons are wrapped by the current master key")
    if counts.second:
        print(f"{counts.second:,} by the second one: daybook keys rotate wraps them anew")
    if counts.unreadable:
        print(f"{counts.unreadable:,} by neither: what they sealed can't be read with the keys at hand")
    print(f"lane heads are signed by {told['public_key']}")


def rotate(as_json: AsJson = False) -> None:
    """Change the master key. Running services take part; safe to repeat after a kill."""
    settings = load()
    if VARIABLE in os.environ and not settings.second_master_key.get_secret_value():
        raise Stop(PROCEDURE)
    started = time.monotonic()
    before = public_key(_ring(settings).current)
    found = _with_pool(settings, lambda pool: _rotated(pool, settings, silent=as_json))
    after = public_key(_ring(settings).current)
    if as_json:
        print(json.dumps({**asdict(found), "seconds": round(time.monotonic() - started, 3), "public_key": after}))
        return
    print(f"{found.second:,} keys were wrapped anew; {found.current:,} are wrapped by the current master key")
    if VARIABLE in os.environ:
        print(f"Nothing is wrapped by the old key any more: restart the services without {SECOND}")
    else:
        print(f"The old master key was taken out of {settings.home / SECRETS_FILE}: back that file up again")
    if before != after:
        print(f"Lane heads are signed by {after} from now on; it was {before}")


async def _rotated(pool: Pool, settings: Settings, *, silent: bool) -> keys.Wrapped:
    vault = Vault(
        pool, keyring(settings, time.monotonic), new_id=_no_person, random_bytes=os.urandom, monotonic=time.monotonic
    )
    await vault.prepare()  # so that the handles' secret, once derived from the first master key, is a wrapped row
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("keys"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True, quiet=silent)) as bar:
        task = bar.add_task("wrapping", total=None)

        def told(done: int) -> None:
            bar.advance(task, done)

        if VARIABLE in os.environ:
            found = await keys.rewrap(pool, _ring(settings), os.urandom, told)
            if found.unreadable:
                raise keys.Unreadable(f"{found.unreadable} keys are wrapped by neither master key")
            return keys.Wrapped(found.current + found.second, found.second)
        return await keys.rotate(pool, settings.home / SECRETS_FILE, os.urandom, told)


def _ring(settings: Settings) -> MasterKeys:
    """The master keys as they are now."""
    return keyring(load(home=settings.home), time.monotonic).keys


def _no_person() -> UUID:
    raise PermissionError("keys are wrapped anew here, none is made")


def _with_pool(settings: Settings, work: Callable[[Pool], Awaitable[T]]) -> T:
    """Does some work as the database's owner. Raises Stop where there is no desk, or not with this key."""

    async def connected() -> T:
        pool = await connect_pool(settings, "owner", size=2, program="daybook-keys")
        try:
            return await work(pool)
        finally:
            await pool.close()

    try:
        return asyncio.run(connected())
    except (WrongMasterKey, keys.Unreadable, LookupError) as reason:
        raise Stop(str(reason)) from reason
    except (OSError, asyncpg.PostgresConnectionError, asyncpg.InvalidCatalogNameError) as error:
        raise Stop(f"the database can't be reached ({error}): start the desk, then run this again") from error
