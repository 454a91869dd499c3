"""A request's headers -> who calls, with which key, and against which version."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Request

from contracts.envelope import Origin
from services.kit.access import SCOPE_KEY, Principal
from services.kit.log.append import Command
from services.kit.telemetry import current_traceparent
from services.kit.web.idempotency import fingerprint, read_key
from services.kit.web.problem import Problem

UNKEYED = "unkeyed"  # before the scope of a command that came without a key; no caller's own scope begins so
IF_MATCH = re.compile(rb'(?:W/)?"?(\d{1,9})"?')


@dataclass(frozen=True, slots=True)
class Call:
    """One request for a change. `fingerprint` tells two bodies under one key apart."""

    caller: Principal
    key: str | None = None
    if_match: int | None = None
    fingerprint: bytes = b""
    trace: str | None = None
    guest_key: str | None = None
    """The secret of a ticket's link, where its requester calls without a token."""
    told_at: datetime | None = None
    """When it happens, as a demo that plays its own time tells; nobody else may (`services.intake.edge.instant`)."""

    def command(self, client: str, stream: UUID, answer: bytes, new_id: Callable[[], UUID]) -> Command:
        """How the log remembers it beside its events, with what it is answered: by its key, or without one under a
        number of its own, so that everything that was ever accepted can be held against the log."""
        scope = self.scope(client, stream)
        if self.key is not None:
            return Command(scope, self.key, self.fingerprint, answer)
        return Command(f"{UNKEYED} {scope}", str(new_id()), b"", answer)

    @property
    def told_clients(self) -> frozenset[str] | None:
        """For whose eyes positions are written: a guest learns of no lane either."""
        return self.caller.clients if self.guest_key is None else frozenset()

    def scope(self, client: str, ticket: UUID) -> str:
        """Within what the Idempotency-Key is unique: one token and one client; for a guest one ticket."""
        return f"{self.caller.id} {client}" if self.guest_key is None else f"guest {ticket}"


def may_come_again(command: Command | None) -> bool:
    """Whether the caller can send it once more without doing it twice: under a key of their own."""
    return command is not None and not command.scope.startswith(f"{UNKEYED} ")


def read_call(request: Request, body: bytes) -> Call:
    """The call that a request is. Header names are lower case in ASGI. Raises Problem for a header it can't read."""
    caller: Principal = request.scope[SCOPE_KEY]
    key = if_match = told_at = None
    for name, value in request.scope["headers"]:
        if name == b"idempotency-key":
            key = read_key(value)
        elif name == b"if-match" and value != b"*":
            match = IF_MATCH.fullmatch(value)
            if match is None:
                raise Problem("bad_header", "If-Match is the version that was read, such as 7", field="If-Match")
            if_match = int(match[1])
        elif name == b"daybook-time" and caller.origin is Origin.DEMO:
            told_at = _instant(value)
    told = b"" if key is None else fingerprint(request.scope["method"], request.scope["path"], body)
    return Call(caller, key, if_match, told, current_traceparent(), told_at=told_at)


def _instant(value: bytes) -> datetime:
    try:
        at = datetime.fromisoformat(value.decode("ascii"))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Problem("bad_header", "Daybook-Time is an instant with a zone", field="Daybook-Time")
    return at


KeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=200,
        description="The same key with the same body is answered with the first result, for ever",
    ),
]
MatchHeader = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="The version that was read; refused with 412 where a person has changed the ticket since",
    ),
]


async def documented_keyless(request: Request) -> Call:
    """What OpenAPI says of a route where a repetition does no harm, so that it takes no key."""
    raise NotImplementedError(f"{request.url.path} is not served by a CommandRoute")


async def documented(request: Request, key: KeyHeader = None) -> Call:
    """What OpenAPI says of the headers. CommandRoute reads them itself: read_call."""
    raise NotImplementedError(f"{request.url.path} is not served by a CommandRoute ({key})")


async def documented_change(request: Request, key: KeyHeader = None, version: MatchHeader = None) -> Call:
    """The same for a change of what is there."""
    raise NotImplementedError(f"{request.url.path} is not served by a CommandRoute ({key}, {version})")


TheCall = Annotated[Call, Depends(documented)]
"""A handler's parameter: the call under way."""

TheKeylessCall = Annotated[Call, Depends(documented_keyless)]
"""The same where no Idempotency-Key counts: what is put is there, a session is one of many, a clock goes forward."""

TheChange = Annotated[Call, Depends(documented_change)]
"""The same where If-Match counts."""
