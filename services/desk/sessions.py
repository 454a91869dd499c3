"""A cookie enters, who is signed in leaves. The database holds neither the cookie nor a token that it could use.

The row's id is the cookie's SHA-256, and the agent's bearer token and name are sealed with a key derived from the
cookie: a copy of the table signs nobody in, and tells nobody's name.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import digest
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.desk.shapes import SignedIn
from services.kit.postgres import Pool, queries

SQL = queries("services/desk/sql/sessions.sql")
COOKIE_BYTES = 32
NONCE_BYTES = 12
SESSION_SECONDS = 12 * 3600  # a long shift; the API's own token may end sooner, and then so does the session


@dataclass(frozen=True)
class Session:
    """One signed-in person. `token` speaks to the API in their name and is never shown to a browser."""

    agent: UUID
    name: str
    role: str
    level: str
    csrf: str
    token: str = field(repr=False)


class Sessions:
    """The table desk.sessions. `chance(n)` gives n random bytes."""

    def __init__(self, pool: Pool, chance: Callable[[int], bytes]) -> None:
        self._pool = pool
        self._chance = chance

    async def open(self, signed_in: SignedIn) -> str:
        """Keeps a session for SESSION_SECONDS and returns the cookie that finds it."""
        cookie = _text(self._chance(COOKIE_BYTES))
        agent = signed_in.agent
        csrf = _text(self._chance(COOKIE_BYTES))
        await self._pool.execute(
            SQL["open_session"],
            _id(cookie),
            self._sealed(cookie, signed_in.token),
            agent.id,
            self._sealed(cookie, agent.name),
            agent.role,
            agent.level,
            csrf,
            SESSION_SECONDS,
        )
        return cookie

    async def find(self, cookie: str) -> Session | None:
        """Who holds this cookie; None where it is unknown or has ended."""
        row = await self._pool.fetchrow(SQL["find_session"], _id(cookie))
        if row is None:
            return None
        try:
            token, name = _opened(cookie, row["token"]), _opened(cookie, row["name"])
        except InvalidTag:
            return None
        return Session(row["agent"], name, row["role"], row["level"], row["csrf"], token)

    async def end(self, cookie: str) -> None:
        await self._pool.execute(SQL["end_session"], _id(cookie))

    def _sealed(self, cookie: str, text: str) -> bytes:
        nonce = self._chance(NONCE_BYTES)
        return nonce + AESGCM(_key(cookie)).encrypt(nonce, text.encode(), None)


def _id(cookie: str) -> bytes:
    return sha256(cookie.encode()).digest()


def _key(cookie: str) -> bytes:
    return digest(cookie.encode(), b"daybook desk session token", "sha256")


def _opened(cookie: str, sealed: bytes) -> str:
    return AESGCM(_key(cookie)).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None).decode()


def _text(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()
