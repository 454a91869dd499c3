"""POST, GET and DELETE /whatif: a replay is started, watched, read and ended, within the caller's clients. I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import orjson
from fastapi import FastAPI, Query, Response
from pydantic import AwareDatetime, Field

from services.kit.access import Caller, Principal
from services.kit.web.problem import Problem
from services.reporting.asked import LAST, PageParameters, clients_seen
from services.reporting.list_places import END_OF_TIME, placed_id, placed_instant, read_place, write_place
from services.reporting.opened import json
from services.reporting.shape import Shape
from services.reporting.whatif.asked import WhatifQuestion
from services.reporting.whatif.jobs import SQL

if TYPE_CHECKING:
    from services.reporting.edge import Edge
    from services.reporting.whatif.jobs import Jobs

PATH = "/api/v1/whatif"


class ReplayProgress(Shape):
    tickets: int
    total: int = Field(description="about how many there are")
    events: int


class ReplayShape(Shape):
    """A replay: waiting, running, done, failed or cancelled."""

    id: UUID
    state: str
    asked_at: AwareDatetime
    finished_at: AwareDatetime | None
    clients: list[str] | None = Field(description="whose tickets it reads; absent: all")
    progress: ReplayProgress
    problem: str | None = Field(description="why it failed, in a sentence")
    asked: dict[str, Any] = Field(description="the question; with the result's snapshot it gives the same result again")
    result: dict[str, Any] | None = Field(
        description="figures per client and metric before and after, and the first thousand breaches gained and lost"
    )
    status_url: str


class ReplaysShape(Shape):
    items: list[ReplayShape]
    next_cursor: str | None


class ReplayAsked(Shape):
    id: UUID
    state: str
    status_url: str


def add_whatif_routes(app: FastAPI, edge: Edge, jobs: Jobs) -> None:
    _add_asking(app, edge, jobs)

    @app.get("/whatif", responses={200: {"model": ReplaysShape}})
    async def replays(caller: Caller, given: Annotated[PageParameters, Query()]) -> Response:
        """The replays of the clients that the caller may see, newest first, without their results."""
        at, after = read_place(given.cursor, (END_OF_TIME.isoformat(), str(LAST)))
        rows = await edge.pool.fetch(SQL["list"], _seen(caller), placed_instant(at), placed_id(after), given.limit + 1)
        page = rows[: given.limit]
        more = len(rows) > len(page)
        following = write_place(page[-1]["asked_at"].isoformat(), str(page[-1]["id"])) if more else None
        return json({"items": [_job(row) for row in page], "next_cursor": following})

    @app.get("/whatif/{replay}", responses={200: {"model": ReplayShape}})
    async def replay(caller: Caller, replay: UUID) -> Response:
        """How far a replay is, and its result once it is done."""
        return json(_job(await _found(edge, caller, replay)))


def _add_asking(app: FastAPI, edge: Edge, jobs: Jobs) -> None:
    @app.post("/whatif", status_code=202, responses={202: {"model": ReplayAsked}})
    async def ask(caller: Caller, asked: WhatifQuestion) -> Response:
        """Asks what another policy, calendar, target or table of rules would have changed. It writes nothing to the
        log and runs in a process of its own; see `status_url`."""
        identifier = await jobs.ask(await _within(edge, caller, asked), caller)
        url = f"{PATH}/{identifier}"
        answer = json({"id": identifier, "state": "waiting", "status_url": url}, 202)
        answer.headers["location"] = url
        return answer

    @app.delete("/whatif/{replay}", status_code=204)
    async def end(caller: Caller, replay: UUID) -> Response:
        """Cancels a replay that is under way; forgets one that is over."""
        await _found(edge, caller, replay)
        await jobs.cancel(replay)
        return Response(status_code=204)


async def _within(edge: Edge, caller: Principal, asked: WhatifQuestion) -> WhatifQuestion:
    """The question about clients that the caller may see. Raises Problem; of others nothing is said."""
    if asked.clients is None:
        seen = _seen(caller)
        return asked if seen is None else asked.model_copy(update={"clients": tuple(seen)})
    known = {row["client"] for row in await edge.pool.fetch(SQL["clients_known"], list(asked.clients))}
    for slug in asked.clients:
        if slug not in known or not caller.may_see(slug):
            raise Problem("unknown_client", f"there is no client {slug}", field="clients")
    return asked.model_copy(update={"clients": tuple(sorted(set(asked.clients)))})


def _seen(caller: Principal) -> list[str] | None:
    seen = clients_seen(None, caller)
    return None if seen is None else sorted(seen)


async def _found(edge: Edge, caller: Principal, replay: UUID) -> Any:
    row = await edge.pool.fetchrow(SQL["one"], replay, _seen(caller))
    if row is None:
        raise Problem("not_found", f"there is no replay {replay}")
    return row


def _job(row: Any) -> dict[str, Any]:
    return {
        "id": row["id"],
        "state": row["state"],
        "asked_at": row["asked_at"],
        "finished_at": row["finished_at"],
        "clients": row["clients"],
        "progress": {name: row[name] for name in ("tickets", "total", "events")},
        "problem": row["problem"],
        "asked": row["asked"],
        "result": orjson.Fragment(row["result"]) if row["result"] else None,
        "status_url": f"{PATH}/{row['id']}",
    }
