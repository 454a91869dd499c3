"""What the tests of webhooks share: a desk without bus, its webhooks' API, and dispatchers that can be killed. I/O."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import httpx
from uuid_utils.compat import uuid7

from contracts import tickets as tell
from contracts.people import Role
from services.kit.access.tokens import NewToken, make_token
from services.kit.keyring import Keyring
from services.kit.log.growth import Growth
from services.kit.log.read import heads
from services.kit.metrics import Metrics
from services.kit.postgres import Pool
from services.kit.settings import Settings
from services.notification.hook_api import open_app
from services.notification.hooks.address import EVERY
from services.notification.hooks.counts import HookCounts
from services.notification.hooks.desk import HookDesk
from services.notification.hooks.dispatch import Dispatcher
from services.notification.hooks.pace import Pace
from services.notification.hooks.webhooks import real_now
from tests.conftest import PoolOf
from tests.integration.receiver import Receiver
from tests.integration.small_desk import SmallDesk, vault_on

PATIENCE = 60.0
QUICK = Pace(
    retry_first=timedelta(milliseconds=10), retry_last=timedelta(milliseconds=40),
    rest_first=timedelta(milliseconds=10), rest_last=timedelta(milliseconds=40),
)  # fmt: skip
NUMBERS = count(1)


@dataclass
class WebhookDesk:
    """`http` is the API in an administrator's name."""

    desk: SmallDesk
    pool: Pool
    settings: Settings
    http: httpx.AsyncClient
    owner: Pool
    intake: Pool
    requesters: dict[str, UUID] = field(default_factory=dict)

    async def client(self) -> str:
        """A client of its own with a requester."""
        slug = f"acme-{next(NUMBERS)}"
        await self.desk.client(slug)
        self.requesters[slug] = await self.desk.person(slug, f"ada@{slug}.example")
        return slug

    async def ticket(self, client: str, notes: int = 0, **more: Any) -> UUID:
        """A ticket with so many notes: 2 + notes events."""
        ticket = await self.desk.submit(client, self.requesters[client], **more)
        await self.note(client, ticket, notes)
        return ticket

    async def note(self, client: str, ticket: UUID, notes: int = 1) -> None:
        if notes:
            await self.desk.tell(client, ticket, *(tell.NoteAdded(body=f"note {number}") for number in range(notes)))

    async def hook(self, client: str | None, target: Receiver | str, **more: Any) -> dict[str, Any]:
        """A webhook from the client's beginning on; with its secret."""
        url = target if isinstance(target, str) else target.url
        asked = {"name": f"hook {next(NUMBERS)}", "url": url, "client": client, "after": "beginning", **more}
        answer = await self.http.post("/webhooks", json=asked)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def seen(self, hook: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = (await self.http.get(f"/webhooks/{hook['id']}")).json()
        return found

    async def do(self, hook: dict[str, Any], what: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = await self.http.post(f"/webhooks/{hook['id']}/{what}", json=body or {})
        assert answer.is_success, answer.text
        done: dict[str, Any] = answer.json()
        return done

    async def live(self, *clients: str, types: tuple[str, ...] = ()) -> list[str]:
        """Ids of live events of clients (none: of all) in order, as the log has them."""
        rows = await self.owner.fetch(
            "SELECT id FROM log.events WHERE ($1 OR client = ANY ($2)) AND origin = 'live' "
            "AND ($3 OR type = ANY ($4)) ORDER BY lane, position",
            not clients, list(clients), not types, list(types),
        )  # fmt: skip
        return [str(row["id"]) for row in rows]

    def parts(self, **more: Any) -> HookDesk:
        counts = HookCounts(Metrics("notification"))
        return replace(
            HookDesk(
                self.pool, vault_on(self.pool, self.settings), Keyring.of(self.settings.master_key_bytes),
                Growth(self.pool), EVERY, uuid7(), real_now, counts, QUICK,
            ),
            **more,
        )  # fmt: skip

    @asynccontextmanager
    async def dispatching(self, **more: Any) -> AsyncIterator[HookDesk]:
        """A process that sends. It ends as one that is killed does: what it holds is nobody's at once only here."""
        parts = self.parts(**more)
        tasks = [
            asyncio.create_task(parts.growth.run()),
            asyncio.create_task(Dispatcher(parts, look_seconds=0.05).run()),
        ]
        try:
            yield parts
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def token(self, role: Role, *clients: str, scopes: tuple[str, ...] = ()) -> tuple[UUID, dict[str, str]]:
        new = NewToken(id=uuid7(), name="test", role=role, clients=clients or None, scopes=scopes)
        return new.id, {"Authorization": f"Bearer {await make_token(self.intake, new)}"}


@asynccontextmanager
async def webhook_desk(settings: Settings, pool_of: PoolOf) -> AsyncIterator[WebhookDesk]:
    """A desk for one test; webhooks may lead to this machine."""
    intake = await pool_of("intake")
    new = NewToken(id=uuid7(), name="administrator", role=Role.ADMINISTRATOR, scopes=("personal",))
    headers = {"Authorization": f"Bearer {await make_token(intake, new)}"}
    allowed = settings.model_copy(update={"webhook_private": "127.0.0.0/8"})
    owner = await pool_of("owner")
    async with open_app(allowed) as app:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://d/api/v1", headers=headers) as http:
            desk = SmallDesk(intake, vault_on(intake, settings), dict(await heads(intake)))
            yield WebhookDesk(desk, await pool_of("notification"), settings, http, owner, intake)
    await owner.execute("DELETE FROM notification.webhooks")


async def until(holds: Callable[[], Any], told: Callable[[], Any] = lambda: "") -> None:
    """Waits for a condition, sync or async, as long as a slow machine may need."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = holds()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return
            await asyncio.sleep(0.01)


def numbered(ids: list[str], whole: list[str]) -> Iterator[int]:
    """Where in the whole each of some ids stands."""
    place = {identifier: nth for nth, identifier in enumerate(whole)}
    return (place[identifier] for identifier in ids)


__all__ = ["PATIENCE", "QUICK", "WebhookDesk", "numbered", "until", "webhook_desk"]
