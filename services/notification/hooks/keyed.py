"""An Idempotency-Key and a webhook command -> done once, answered the same whenever it comes again. I/O: its row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Final, NamedTuple
from uuid import UUID

from fastapi import Depends, Header, Request

from services.kit.access import Caller
from services.kit.keyring import Keyring
from services.kit.postgres import Connection, Pool, queries
from services.kit.web.idempotency import fingerprint, read_key, reused
from services.kit.web.problem import Problem
from services.notification.hooks import sign

SQL = queries("services/notification/sql/hook_admin.sql")
HEADER: Final = b"idempotency-key"


class Key(NamedTuple):
    """`scope` is one token or person: a key of theirs answers nobody else."""

    scope: str
    key: str
    fingerprint: bytes


class Made(NamedTuple):
    """What a command has brought about. `secret` is None where it signs no more; `again`: it was done before."""

    webhook: UUID
    secret: str | None
    at: datetime
    again: bool = False


class Raced(Exception):
    """Another request under the same key was first."""


async def given_key(
    request: Request,
    caller: Caller,
    _: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="1 to 200 characters: the same key with the same body is answered with the first result",
        ),
    ] = None,
) -> Key | None:
    """The key of a request, if it has one. Raises Problem for one that can't be read."""
    for name, value in request.scope["headers"]:
        if name == HEADER:
            told = fingerprint(request.method, request.url.path, await request.body())
            return Key(caller.id, read_key(value), told)
    return None


TheKey = Annotated[Key | None, Depends(given_key)]
"""A handler's parameter: the key under which it is called."""


async def once(pool: Pool, ring: Keyring, key: Key | None, work: Callable[[], Awaitable[Made]]) -> Made:
    """Does the work, or answers what it came to before. The work calls `claim`. Raises Problem."""
    for _ in range(2):
        if key is not None and (before := await _before(pool, ring, key)) is not None:
            return before
        try:
            return await work()
        except Raced:
            continue
    raise Problem("busy", "another request under this key was under way", headers={"retry-after": "1"})


async def claim(connection: Connection, key: Key | None, webhook: UUID, secret: str, at: datetime) -> None:
    """Takes the key in the transaction of the work. Raises Raced where it is taken."""
    if key is not None and await connection.fetchval(SQL["claim"], *key, webhook, secret, at) is None:
        raise Raced


async def _before(pool: Pool, ring: Keyring, key: Key) -> Made | None:
    row = await pool.fetchrow(SQL["claimed"], key.scope, key.key)
    if row is None:
        return None
    if row["fingerprint"] != key.fingerprint:
        raise reused()
    wrapped = row["wrapped"]
    secret = None if wrapped is None else sign.write_secret(ring.unwrap(row["secret"].encode(), wrapped))
    return Made(row["webhook"], secret, row["made_at"], again=True)
