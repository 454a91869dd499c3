"""Settings and subscribers enter; the NATS server knows who may do what. I/O: its configuration, and a reload.

The embedded server's configuration includes the file that is written here. For a server outside, whoever runs it
includes the file, once; it holds public keys only.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import nats.errors
from nats.js.errors import APIError, NotFoundError, ServiceUnavailableError

from services.embedded import nats as embedded_nats
from services.embedded.home import runs_here
from services.embedded.place import place_for
from services.kit.bus.accounts import (
    DOMAIN,
    DURABLE,
    USERS,
    BusUser,
    Subscriber,
    accounts_text,
    key_of,
    subscribers_in,
)
from services.kit.bus.connect import QuickClient, connect
from services.kit.bus.nkey import Nkey
from services.kit.bus.subscribers import living_subscribers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

    from services.kit.postgres import Pool
    from services.kit.settings import Settings

OUTSIDE_FILE: Final = "nats-accounts.conf"
LOGIN_SECONDS = 5.0
RELOAD_SECONDS = 5.0
RELOADS = 2  # nats-server 2.15 lets an account that is new ask for something with its second reload
TAKEN_SECONDS = 20.0  # until a new account is known
TRY_SECONDS = 0.2


class NoAccounts(Exception):
    """One sentence: why this server keeps no account of ours, and the remedy."""


Write = Callable[[str], None]
"""Puts the accounts where the server will find them."""


def services_text(settings: Settings, subscribers: Iterable[Subscriber] = ()) -> str:
    """The accounts of this desk, in NATS' own configuration language."""
    return accounts_text(_public_keys(settings), subscribers)


def _public_keys(settings: Settings) -> dict[BusUser, str]:
    return {user: key_of(settings, user).public for user in USERS}


def kept_subscribers(settings: Settings) -> list[Subscriber]:
    """Those whom the embedded server knew when it stopped.

    It begins before the database can name the living ones, and a subscriber's program that comes back meanwhile must
    not be refused: most of them end for good at the second refusal in a row. Whoever died since has no stream to read.
    """
    return subscribers_in(embedded_nats.read_accounts(place_for(settings)), _public_keys(settings))


def outside_file(settings: Settings) -> Path:
    """What the configuration of a server that is not ours includes."""
    return settings.home / OUTSIDE_FILE


def writer(settings: Settings, *, embedded: bool | None = None) -> Write:
    """How this desk's server is told. Without `embedded`, the desk that runs in this home says whether it is ours."""
    if embedded or (embedded is None and runs_here(settings.home, "nats")):
        return lambda text: embedded_nats.write_accounts(place_for(settings), text)
    return lambda text: write_outside_file(settings, text)


def write_outside_file(settings: Settings, text: str) -> None:
    """The file is whole at every instant."""
    settings.home.mkdir(parents=True, exist_ok=True)
    fresh = outside_file(settings).with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(outside_file(settings))


async def living_accounts(pool: Pool) -> list[Subscriber]:
    """The accounts of all living subscribers."""
    return [subscriber.account for subscriber in await living_subscribers(pool)]


async def share_accounts(settings: Settings, pool: Pool, write: Write) -> None:
    """Has the running server know every living subscriber, and no dead one. Raises NoAccounts."""
    async with _system(settings) as client:
        write(services_text(settings, await living_accounts(pool)))
        for _ in range(RELOADS):
            await _reload(client)


@asynccontextmanager
async def _system(settings: Settings) -> AsyncIterator[QuickClient]:
    try:
        async with asyncio.timeout(LOGIN_SECONDS):
            client = await connect(settings, "system", allow_reconnect=False)
    except (nats.errors.Error, OSError, TimeoutError) as error:
        raise NoAccounts(_no_accounts(settings)) from error
    try:
        if not client.asks_for_keys or "@" in settings.bus_url:
            raise NoAccounts(_no_accounts(settings))
        yield client
    finally:
        await client.close()


def _no_accounts(settings: Settings) -> str:
    return (
        "the NATS server does not keep Daybook's accounts, so a subscriber would read everything or nothing: run "
        f"daybook provision, include {outside_file(settings)} in the server's configuration, reload it and try again. "
        "A server in operator mode, or one that DAYBOOK_NATS_URL names with a login, cannot do this; GET /events can"
    )


async def _reload(client: QuickClient) -> None:
    try:
        answer = await client.request("$SYS.REQ.SERVER.PING", timeout=RELOAD_SECONDS)
        server = json.loads(answer.data)["server"]["id"]
        said = await client.request(f"$SYS.REQ.SERVER.{server}.RELOAD", timeout=RELOAD_SECONDS)
    except nats.errors.Error as error:
        raise NoAccounts("the NATS server does not reload its configuration: look at its log") from error
    if refusal := json.loads(said.data).get("error"):
        raise NoAccounts(f"the NATS server refuses its configuration ({refusal}): look at its log")


async def until_taken(settings: Settings, pool: Pool, subscriber: Subscriber, key: Nkey) -> None:
    """Returns when a subscriber can read, tried by its own key. Raises NoAccounts where it cannot in TAKEN_SECONDS.

    Each try writes the accounts again: another command may have written an older list over ours.
    """
    write = writer(settings)
    try:
        async with asyncio.timeout(TAKEN_SECONDS), _system(settings) as system:
            while not await _reads(settings, subscriber, key):
                write(services_text(settings, await living_accounts(pool)))
                await _reload(system)
                await asyncio.sleep(TRY_SECONDS)
    except TimeoutError as error:
        raise NoAccounts(_no_accounts(settings)) from error


async def _reads(settings: Settings, subscriber: Subscriber, key: Nkey) -> bool:
    client = QuickClient()
    try:
        await client.connect(
            settings.bus_url.split(","), allow_reconnect=False, max_reconnect_attempts=1, **client.know(key)
        )
        await client.jetstream(domain=DOMAIN).consumer_info(subscriber.stream, DURABLE)
    except (nats.errors.Error, ServiceUnavailableError, NotFoundError, APIError, OSError):
        return False
    finally:
        await client.close()
    return True
