"""GET /clients, /agents and /mailbox: plain lists, within the caller's rights. I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import asyncpg
from fastapi import FastAPI, Query, Response
from pydantic import ConfigDict

from services.kit.access import Caller, Principal
from services.kit.clients import find_client
from services.kit.postgres import queries
from services.kit.web.problem import Problem
from services.reporting.asked import FIRST, LAST, PageParameters, clients_seen
from services.reporting.list_places import END_OF_TIME, placed_id, placed_instant, read_place, write_place
from services.reporting.opened import answer, json, stored
from services.reporting.shapes import AgentsShape, ClientShape, ClientsShape, LettersShape

if TYPE_CHECKING:
    from services.reporting.edge import Edge

SQL = queries("services/reporting/sql/directory.sql")

CLIENT_FIELDS = ("name", "prefix", "zone", "tier", "languages", "practice", "version")


class LetterParameters(PageParameters):
    model_config = ConfigDict(extra="forbid")

    reference: str | None = None


def add_directory_routes(app: FastAPI, edge: Edge) -> None:
    _add_clients(app, edge)
    _add_agents(app, edge)
    _add_letters(app, edge)


def _add_clients(app: FastAPI, edge: Edge) -> None:
    @app.get("/clients", responses={200: {"model": ClientsShape}})
    async def clients(caller: Caller, given: Annotated[PageParameters, Query()]) -> Response:
        """The clients that the caller may see, by name."""
        name, slug = read_place(given.cursor, ("", ""))
        seen = clients_seen(None, caller)
        rows = await edge.reading(caller).fetch(SQL["clients"], seen, str(name), str(slug), given.limit + 1)
        page = rows[: given.limit]
        following = write_place(page[-1]["name"], page[-1]["client"]) if len(rows) > len(page) else None
        return json({"items": [_client(row) for row in page], "next_cursor": following})

    @app.get("/clients/{client}", responses={200: {"model": ClientShape}})
    async def client(caller: Caller, client: str) -> Response:
        """One client, as its stream tells it now."""
        found = await find_client(edge.reading(caller), client) if caller.may_see(client) else None
        if found is None:
            raise Problem("not_found", f"there is no client {client[:80]}")
        return json({"id": found.id} | {field: getattr(found, field) for field in CLIENT_FIELDS})


def _client(row: asyncpg.Record) -> dict[str, Any]:
    return {"id": row["client"]} | {field: row[field] for field in CLIENT_FIELDS}


def _add_agents(app: FastAPI, edge: Edge) -> None:
    @app.get("/agents", responses={200: {"model": AgentsShape}})
    async def agents(caller: Caller, given: Annotated[PageParameters, Query()]) -> Response:
        """The desk's people who can be given a ticket. Who is not for all clients sees those who work for its own,
        without address, teams and other clients."""
        (after,) = read_place(given.cursor, (str(FIRST),))
        reader = edge.reading(caller)
        rows = await reader.fetch(SQL["agents"], placed_id(after), given.limit + 1, clients_seen(None, caller))
        page = rows[: given.limit]
        items = [_agent(row, caller) for row in page]
        following = write_place(str(page[-1]["agent"])) if len(rows) > len(page) else None
        return await answer({"items": items, "next_cursor": following}, edge.vault)


def _agent(row: asyncpg.Record, caller: Principal) -> dict[str, Any]:
    everything = caller.clients is None
    return {
        "id": row["agent"],
        "name": stored(row["name"]),
        "address": stored(row["address"]) if everything else None,
        "role": row["role"],
        "level": row["level"],
        "teams": row["teams"] if everything else [],
        "clients": [client for client in row["clients"] if caller.may_see(client)],
    }


def _add_letters(app: FastAPI, edge: Edge) -> None:
    @app.get("/mailbox", responses={200: {"model": LettersShape}})
    async def mailbox(caller: Caller, given: Annotated[LetterParameters, Query()]) -> Response:
        """Letters that were kept because no mail server is set, newest first."""
        at, after = read_place(given.cursor, (END_OF_TIME.isoformat(), str(LAST)))
        rows = await edge.reading(caller).fetch(
            SQL["letters"],
            clients_seen(None, caller),
            placed_instant(at),
            placed_id(after),
            given.reference,
            given.limit + 1,
        )
        page = rows[: given.limit]
        following = None
        if len(rows) > len(page):
            following = write_place(page[-1]["kept_at"].isoformat(), str(page[-1]["id"]))
        return await answer({"items": [_letter(row) for row in page], "next_cursor": following}, edge.vault)


def _letter(row: asyncpg.Record) -> dict[str, Any]:
    content, headers = row["content"], row["headers"]
    return {
        "id": row["id"],
        "kind": row["letter"],
        "reference": row["reference"],
        "client": row["client"],
        "ticket": row["ticket"],
        "sent_at": row["kept_at"],
        "from": headers.get("From"),
        "to": content.get("to"),
        "subject": content.get("subject"),
        "text": content.get("text"),
        "html": content.get("html"),
    }
