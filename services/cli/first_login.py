"""A running desk enters; the address and password of its first administrator leave, so that somebody can get in.

Made once and kept in DAYBOOK_HOME/administrator.json for its owner alone; who changes the password or adds people may
remove the file.
"""

from __future__ import annotations

import json
import os
import secrets
from typing import TYPE_CHECKING

import httpx
from uuid_utils.compat import uuid7

from contracts.people import RegisterAgent, Role
from services.embedded.process import CannotStart
from services.kit.access.tokens import NewToken, make_token, revoke_token
from services.kit.postgres import connect_pool

if TYPE_CHECKING:
    from services.kit.settings import Settings

EMAIL = "administrator@desk.example"
FILE = "administrator.json"


async def administrator(settings: Settings) -> tuple[str, str]:
    """The administrator's address and password. Raises CannotStart when the desk refuses to register them."""
    path = settings.home / FILE
    if path.exists():
        kept = json.loads(path.read_text())
        return kept["email"], kept["password"]
    password = secrets.token_urlsafe(9)
    await _register(
        settings, RegisterAgent(email=EMAIL, name="Administrator", role=Role.ADMINISTRATOR, password=password)
    )
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump({"email": EMAIL, "password": password}, file)
    return EMAIL, password


async def _register(settings: Settings, command: RegisterAgent) -> None:
    """By the public API, with a token that lives for this one call."""
    identifier = uuid7()
    pool = await connect_pool(settings, "intake", size=1, program="daybook-up")
    try:
        token = await make_token(pool, NewToken(identifier, "first administrator", Role.ADMINISTRATOR))
        async with httpx.AsyncClient(base_url=f"http://{settings.host}:{settings.port}", timeout=30) as client:
            answer = await client.post(
                "/api/v1/agents",
                content=command.model_dump_json(exclude_defaults=True),
                headers={"authorization": f"Bearer {token}", "content-type": "application/json"},
            )
        await revoke_token(pool, identifier)
    except httpx.TransportError as error:
        raise CannotStart(f"the desk does not answer at its own address ({error}): see the logs") from error
    finally:
        await pool.close()
    if not answer.is_success:
        raise CannotStart(
            f"the first administrator was refused ({answer.status_code}: {answer.text[:300]}): see the logs"
        )
