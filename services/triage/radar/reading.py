"""Events of the log, in the order of all lanes -> what the radar makes of them: reports, opened. I/O for the keys.

The service and the back-test (`daybook radar --replay`) read with this, so both see the same tickets. Imports and
practice are no news of the desk's clients: an import tells of long ago, practice of nothing that happened.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from contracts.envelope import Origin, Recorded
from contracts.model import DESK, Event
from contracts.tickets import TicketSubmitted
from services.kit.log.merged import read_merged_of
from services.kit.log.read import Reader
from services.kit.personal import ERASED, Vault
from services.triage.radar.reports import Report
from services.triage.reading import form_service

SUBMITTED: Final = TicketSubmitted.type
WATCHED: Final = frozenset({Origin.LIVE, Origin.DEMO})
BATCH: Final = 500  # events of all types read at once


class Read(NamedTuple):
    """One event and, where it submits a ticket that the radar watches, its report."""

    event: Recorded[Event]
    report: Report | None


async def read_on(
    reader: Reader, vault: Vault, after: Mapping[int, int], types: Collection[str] = (SUBMITTED,), limit: int = BATCH
) -> tuple[list[Read], dict[int, int]]:
    """What follows these positions, as far as its order is settled; and the positions that were reached."""
    merged = await read_merged_of(reader, after, types, limit)
    return await opened(vault, merged.events), merged.upto


async def opened(vault: Vault, events: Sequence[Recorded[Event]], origins: Collection[str] = WATCHED) -> list[Read]:
    """These events, each with its report where it submits a ticket of one of these origins."""
    await vault.load({event.data.requester for event in events if isinstance(event.data, TicketSubmitted)})
    found = []
    for event in events:
        data = event.data
        watched = isinstance(data, TicketSubmitted) and event.origin in origins and event.client != DESK
        found.append(Read(event, report_of(vault, event, data) if watched else None))
    return found


def report_of(vault: Vault, event: Recorded[Event], data: Event) -> Report:
    """One ticket, its text opened; of a person who was erased it says nothing but that it came."""
    assert isinstance(data, TicketSubmitted)  # noqa: S101  the caller's choice
    subject, body = (said(vault.shown(text)) for text in (data.subject, data.body))
    return Report(
        at=event.occurred_at.timestamp(),
        client=event.client,
        ticket=str(event.stream),
        subject=subject,
        body=body,
        category=data.category,
        service=form_service({name: said(vault.shown(told)) for name, told in data.answers.items()}),
    )


def said(text: str) -> str:
    """An opened text; nothing where its person was erased."""
    return "" if text == ERASED else text
