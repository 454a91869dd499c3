"""GET /incidents and GET /incidents/{incident}: their streams, folded, opened, within the caller's rights. I/O."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import FastAPI, Query, Response
from pydantic import Field

from contracts.envelope import Actor, Recorded
from contracts.incident import Incident, IncidentStatus, fold
from contracts.model import DESK, Event, Sealed
from contracts.subjects import lane_of, lane_of_client
from services.kit.access import Caller, Principal
from services.kit.log.read import read_stream, recorded
from services.kit.personal import Vault
from services.kit.postgres import Connection, Pool, queries
from services.kit.references import read_id
from services.kit.web.problem import Problem
from services.reporting.asked import LAST, PageParameters
from services.reporting.find import names
from services.reporting.incidents_shape import Known, incident_shape, line_shape, seen_members, strongest
from services.reporting.list_places import END_OF_TIME, placed_id, placed_instant, read_place, write_place
from services.reporting.opened import answer, stored
from services.reporting.shapes_incidents import IncidentShape, IncidentsShape

if TYPE_CHECKING:
    from services.reporting.edge import Edge

SQL = queries("services/reporting/sql/incidents.sql")
DESK_LANE = lane_of_client(DESK)
OPEN = (IncidentStatus.CONFIRMED.value, IncidentStatus.SUSPECTED.value)

Reader = Connection | Pool


class IncidentParameters(PageParameters):
    status: list[IncidentStatus] = Field(default_factory=list, description="suspected, confirmed, …; none given: all")


def add_incident_routes(app: FastAPI, edge: Edge) -> None:
    @app.get("/incidents", responses={200: {"model": IncidentsShape}})
    async def incidents(caller: Caller, given: Annotated[IncidentParameters, Query()]) -> Response:
        """Incidents, the newest first. Who may see some clients sees theirs, and of those nothing of other clients."""
        reader = edge.reading(caller)
        at, after = read_place(given.cursor, (END_OF_TIME.isoformat(), str(LAST)))
        statuses = [status.value for status in given.status] or None
        rows = await reader.fetch(SQL["page"], statuses, placed_instant(at), placed_id(after), given.limit + 1)
        page = rows[: given.limit]
        streams = await _streams(reader, [row["incident"] for row in page])
        shown = [
            (row["incident"], await opened(edge.vault, fold(streams[row["incident"]])))
            for row in page
            if row["incident"] in streams
        ]
        known = await _known(reader, [incident for _, incident in shown], caller)
        following = None
        if len(rows) > len(page):
            following = write_place(page[-1]["opened_at"].isoformat(), str(page[-1]["incident"]))
        counts = {row["status"]: row["incidents"] for row in await reader.fetch(SQL["counts"])}
        items = [line_shape(identifier, incident, caller, known) for identifier, incident in shown]
        return await answer({"items": items, "next_cursor": following, "counts": counts}, edge.vault)

    @app.get("/incidents/{incident}", responses={200: {"model": IncidentShape}})
    async def one(caller: Caller, incident: Annotated[str, Field(max_length=80)]) -> Response:
        """One incident: evidence in words, growth, clients, tickets by strength of membership, updates, timeline."""
        stream = read_id(incident)
        if stream is None or lane_of(stream) != DESK_LANE:
            raise _none(incident)
        reader = edge.reading(caller)
        events = await read_stream(reader, stream)
        found = await opened(edge.vault, fold(events))
        if found.status is IncidentStatus.ABSENT or (caller.clients is not None and not seen_members(found, caller)):
            raise _none(incident)
        known = await _known(reader, [found], caller, events, tickets=True)
        return await answer(incident_shape(stream, found, events, caller, known), edge.vault)


def _none(asked: str) -> Problem:
    return Problem("not_found", f"there is no incident {asked[:80]}")


async def opened(vault: Vault, incident: Incident) -> Incident:
    """The incident with the words of its signs opened, so that sentences can be made of them."""
    signs = strongest(incident)
    await vault.load({sign.word.person for sign in signs if isinstance(sign.word, Sealed)})
    shown = {sign.key: sign.model_copy(update={"word": vault.shown(sign.word)}) for sign in signs}
    return replace(incident, signs=shown)


async def _streams(reader: Reader, incidents: Sequence[UUID]) -> dict[UUID, list[Recorded[Event]]]:
    found: dict[UUID, list[Recorded[Event]]] = defaultdict(list)
    for event in recorded(await reader.fetch(SQL["streams"], DESK_LANE, list(incidents))):
        found[event.stream].append(event)
    return found


async def _known(
    reader: Reader,
    incidents: Sequence[Incident],
    caller: Principal,
    events: Iterable[Recorded[Event]] = (),
    *,
    tickets: bool = False,
) -> Known:
    """Names of clients; for a whole page also its tickets, and who did what."""
    members = [member for incident in incidents for member in seen_members(incident, caller)]
    clients = {member.client for member in members}.union(*(incident.told_clients for incident in incidents))
    rows = await reader.fetch(SQL["names"], sorted(client for client in clients if caller.may_see(client)))
    known = Known(clients={row["client"]: row["name"] for row in rows})
    if tickets:
        known.tickets = await tickets_known(reader, [member.ticket for member in members])
        known.actors = await _actors(reader, {event.actor for event in events})
    return known


async def tickets_known(reader: Reader, tickets: Sequence[UUID]) -> Mapping[UUID, Mapping[str, Any]]:
    """Tickets as the queue has them."""
    lanes = sorted({lane_of(ticket) for ticket in tickets})
    return {
        row["ticket"]: {
            "reference": f"{row['prefix']}-{row['number']}",
            "subject": stored(row["subject"]),
            "status": row["status"],
            "priority": row["priority"],
        }
        for row in await reader.fetch(SQL["tickets"], lanes, list(tickets))
    }


async def _actors(reader: Reader, actors: set[str]) -> Mapping[str, Any]:
    agents = {UUID(actor.id) for actor in map(Actor.parse, actors) if actor.kind == "agent"}
    known = await names(reader, DESK_LANE, set(), agents)
    return {actor: known.of(actor) for actor in actors}


async def badged(reader: Reader, items: Sequence[Mapping[str, Any]], *, now: bool) -> list[dict[str, Any]]:
    """Lines of the queue, each with the incident that its ticket belongs to now; of the past nothing is said."""
    found = await badges(reader, [item["id"] for item in items]) if now and items else {}
    return [dict(item) | {"incident": found.get(item["id"])} for item in items]


async def badges(reader: Reader, tickets: Sequence[UUID]) -> Mapping[UUID, Mapping[str, Any]]:
    """The open incident of each ticket that belongs to one: a confirmed one before a suspected one."""
    found: dict[UUID, Mapping[str, Any]] = {}
    for row in await reader.fetch(SQL["of_tickets"], list(tickets), list(OPEN)):
        found.setdefault(row["ticket"], {"id": row["incident"], "status": row["status"]})
    return found
