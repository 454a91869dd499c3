"""A desk of intake alone, for tests: its app on a real database, and tokens of every kind. I/O."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI
from uuid_utils.compat import uuid7

from contracts.envelope import Origin, Recorded
from contracts.model import Event
from contracts.people import Role
from contracts.ticket import fold
from contracts.ticket_state import Ticket
from services.intake.app import open_app
from services.kit.access.tokens import NewToken, make_token
from services.kit.log.read import read_stream
from services.kit.postgres import Pool, connect_pool
from services.kit.settings import Settings

ACME = {"name": "Acme", "prefix": "ACME", "tier": "standard", "languages": ["en", "de"]}
BOLT = {"name": "Bolt", "prefix": "BOLT", "tier": "premium"}


@dataclass
class IntakeDesk:
    """The API as its callers see it, and the log behind it."""

    app: FastAPI
    http: httpx.AsyncClient
    pool: Pool
    administrator: str

    async def token(self, role: Role, *clients: str, origin: Origin = Origin.LIVE, agent: UUID | None = None) -> str:
        """A new token; without clients it is for all of them."""
        new = NewToken(id=uuid7(), name="test", role=role, clients=clients or None, origin=origin, agent=agent)
        return await make_token(self.pool, new)

    async def post(self, path: str, body: Any = None, *, token: str | None = None, **headers: str) -> httpx.Response:
        """POST below /api/v1, as the administrator where no token is given; `if_match="3"` becomes a header."""
        return await self.send("POST", path, body, token=token, **headers)

    async def send(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, **headers: str
    ) -> httpx.Response:
        content = body if isinstance(body, bytes) else None
        return await self.http.request(
            method,
            f"/api/v1{path}",
            json=None if isinstance(body, bytes) else body,
            content=content,
            headers={"authorization": f"Bearer {token or self.administrator}"}
            | {name.replace("_", "-"): value for name, value in headers.items()},
        )

    async def submit(self, client: str = "acme", *, token: str | None = None, **more: Any) -> dict[str, Any]:
        """A new ticket's answer."""
        response = await self.post("/tickets", ticket(client, **more), token=token)
        assert response.status_code == 201, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def events(self, stream: str | UUID) -> list[Recorded[Event]]:
        return await read_stream(self.pool, UUID(str(stream)))

    async def folded(self, stream: str | UUID) -> Ticket:
        return fold(await self.events(stream))


def ticket(client: str = "acme", **more: Any) -> dict[str, Any]:
    """The body of a POST /tickets."""
    return {
        "client": client,
        "requester": {"email": "ann@acme.example", "name": "Ann Lee"},
        "subject": "The printer is offline",
        "body": "Since this morning nobody on the second floor can print.",
    } | more


@asynccontextmanager
async def open_desk(settings: Settings) -> AsyncIterator[IntakeDesk]:
    """A desk with the clients acme and bolt."""
    pool = await connect_pool(settings, "intake")
    async with open_app(settings) as app:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://desk.example") as http:
            desk = IntakeDesk(app, http, pool, "")
            desk.administrator = await desk.token(Role.ADMINISTRATOR)
            for slug, client in (("acme", ACME), ("bolt", BOLT)):
                response = await desk.send("PUT", f"/clients/{slug}", client)
                assert response.status_code in {200, 201}, response.text
            yield desk
    await asyncio.wait_for(pool.close(), 5)
