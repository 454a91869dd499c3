"""Tokens in the database: made, found by their digest, listed, revoked. I/O."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from contracts.envelope import Origin
from contracts.people import Role
from services.kit.access.principal import Principal
from services.kit.postgres import Connection, Pool, queries

SQL = queries("services/kit/access/sql/tokens.sql")

TOKEN_PREFIX = "day_"  # noqa: S105  what a scanner for leaked secrets can look for


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token to make. `clients` None: all; `scopes` may hold `personal`."""

    id: UUID
    name: str
    role: Role
    clients: tuple[str, ...] | None = None
    origin: Origin = Origin.LIVE
    scopes: tuple[str, ...] = ()
    agent: UUID | None = None
    session: bool = False
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token as it is listed: everything but the token itself, which nobody keeps."""

    id: UUID
    name: str
    role: Role
    clients: tuple[str, ...] | None
    origin: Origin
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


async def make_token(connection: Connection | Pool, new: NewToken) -> str:
    """Makes a token and returns it; only its SHA-256 is kept."""
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    await connection.execute(
        SQL["make"], sha256(token.encode()).digest(), new.id, new.name, new.role.value,
        None if new.clients is None else list(new.clients), new.origin.value, list(new.scopes), new.agent, new.session,
        new.expires_at,
    )  # fmt: skip
    return token


async def find_principal(reader: Connection | Pool, digest: bytes, now: datetime) -> Principal | None:
    """Who holds the token with this digest; None where it is unknown, expired or revoked."""
    row = await reader.fetchrow(SQL["find"], digest, now)
    if row is None:
        return None
    return Principal(
        id=str(row["id"]),
        kind="service" if row["service"] else "session" if row["session"] else "token",
        role=Role(row["role"]),
        clients=None if row["clients"] is None else frozenset(row["clients"]),
        origin=Origin(row["origin"]),
        scopes=frozenset(row["scopes"]),
        agent=row["agent"],
        name=row["service"] or row["name"],
    )


async def list_tokens(reader: Connection | Pool) -> Sequence[TokenRow]:
    """Every token that was made for a program, newest first; sessions are not listed."""
    return [
        TokenRow(
            id=row["id"],
            name=row["name"],
            role=Role(row["role"]),
            clients=None if row["clients"] is None else tuple(row["clients"]),
            origin=Origin(row["origin"]),
            scopes=tuple(row["scopes"]),
            created_at=row["created_at"],
            expires_at=row["expires_at"],
            revoked_at=row["revoked_at"],
        )
        for row in await reader.fetch(SQL["list"])
    ]


async def forget_ended_sessions(connection: Connection | Pool, now: datetime) -> None:
    """Sweeps away what has run out: the table stays as small as the number of people at work."""
    await connection.execute(SQL["forget_ended_sessions"], now)


async def revoke_token(connection: Connection | Pool, identifier: UUID) -> bool:
    """Ends a token or session by its id; whether there was a living one."""
    return await connection.fetchval(SQL["revoke"], identifier) is not None
