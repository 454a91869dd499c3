"""A subscriber's token and client enter; an account of NATS leaves that reads this client's events alone. I/O.

Whatever step fails, nothing is left: neither token nor account nor stream. Only a kill -9 leaves a token that nobody
was shown: `daybook token list` tells of it.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nats.js.errors import APIError, NotFoundError

from services.cli.bus_accounts import NoAccounts, share_accounts, until_taken, writer
from services.kit.access.tokens import NewToken, make_token
from services.kit.bus.accounts import DOMAIN, DURABLE, Subscriber
from services.kit.bus.connect import connect
from services.kit.bus.nkey import SEED_BYTES, Nkey
from services.kit.bus.provision import NO_ROOM
from services.kit.bus.subscribers import (
    SUBSCRIBERS_MAX,
    TooManySubscribers,
    add_subscriber,
    forget_subscriber,
    last_of_client,
    make_feed,
    remove_feed,
)

if TYPE_CHECKING:
    from uuid import UUID

    from nats.js import JetStreamContext

    from services.kit.postgres import Pool
    from services.kit.settings import Settings

BEGINNING: Final = "beginning"
NOW: Final = "now"
TRIES: Final = 5


class Refusal(Exception):
    """One sentence: what is wrong with the question, and the remedy."""


class Made(NamedTuple):
    """What is shown once: the bearer token, and what a program needs to read."""

    token: str
    nats: dict[str, Any]


async def make_bus_token(settings: Settings, pool: Pool, new: NewToken, client: str, after: str) -> Made:
    """Makes token, account, stream and durable. Raises Refusal or NoAccounts, and leaves nothing then."""
    begins = await _begins(pool, client, after)
    key = Nkey(secrets.token_bytes(SEED_BYTES))
    account = Subscriber(new.id, key.public)
    try:
        async with pool.acquire() as connection, connection.transaction():
            token = await make_token(connection, new)
            await add_subscriber(connection, new.id, client, key.public, begins)
    except TooManySubscribers as error:
        sentence = f"{SUBSCRIBERS_MAX} programs read over NATS already: revoke one, or read GET /events"
        raise Refusal(sentence) from error
    try:
        await share_accounts(settings, pool, writer(settings))
        await _make_stream(settings, new.id, begins)
        await until_taken(settings, pool, account, key)
    except BaseException:
        await _undo(settings, pool, new.id)
        raise
    urls = settings.bus_url
    named = {"url": urls, "seed": key.seed, "domain": DOMAIN, "stream": account.stream, "durable": DURABLE}
    return Made(token, named)


async def close_bus_token(settings: Settings, pool: Pool, token: UUID) -> None:
    """Cuts a revoked token's program off and removes its stream; so does the relay. Raises NoAccounts."""
    await share_accounts(settings, pool, writer(settings))
    await _remove_stream(settings, token)


async def _begins(pool: Pool, client: str, after: str) -> int:
    last = await last_of_client(pool, client)
    if last == 0:
        raise Refusal(f"there is no client {client!r}: daybook clients apply makes one")
    if after in (BEGINNING, NOW):
        return last if after == NOW else 0
    if not after.isdecimal() or int(after) > last:
        raise Refusal(f"--after is {BEGINNING}, {NOW}, or a sequence of {client} up to {last}")
    return int(after)


async def _make_stream(settings: Settings, token: UUID, begins: int) -> None:
    client = await connect(settings, "owner", allow_reconnect=False)
    try:
        await _make_feed(client.jetstream(), token, begins)
    except APIError as error:
        if error.err_code in NO_ROOM:
            raise Refusal("the NATS server has no room for one more stream: raise its max_file_store") from error
        raise
    finally:
        await client.close()


async def _make_feed(jetstream: JetStreamContext, token: UUID, begins: int) -> None:
    """A relay that finds the stream without its durable removes it and makes both, as we do: then we try again."""
    for _ in range(TRIES - 1):
        with suppress(NotFoundError):
            await make_feed(jetstream, token, begins)
            return
    await make_feed(jetstream, token, begins)


async def _remove_stream(settings: Settings, token: UUID) -> None:
    client = await connect(settings, "owner", allow_reconnect=False)
    try:
        await remove_feed(client.jetstream(), token)
    finally:
        await client.close()


async def _undo(settings: Settings, pool: Pool, token: UUID) -> None:
    await forget_subscriber(pool, token)
    try:
        await share_accounts(settings, pool, writer(settings))
        await _remove_stream(settings, token)
    except NoAccounts:
        return  # then there was none to remove
