"""Webhooks in the database: made, changed, paused, replayed, their secrets rotated. I/O."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import httpcore
import orjson

from services.kit.access import Principal
from services.kit.keyring import NONCE_BYTES, Keyring
from services.kit.log.places import NOW, read_place, write_place
from services.kit.log.select import Source, at_head
from services.kit.postgres import Connection, Pool, queries, refusing
from services.kit.web.problem import Problem
from services.notification.hooks import sign
from services.notification.hooks.address import PRIVATE, BadTarget, Network, check_url
from services.notification.hooks.desk import RIGHTS_ENDED
from services.notification.hooks.keyed import Key, Made, claim, once
from services.notification.hooks.message import Kept, signed
from services.notification.hooks.pace import TRYING, Pace
from services.notification.hooks.position import read_position, write_position
from services.notification.hooks.post import Guarded, Line, Private, Said, Ways
from services.notification.hooks.shapes import MakeWebhook

SQL = queries("services/notification/sql/hook_admin.sql")
WORK = queries("services/notification/sql/hook_work.sql")

MADE_MAX: Final = 200  # of a desk; each is a series in the metrics and a reader of the log
OF_CLIENT_MAX: Final = 20  # so that one client's program leaves room for the others
OLD_SECRET: Final = timedelta(days=1)
DEAD_MAX: Final = 500  # listed at once
RESOLVE_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Webhooks:
    """The webhooks of a desk. `new_id`, `random_bytes` and `now` are real chance and time."""

    pool: Pool
    ring: Keyring
    allowed: Sequence[Network]
    new_id: Callable[[], UUID]
    random_bytes: Callable[[int], bytes]
    now: Callable[[], datetime]
    ways: Ways = field(default_factory=Ways)

    async def seen(self, caller: Principal, webhook: UUID | None = None) -> list[dict[str, Any]]:
        """Those that the caller may see, or of them one."""
        clients = None if caller.clients is None else sorted(caller.clients)
        rows = await self.pool.fetch(SQL["list"], clients, webhook)
        return [shown(row, await self.pool.fetch(SQL["places"], row["webhook"])) for row in rows]

    async def find(self, caller: Principal, webhook: str) -> dict[str, Any]:
        """One of them. Raises Problem: 404."""
        try:
            found = await self.seen(caller, UUID(webhook))
        except ValueError:
            found = []
        if not found:
            raise Problem("not_found", "there is no such webhook")
        return found[0]

    async def make(self, caller: Principal, command: MakeWebhook, key: Key | None = None) -> Made:
        """A new webhook and its secret; under a key that came before, those. Raises Problem."""
        return await once(self.pool, self.ring, key, partial(self._make, caller, command, key))

    async def _make(self, caller: Principal, command: MakeWebhook, key: Key | None) -> Made:
        webhook = self.new_id()
        sources = await self.place(command.client, command.after)
        await self.check_target(command.url)
        async with self.pool.acquire() as connection, connection.transaction():
            await claim(connection, key, webhook, name := self._secret_name(webhook), at := self.now())
            await self._check_room(connection, command.client)
            with refusing({"one_webhook_per_client_and_name": _taken()}):
                await connection.execute(
                    SQL["make"], webhook, command.name, command.url, command.client, command.types, command.categories,
                    command.personal, *_by(caller), caller.actor,
                )  # fmt: skip
            await self._put(connection, webhook, sources)
            return Made(webhook, await self._add_secret(connection, webhook, name), at)

    async def change(self, webhook: UUID, known: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        """Everything that is given, the rest as it is known."""
        if "url" in given:
            await self.check_target(given["url"])
        now = {**known, **given}
        with refusing({"one_webhook_per_client_and_name": _taken()}):
            await self.pool.execute(
                SQL["change"], webhook, now["name"], now["url"], now["types"], now["categories"], now["personal"]
            )

    async def delete(self, webhook: UUID) -> None:
        await self.pool.execute(SQL["delete"], webhook)

    async def pause(self, webhook: UUID, reason: str) -> None:
        await self.pool.execute(SQL["pause"], webhook, reason)

    async def resume(self, caller: Principal, webhook: UUID) -> None:
        """Goes on where it was; what waits is due, and has its three days from now. One that ended with somebody's
        rights goes on with the caller's."""
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(SQL["resume"], webhook, *_by(caller), RIGHTS_ENDED)
            await connection.execute(SQL["resume_letters"], webhook, TRYING)

    async def replay(self, webhook: UUID, client: str | None, after: str) -> None:
        """Goes on from another place. What waits is forgotten: it comes again in its order, or is skipped."""
        sources = await self.place(client, after)
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(SQL["touch"], webhook)
            await connection.execute(SQL["forget_waiting"], webhook)
            await self._put(connection, webhook, sources)

    async def rotate(self, webhook: UUID, key: Key | None = None) -> Made:
        """A new secret; the old one signs beside it for OLD_SECRET. Under a key that came before, that secret."""
        return await once(self.pool, self.ring, key, partial(self._rotate, webhook, key))

    async def _rotate(self, webhook: UUID, key: Key | None) -> Made:
        async with self.pool.acquire() as connection, connection.transaction():
            await claim(connection, key, webhook, name := self._secret_name(webhook), at := self.now())
            await connection.execute(SQL["touch"], webhook)
            await connection.execute(SQL["drop_secrets"], webhook)
            await connection.execute(SQL["end_secrets"], webhook, OLD_SECRET)
            return Made(webhook, await self._add_secret(connection, webhook, name), at)

    async def test(self, webhook: Mapping[str, Any]) -> Said:
        """Sends one message of type webhook.tested, at once and only once. Raises nothing that the receiver causes."""
        message, now = self.new_id(), self.now()
        event = {
            "specversion": "1.0", "id": str(message), "source": "/webhooks", "type": "webhook.tested",
            "subject": str(webhook["id"]), "time": now.isoformat(), "datacontenttype": "application/json",
            "data": {"webhook": str(webhook["id"])},
        }  # fmt: skip
        body = orjson.dumps(event)
        secrets = [Kept(*row) for row in await self.pool.fetch(WORK["secrets"], webhook["id"])]
        line = Line(webhook["url"], self.allowed, self.ways)
        try:
            return await line.post(signed(str(message), body, secrets, self.ring, now), body)
        finally:
            await line.close()

    async def dead(self, webhook: UUID) -> list[dict[str, Any]]:
        rows = await self.pool.fetch(SQL["dead"], webhook, DEAD_MAX)
        return [
            {"position": write_position(dict(row)), "subject": row["stream"]}
            | {name: row[name] for name in ("event", "type", "attempts", "code", "failed_at")}
            for row in rows
        ]

    async def replay_dead(self, webhook: UUID, client: str | None, position: str | None) -> int:
        """How many dead letters are tried again, for three days more. Raises Problem."""
        lane, place = (None, None) if position is None else read_position(position, client)
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(SQL["touch"], webhook)
            return len(await connection.fetch(SQL["replay_dead"], webhook, lane, place, TRYING, client))

    async def place(self, client: str | None, after: str) -> list[Source]:
        """Where a webhook begins. Raises Problem."""
        sources = read_place("" if after == NOW else after, None if client is None else (client,))
        if sources is None:
            raise Problem(
                "invalid_field", "this is no place of ours: beginning, now, or one you were given", field="after"
            )
        return await at_head(self.pool, sources) if after == NOW else sources

    async def check_target(self, url: str) -> None:
        """Raises Problem for a URL to which no webhook may lead. Its name is judged again at each connection; one that
        leads nowhere yet is let be."""
        try:
            check_url(url, self.allowed)
            async with asyncio.timeout(RESOLVE_SECONDS):
                guarded = Guarded(self.allowed, self.ways.names, public=url.startswith("https:"))
                await guarded.addresses(urlsplit(url).hostname or "", 443)
        except BadTarget as bad:
            code = "private_target" if str(bad) == PRIVATE else "invalid_field"
            raise Problem(code, str(bad), field="url") from None
        except Private:
            raise Problem("private_target", PRIVATE, field="url") from None
        except (TimeoutError, httpcore.ConnectError):
            return

    async def _check_room(self, connection: Connection, client: str | None) -> None:
        """Raises Problem. A client hears of its own webhooks only, as long as there is room for them."""
        (made,) = await connection.fetch(SQL["count"], client)
        if client is not None and made["of_client"] >= OF_CLIENT_MAX:
            raise Problem("too_many_webhooks", f"the client has {OF_CLIENT_MAX} webhooks")
        if made["all"] >= MADE_MAX:
            raise Problem("too_many_webhooks", f"the desk has {MADE_MAX} webhooks")

    async def _put(self, connection: Connection, webhook: UUID, sources: Sequence[Source]) -> None:
        lanes, places = [source.lane for source in sources], [source.after for source in sources]
        await connection.execute(SQL["place"], webhook, lanes, places)

    def _secret_name(self, webhook: UUID) -> str:
        return f"webhook {webhook} {self.new_id()}"

    async def _add_secret(self, connection: Connection, webhook: UUID, name: str) -> str:
        secret = self.random_bytes(sign.SECRET_BYTES)
        wrapped = self.ring.wrap(name.encode(), secret, self.random_bytes(NONCE_BYTES))
        await connection.execute(SQL["add_secret"], name, webhook, wrapped)
        return sign.write_secret(secret)


def shown(row: Any, places: Sequence[Any]) -> dict[str, Any]:
    """A webhook as its owner sees it."""
    state = "paused" if row["paused_at"] else "resting" if Pace().rest(row["failures"]) else "active"
    same = ("name", "url", "client", "types", "categories", "personal", "pause_reason", "delivered", "failures")
    seen = ("last_success_at", "last_failure_at", "last_code", "made_at")
    return {name: row[name] for name in (*same, *seen)} | {
        "id": row["webhook"],
        "state": state,
        "after": write_place([Source(place["lane"], row["client"], place["place"]) for place in places]),
        "behind": row["behind"],
        "retries": row["waiting"],
        "dead_letters": row["dead"],
    }


def _by(caller: Principal) -> tuple[UUID | None, UUID | None]:
    """The program's token or the person with whose rights a webhook ends."""
    return (UUID(caller.id), None) if caller.kind == "token" else (None, caller.agent)


def _taken() -> Problem:
    return Problem("exists", "the client has a webhook of this name already", field="name")


def real_now() -> datetime:
    return datetime.now(UTC)
