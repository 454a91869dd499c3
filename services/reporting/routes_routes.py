"""GET /clients/{…}/routes: who works a client's tickets, as it is in force and as it was set. I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI, Response
from pydantic import AwareDatetime, Field

from contracts.envelope import Recorded
from contracts.model import DESK, Event
from contracts.routes import RouteRow, RoutesSet, Use
from contracts.subjects import client_stream
from services.kit.access import Caller
from services.kit.clients import find_client
from services.kit.log.read import read_stream
from services.kit.rules.routes import in_force, last_set, rows_for
from services.kit.web.problem import Problem
from services.reporting.opened import json
from services.reporting.shape import Shape
from services.reporting.terms_routes import VERSIONS_MAX, Slug

if TYPE_CHECKING:
    from services.reporting.edge import Edge


class RoutesVersion(Shape):
    """Routes as they were set."""

    version: int
    use: Use
    routes: list[RouteRow]
    set_at: AwareDatetime
    set_by: str


class RoutesShape(Shape):
    """By which routes a client's tickets go now, and every version that was set for it, the newest first."""

    client: str
    own: bool = Field(description="whether these are the client's own; otherwise the desk's, or nobody set any")
    use: Use
    routes: list[RouteRow]
    versions: list[RoutesVersion]


def add_routes_routes(app: FastAPI, edge: Edge) -> None:
    @app.get("/clients/{client}/routes", responses={200: {"model": RoutesShape}})
    async def client_routes(caller: Caller, client: Slug) -> Response:
        """Who works the client's tickets: its own routes, or the desk's. `_desk` names those."""
        seen = caller.may_see(client) and (client != DESK or caller.clients is None)
        if not seen or (client != DESK and await find_client(edge.pool, client) is None):
            raise Problem("not_found", f"there is no client {client}")
        history = await read_stream(edge.pool, client_stream(client))
        own = last_set(history)
        desk = own if client == DESK else last_set(await read_stream(edge.pool, client_stream(DESK)))
        held = in_force(own, desk)
        shown = {
            "client": client,
            "own": held is not None and held is own,
            "use": Use.OFF if held is None else held.use,
            "routes": [row.model_dump(mode="json") for row in rows_for(client, held)],
            "versions": [told for event in history if (told := _version(event)) is not None][::-1][:VERSIONS_MAX],
        }
        return json(shown)


def _version(event: Recorded[Event]) -> dict[str, object] | None:
    told = event.data
    if not isinstance(told, RoutesSet):
        return None
    return {
        "version": told.version,
        "use": told.use,
        "routes": [row.model_dump(mode="json") for row in told.routes],
        "set_at": event.occurred_at,
        "set_by": event.actor,
    }
