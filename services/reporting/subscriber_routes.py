"""GET /subscribers: everybody who follows the log, how far, and what waits or was put aside. I/O.

The desk's own consumers are told to who may see all clients; whoever is for some clients sees what follows those.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Response

from contracts.people import Role
from services.kit.access import Caller, Principal
from services.kit.log.select import at_head
from services.kit.postgres import Pool, queries
from services.reporting.opened import json
from services.reporting.shapes import SubscribersShape

if TYPE_CHECKING:
    from services.reporting.edge import Edge, Following
    from services.reporting.readers import HttpReader

SQL = queries("services/reporting/sql/subscribers.sql")

RESTING_FAILURES = 3  # as services/notification/hooks/pace.py has it
MAY_CHANGE = frozenset({Role.ADMINISTRATOR, Role.MANAGER})


def add_subscriber_routes(app: FastAPI, edge: Edge, following: Following) -> None:
    @app.get("/subscribers", responses={200: {"model": SubscribersShape}})
    async def subscribers(caller: Caller) -> Response:
        """Who follows the log, how far each is, what it is sent again and what it has put aside."""
        seen = None if caller.clients is None else sorted(caller.clients)
        items = await _own(edge) if seen is None else []
        reader = edge.following(caller)
        items += [_webhook(row) for row in await reader.fetch(SQL["webhooks"], seen)]
        items += [_outside(row) for row in await reader.fetch(SQL["outside"], seen)]
        items += [await _reader(reader, other) for other in following.readers if _may_see(caller, other)]
        return json({"items": [EMPTY | item for item in items], "may_change": caller.role in MAY_CHANGE})


EMPTY: dict[str, Any] = {
    "id": None, "client": None, "clients": None, "lanes": {}, "retries": 0, "dead_letters": 0, "streams": 0,
    "host": None, "last_at": None, "last_code": None, "pause_reason": None, "delivered": None,
}  # fmt: skip


async def _consumers(edge: Edge) -> Sequence[tuple[str, list[Any]]]:
    rows = await edge.pool.fetch(SQL["consumers"])
    return [(name, list(lanes)) for name, lanes in groupby(rows, key=lambda row: str(row["consumer"]))]


async def _own(edge: Edge) -> list[dict[str, Any]]:
    """The desk's consumers, and the timers: behind is 0 for all of them where nothing is to come any more."""
    found = [_consumer(name, rows) for name, rows in await _consumers(edge)]
    due = await edge.pool.fetchval(SQL["still_due"], edge.clock.now())
    return [*found, {"kind": "consumer", "name": "timers", "state": "active", "position": 0, "behind": due}]


def _consumer(name: str, lanes: Iterable[Any]) -> dict[str, Any]:
    rows = list(lanes)
    return {
        "kind": "consumer",
        "name": name,
        "state": "active",
        "position": sum(row["position"] for row in rows),
        "behind": sum(row["behind"] for row in rows),
        "lanes": {str(row["lane"]): row["behind"] for row in rows},
        "retries": rows[0]["waiting"],
        "dead_letters": rows[0]["dead_letters"],
    }


def _webhook(row: Any) -> dict[str, Any]:
    state = "paused" if row["paused_at"] else "resting" if row["failures"] >= RESTING_FAILURES else "active"
    moments = [at for at in (row["last_success_at"], row["last_failure_at"]) if at is not None]
    same = ("name", "client", "host", "pause_reason", "delivered", "last_code", "position", "behind", "dead_letters")
    return {name: row[name] for name in same} | {
        "kind": "webhook",
        "id": row["webhook"],
        "state": state,
        "retries": row["waiting"],
        "last_at": max(moments, default=None),
    }


def _outside(row: Any) -> dict[str, Any]:
    same = ("kind", "id", "name", "client", "position", "behind", "dead_letters")
    return {name: row[name] for name in same} | {
        "state": "active",
        "retries": row["waiting"],
        "last_at": row["seen_at"],
    }


def _may_see(caller: Principal, reader: HttpReader) -> bool:
    return caller.clients is None or (reader.clients is not None and caller.clients.issuperset(reader.clients))


async def _reader(pool: Pool, reader: HttpReader) -> dict[str, Any]:
    """One who follows by HTTP, as far as this process has seen."""
    now = await at_head(pool, reader.sources)
    clients = reader.clients
    return {
        "kind": "http",
        "id": reader.token,
        "name": reader.name or "session",
        "client": clients[0] if clients is not None and len(clients) == 1 else None,
        "clients": clients,
        "state": "connected" if reader.streams else "seen",
        "streams": reader.streams,
        "position": sum(source.after for source in reader.sources),
        "behind": sum(max(0, head.after - source.after) for head, source in zip(now, reader.sources, strict=True)),
        "delivered": reader.events,
        "last_at": reader.seen_at,
    }
