"""An event of an incident that people declared -> what the radar is to know of it, opened. I/O for texts and keys."""

from __future__ import annotations

from typing import Final, NamedTuple

from contracts.envelope import Recorded
from contracts.incident import fold
from contracts.incidents import IncidentOpened
from contracts.model import DESK, Event, Sealed
from contracts.tickets import TicketSubmitted
from services.kit.log.read import Reader, read_stream
from services.kit.personal import Vault
from services.triage.radar.reading import report_of, said
from services.triage.radar.reports import Report

TICKETS_MAX: Final = 12  # of one incident; what so many have in common, further ones say no better


class Declared(NamedTuple):
    """What people told of an incident up to some event."""

    tickets: tuple[Report, ...]
    title: Report


async def what_people_declared(reader: Reader, vault: Vault, event: Recorded[Event]) -> Declared | None:
    """The incident as it was after this event; None where the radar found it, or where it has tickets enough."""
    history = [one for one in await read_stream(reader, event.stream) if one.version <= event.version]
    if not history or not isinstance(history[0].data, IncidentOpened):
        return None
    incident = fold(history)
    if len(incident.members) > TICKETS_MAX:
        return None
    opened = history[0].data
    await vault.load({opened.title.person} if isinstance(opened.title, Sealed) else ())
    title = Report(event.occurred_at.timestamp(), DESK, "", said(vault.shown(opened.title)), "", None, opened.service)
    tickets = []
    for member in incident.members:
        events = await read_stream(reader, member)
        if events and isinstance(events[0].data, TicketSubmitted):
            await vault.load({events[0].data.requester})
            tickets.append(report_of(vault, events[0], events[0].data))
    return Declared(tuple(tickets), title)
