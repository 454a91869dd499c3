"""A stream that a caller was let into -> the same, ended once the caller would not be let in any more. I/O.

Rights are always today's: a token that is revoked, ends, or is given other clients stops what it has opened.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from time import monotonic
from typing import TYPE_CHECKING

from starlette.requests import Request

from services.kit.access.gate import SCOPE_KEY
from services.kit.access.roles import rule_of
from services.kit.web.problem import Problem

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from services.kit.access import Gate, Principal

RECHECK_SECONDS = 15.0  # with the beats and the gate's memory of a token, within 30 s of a revocation


async def while_admitted(request: Request, pieces: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
    """Hands the pieces on until the caller's rights are not those with which the stream began."""
    asked = monotonic()
    async with aclosing(pieces):
        async for piece in pieces:
            if monotonic() - asked >= RECHECK_SECONDS:
                if not await _still_admitted(request):
                    return
                asked = monotonic()
            yield piece


async def _still_admitted(request: Request) -> bool:
    gate: Gate = request.app.state.gate
    authorization = request.headers.get("authorization")
    try:
        now = await gate.admit(
            None if authorization is None else authorization.encode("latin-1"),
            rule_of(request.method, request.scope["route"].path),
        )
    except Problem:
        return False
    began: Principal = request.scope[SCOPE_KEY]
    return now == began
