"""GET /status: what people published of incidents, the same for everybody, without a token. I/O.

It tells published words and instants, and nothing else that an incident holds: no client, ticket, count or author.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from fastapi import FastAPI, Request, Response
from pydantic import AwareDatetime, Field

from contracts.incident import Incident, IncidentStatus, Update, fold
from services.kit.log.read import read_stream
from services.kit.personal import DAMAGED, ERASED
from services.kit.postgres import queries
from services.kit.web.public import Kept, Turnstile
from services.reporting.opened import json
from services.reporting.shape import Shape
from services.reporting.ticket_shape import plain

if TYPE_CHECKING:
    from services.reporting.edge import Edge

SQL = queries("services/reporting/sql/incidents.sql")
ENDED_SHOWN = timedelta(days=14)
PUBLIC_MAX = 50  # incidents on the page
UPDATES_MAX = 50  # of one incident, the newest
KEPT_SECONDS = 5.0
UNNAMED = "A disturbance"
"""What is called so whose title was erased with its author."""


class PublicUpdate(Shape):
    at: AwareDatetime
    text: str
    next_update_by: AwareDatetime | None


class PublicIncident(Shape):
    title: str
    service: str | None
    state: Literal["open", "resolved"]
    since: AwareDatetime
    resolved_at: AwareDatetime | None
    next_update_by: AwareDatetime | None
    updates: list[PublicUpdate] = Field(description="the newest first")


class StatusShape(Shape):
    """What everybody may know."""

    now: AwareDatetime
    state: Literal["all_clear", "disturbed"]
    open: list[PublicIncident]
    resolved: list[PublicIncident] = Field(description="of the last 14 days, the newest first")


def add_status_routes(app: FastAPI, edge: Edge, monotonic: Callable[[], float]) -> None:
    turnstile = Turnstile(monotonic)
    kept = Kept(lambda: _status(edge), monotonic, KEPT_SECONDS)

    @app.get("/status", responses={200: {"model": StatusShape}})
    async def status(request: Request) -> Response:
        """Known incidents as they were told to the public, and what was resolved in the last 14 days."""
        turnstile.pass_through(request.client.host if request.client else "")
        return json(await kept.get())


async def _status(edge: Edge) -> dict[str, Any]:
    now = edge.clock.now()
    rows = await edge.pool.fetch(SQL["public"], now - ENDED_SHOWN, PUBLIC_MAX)
    folded = [fold(await read_stream(edge.pool, row["incident"])) for row in rows]
    told = [shape for incident in folded if (shape := public_shape(incident, now)) is not None]
    shown = [_readable(one) for one in await edge.vault.open_json(told)]
    going = [one for one in shown if one["state"] == "open"]
    ended = sorted((one for one in shown if one["state"] == "resolved"), key=lambda one: one["resolved_at"])
    return {"now": now, "state": "disturbed" if going else "all_clear", "open": going, "resolved": ended[::-1]}


def public_shape(incident: Incident, now: datetime) -> dict[str, Any] | None:
    """An incident as everybody may know it, its words still sealed; None where there is nothing to know. Pure."""
    published = incident.published
    if published is None or incident.status not in {IncidentStatus.CONFIRMED, IncidentStatus.RESOLVED}:
        return None
    ended_at = incident.ended_at
    if ended_at is not None and ended_at <= now - ENDED_SHOWN:
        return None
    updates = [update for update in incident.updates if update.public][-UPDATES_MAX:]
    began = incident.first_seen_at or incident.opened_at or published.at
    return {
        "title": plain(published.title),
        "service": plain(published.service),
        "state": "open" if ended_at is None else "resolved",
        "since": began.replace(second=0, microsecond=0),
        "resolved_at": ended_at,
        "next_update_by": updates[-1].next_update_at if updates and ended_at is None else None,
        "updates": [_update(update) for update in reversed(updates)],
    }


def _update(update: Update) -> dict[str, Any]:
    return {"at": update.at, "text": plain(update.text), "next_update_by": update.next_update_at}


def _readable(one: Mapping[str, Any]) -> dict[str, Any]:
    """Words that are gone with their author are left out, not shown as gone."""
    gone = {ERASED, DAMAGED}
    return {
        **one,
        "title": UNNAMED if one["title"] in gone else one["title"],
        "service": None if one["service"] in gone else one["service"],
        "updates": [update for update in one["updates"] if update["text"] not in gone],
    }
