"""A person enters; nothing of theirs can be read any more. `--compact` takes the last bytes out of the files."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar
from uuid import UUID

import asyncpg
import typer
from rich.console import Console
from rich.progress import Progress
from uuid_utils.compat import uuid7

from contracts.model import DESK
from services.cli.app import Stop
from services.cli.token import AsJson, on_database
from services.erasing.again import Again, BadList, by_cli, erase_again, lines, read_list
from services.erasing.compact import Compacted, NotNow, compact
from services.intake.erasure import Erased, client_of, erase
from services.kit.keyring import WrongMasterKey, keyring
from services.kit.log.append import NotAppended
from services.kit.personal import Vault
from services.kit.postgres import Pool
from services.kit.settings import load

T = TypeVar("T")


def register(app: typer.Typer) -> None:
    @app.command("erase")
    def erase_command(
        person: Annotated[str, typer.Argument(help="A person's id; or an address, with --client.")] = "",
        client: Annotated[str, typer.Option(help=f"Whose person the address is; {DESK} for the desk's own.")] = "",
        compact_: Annotated[
            bool, typer.Option("--compact", help="Rewrite tables so that no old bytes stay in their files. Nightly.")
        ] = False,
        waited: Annotated[float, typer.Option(help="With --compact: only where one waits for so many hours.")] = 0.0,
        list_: Annotated[
            bool, typer.Option("--list", help="Who was erased, a JSON object a line. Keep it apart from backups.")
        ] = False,
        again: Annotated[
            Path | None, typer.Option(help="After a backup was brought back: erase whom this list names once more.")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Make a person's name, addresses and words unreadable for good. Counts and times stay. It can't be undone."""
        if not (person or compact_ or list_ or again):
            raise Stop("name a person by id, or by address with --client; or add --compact, --list or --again FILE")
        if list_:
            on_database(_print_list)
            return
        said: dict[str, Any] = {}
        if person:
            said |= _plain(_stopped(lambda pool: _erase(pool, person, client)))
        if again:
            said |= {"again": asdict(_again(again, silent=as_json))}
        if compact_:
            said |= asdict(_compacted(timedelta(hours=waited), silent=as_json))
        if as_json:
            print(json.dumps(said))
        else:
            _show(said)


def _stopped(work: Callable[[Pool], Awaitable[T]]) -> T:
    """Work on the database; what stands in its way is a sentence."""
    try:
        return on_database(work)
    except (NotAppended, WrongMasterKey, BadList) as reason:
        raise Stop(f"{reason}: run this again" if isinstance(reason, NotAppended) else str(reason)) from reason


async def _print_list(pool: Pool) -> None:
    async for line in lines(pool):
        print(json.dumps(line))


def _again(path: Path, *, silent: bool) -> Again:
    async def work(pool: Pool) -> Again:
        persons = read_list(path)
        with Progress(console=Console(stderr=True, quiet=silent)) as bar:
            task = bar.add_task("erasing again", total=len(persons))
            return await erase_again(pool, persons, by_cli(load()), lambda: bar.advance(task))

    return _stopped(work)


async def _erase(pool: Pool, name: str, client: str) -> Erased:
    settings = load()
    ring = keyring(settings, time.monotonic)
    vault = Vault(pool, ring, new_id=uuid7, random_bytes=os.urandom, monotonic=time.monotonic)
    person = await _find(vault, name, client)
    whose = await client_of(pool, person)
    async with pool.acquire() as connection:
        erased = whose and await erase(connection, person=person, client=whose, by=by_cli(settings), new_id=uuid7)
    if not erased:
        raise Stop(f"there is no person {name}")
    return erased


async def _find(vault: Vault, name: str, client: str) -> UUID:
    try:
        return UUID(name)
    except ValueError:
        pass
    if not client:
        raise Stop(f"{name} is no id: an address needs --client beside it")
    found = await vault.find(client, name)
    if found is None:
        raise Stop(f"{client} has nobody with this address: perhaps they were erased before")
    return found


def _compacted(waited: timedelta, *, silent: bool) -> Compacted:
    console = Console(stderr=True, quiet=silent)
    try:
        with console.status("compacting") as status:
            return asyncio.run(compact(load(), status.update, waited=waited))
    except (NotNow, LookupError) as reason:
        raise Stop(str(reason)) from reason
    except (OSError, asyncpg.PostgresConnectionError, asyncpg.InvalidCatalogNameError) as error:
        raise Stop(f"the database can't be reached ({error}): start the desk, then run this again") from error


def _plain(erased: Erased) -> dict[str, Any]:
    return {
        "person": str(erased.person),
        "position": f"{erased.lane}:{erased.position}",
        "erased_at": erased.at.isoformat(),
        "now": erased.now,
    }


def _show(said: dict[str, Any]) -> None:
    if "person" in said and said["now"]:
        print(
            f"{said['person']} is erased ({said['position']}): within a minute nothing of theirs can be read anywhere"
        )
    elif "person" in said:
        print(f"{said['person']} was erased before, at {said['erased_at']}")
    if "again" in said:
        done = said["again"]
        print(f"{done['erased']:,} are erased again, {done['before']:,} were, {done['unknown']:,} are not known here")
    if "erasures" in said:
        _show_compacted(said)


def _show_compacted(said: dict[str, Any]) -> None:
    if not said["erasures"]:
        print("nobody was erased since the last time: there is nothing to compact")
        return
    sizes = f"{said['bytes_before'] / 1e6:,.1f} MB before, {said['bytes_after'] / 1e6:,.1f} MB now"
    print(f"the files hold nothing of {said['erasures']:,} erased persons any more ({sizes})")
    for note in said["notes"]:
        print(f"note: {note}")
