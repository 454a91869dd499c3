"""What an event has intake do -> intake's answer. I/O.

Triage appends only its own facts; for anything else it asks intake by the public API, in its own name
(`system:triage`). The command's id is the causing event's and the effect's name, so that asking again does nothing
twice; what an event of a demo causes is a demo's. Whoever asks moves its cursor after the answer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import httpx
import orjson

from contracts.envelope import Origin, Recorded
from contracts.model import Event
from services.kit.access.services import ORIGINS, service_token
from services.kit.bus import TryLater

if TYPE_CHECKING:
    from services.kit.settings import Settings

ANSWER_SECONDS: Final = 30.0  # intake gives its own callers fewer
LATER: Final = frozenset({401, 408, 425, 429})
"""Answers after which the same command may be taken: among them that of a desk which is just being provisioned."""


@dataclass(frozen=True, slots=True)
class Effect:
    """A command that follows from an event. `name` tells the effects of one event apart; `path` is below /api/v1."""

    cause: Recorded[Event]
    name: str
    path: str
    body: Mapping[str, Any] = field(default_factory=dict)
    if_match: int | None = None
    """The version that was read, where nobody may have written since."""

    @property
    def id(self) -> str:
        return f"{self.cause.id}:{self.name}"


class Unwanted(Exception):
    """Intake refused a command for good: `code` is its problem's, and contract. The sentence names no person."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(f"{code}: {sentence}")
        self.code = code


class Commands:
    """Intake, as triage asks it; one per process."""

    def __init__(self, http: httpx.AsyncClient, tokens: Mapping[str, str]) -> None:
        self._http = http
        self._tokens = tokens

    async def ask(self, effect: Effect) -> dict[str, Any]:
        """Has an effect carried out; intake's answer. Raises Unwanted where it is refused, and TryLater where intake is
        away or busy: then the same effect is asked for again, as often as it takes."""
        cause = effect.cause
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": effect.id,
            "Daybook-Time": cause.occurred_at.isoformat(),  # heard where the log tells the time, of a demo
        }
        if effect.if_match is not None:
            headers["If-Match"] = str(effect.if_match)
        if cause.trace is not None:
            headers["traceparent"] = cause.trace
        content = orjson.dumps(effect.body)
        return await self._send("POST", effect.path, cause.origin, headers, content=content)

    async def read(self, path: str, params: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """What the API tells. Raises as `ask`."""
        return await self._send("GET", path, Origin.LIVE, {}, params=params)

    async def _send(
        self, method: str, path: str, origin: str, headers: Mapping[str, str], **how: Any
    ) -> dict[str, Any]:
        authorized = {**headers, "Authorization": f"Bearer {self._tokens[origin]}"}
        try:
            response = await self._http.request(method, f"/api/v1{path}", headers=authorized, **how)
        except httpx.TransportError as error:
            raise TryLater(f"intake is away: {type(error).__name__}") from error
        if response.status_code in LATER or response.status_code >= 500:
            raise TryLater(f"intake answered {response.status_code}")
        told = _json(response)
        if response.is_error:
            raise Unwanted(str(told.get("code") or response.status_code), str(told.get("detail") or "refused"))
        return told


def _json(response: httpx.Response) -> dict[str, Any]:
    try:
        told = orjson.loads(response.content) if response.content else {}
    except orjson.JSONDecodeError:
        raise TryLater("intake's answer is no JSON: something else answers at its address") from None
    return told if isinstance(told, dict) else {}


def tokens(settings: Settings) -> dict[str, str]:
    """Triage's own tokens, by the origin of the event that causes a command."""
    return {origin: service_token(settings, "triage", origin) for origin in ORIGINS}


@asynccontextmanager
async def open_commands(settings: Settings) -> AsyncIterator[Commands]:
    """A client of intake's API, closed with the context."""
    async with httpx.AsyncClient(base_url=settings.api_address, timeout=ANSWER_SECONDS) as http:
        yield Commands(http, tokens(settings))
