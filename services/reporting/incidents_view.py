"""Events of some lanes -> which incidents there are, and whose tickets are theirs. I/O.

An incident is folded anew whenever something happened to it: there are few, and each is short beside its tickets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from contracts.envelope import Recorded
from contracts.incident import Incident, IncidentStatus, fold
from contracts.model import Event
from services.kit.log.read import Position, read_stream
from services.kit.postgres import Connection, queries

SQL = queries("services/reporting/sql/incidents_write.sql")


class IncidentsView:
    """Keeps incidents and their members."""

    name = "incidents"

    async def apply(self, batch: Mapping[int, Sequence[Recorded[Event]]], connection: Connection) -> None:
        """Digests events of some lanes. What was digested before changes nothing."""
        upto: dict[UUID, Position] = {
            event.stream: Position(lane, event.position)
            for lane, events in batch.items()
            for event in events
            if event.type.startswith("incident.")
        }
        for stream, position in upto.items():
            history = await read_stream(connection, stream, as_of=position)
            await _put(connection, position.lane, stream, fold(history))


async def _put(connection: Connection, lane: int, stream: UUID, incident: Incident) -> None:
    if incident.status is IncidentStatus.ABSENT or incident.opened_at is None:
        return
    new = await connection.fetchval(
        SQL["put"], lane, stream, incident.version, incident.status.value, incident.opened_at, incident.updated_at,
        sorted(incident.clients), len(incident.members), incident.next_update_at,
    )  # fmt: skip
    if new is None:
        return
    members = incident.members.values()
    tickets = [member.ticket for member in members]
    await connection.execute(
        SQL["put_members"], lane, stream, tickets, [member.client for member in members],
        [member.strength for member in members],
    )  # fmt: skip
    await connection.execute(SQL["take_out"], lane, stream, tickets)
