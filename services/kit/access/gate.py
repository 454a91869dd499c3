"""A request's bearer token -> its Principal, or a problem: 401 without a good token, 403 with the wrong role. I/O."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, Request

from services.kit.access.principal import ANONYMOUS, Principal
from services.kit.access.roles import Rule
from services.kit.access.tokens import find_principal
from services.kit.postgres import Pool
from services.kit.web.patience import patiently
from services.kit.web.problem import Problem

PRINCIPAL_SECONDS = 5.0  # a revoked token is refused after at most this long
PRINCIPALS_MAX = 10_000  # remembered by one process, unknown tokens among them
TOKEN_BYTES_MAX = 200

SCOPE_KEY = "daybook.principal"


class Gate:
    """Knows who calls. One per app; a token is asked for in the database once in PRINCIPAL_SECONDS."""

    def __init__(self, pool: Pool, *, now: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._pool = pool
        self._now = now
        self._monotonic = monotonic
        self._known: OrderedDict[bytes, tuple[Principal | None, float]] = OrderedDict()

    async def admit(self, authorization: bytes | None, rule: Rule) -> Principal:
        """The caller, where the rule lets them in. Raises Problem: `unauthenticated` (401) or `forbidden` (403)."""
        if authorization is None:
            if rule is None:
                return ANONYMOUS
            raise unauthenticated("the request has no bearer token")
        principal = await self._principal(authorization)
        if rule is None:
            return principal or ANONYMOUS
        if principal is None:
            raise unauthenticated("the bearer token is unknown, expired or revoked")
        if principal.role not in rule:
            raise Problem("forbidden", f"the role {principal.role} may not do this")
        return principal

    def forget(self, identifier: str) -> None:
        """Asks again at the next request of this principal: it has just been revoked here."""
        self._known = OrderedDict(
            (digest, held) for digest, held in self._known.items() if held[0] is None or held[0].id != identifier
        )

    async def _principal(self, authorization: bytes) -> Principal | None:
        scheme, _, token = authorization.partition(b" ")
        if scheme.lower() != b"bearer" or not token or len(token) > TOKEN_BYTES_MAX:
            return None
        digest = digest_of(token.strip())
        held = self._known.get(digest)
        if held is not None and held[1] > self._monotonic():
            return held[0]
        principal = await patiently(lambda: find_principal(self._pool, digest, self._now()))
        self._known[digest] = (principal, self._monotonic() + PRINCIPAL_SECONDS)
        self._known.move_to_end(digest)
        while len(self._known) > PRINCIPALS_MAX:
            self._known.popitem(last=False)
        return principal


def digest_of(token: bytes) -> bytes:
    """What the database knows of a token. Tokens are 256 random bits, so a plain hash is enough."""
    return sha256(token).digest()


def unauthenticated(detail: str) -> Problem:
    return Problem("unauthenticated", detail, headers={"www-authenticate": 'Bearer realm="daybook"'})


async def authenticate(request: Request) -> Principal:  # a plain function would be run in a thread
    """The caller that this route's guard has let in. As a dependency: `caller: Caller`."""
    principal: Principal = request.scope[SCOPE_KEY]
    return principal


Caller = Annotated[Principal, Depends(authenticate)]
"""A handler's parameter: the Principal who calls."""
