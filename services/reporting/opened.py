"""JSON with sealed values -> a response with the text that its caller may read. I/O for the keys."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response

from contracts.people import Role
from services.kit.access import Principal
from services.kit.personal import Vault

JSON = "application/json"


def may_read(caller: Principal) -> bool:
    """Whether tickets are shown opened: to the desk's people and programs, not to subscribers without the scope."""
    return caller.personal or caller.agent is not None or caller.role is not Role.SUBSCRIBER


def feed_opened(caller: Principal) -> bool:
    """Whether the feed of events is opened: for a person of the desk, and for a token with the `personal` scope."""
    return caller.personal or caller.agent is not None


def stored(text: str | None) -> Any:
    """A personal value as a view stores it: a text, or a sealed one as JSON."""
    return None if text is None else orjson.loads(text)


async def answer(value: Any, vault: Vault, *, opened: bool = True) -> Response:
    """The JSON response, with every sealed value in it opened in one go."""
    return json(await vault.open_json(value) if opened else value)


def json(value: Any, status: int = 200) -> Response:
    return Response(dump(value), status, media_type=JSON)


def dump(value: Any) -> bytes:
    """JSON bytes. asyncpg's UUID is a subclass of the standard one, which orjson leaves to `str`."""
    return orjson.dumps(value, default=str)
