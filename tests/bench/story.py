"""A ticket's life of 30 events, as the bulk of a log for the measurements that read. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from uuid_utils.compat import uuid7

from contracts.model import Event, Seal
from contracts.terms import CauseClass, Channel, PromisedBy, Status, Urgency
from contracts.tickets import (
    CheckpointPromised,
    MessageReceived,
    NoteAdded,
    ReplySent,
    StatusChanged,
    TicketAssigned,
    TicketResolved,
    TicketSubmitted,
)
from services.kit.log.append import NewEvent

EVENTS = 30
DUE = datetime(2026, 6, 1, tzinfo=UTC)
BODY = (
    "Since this morning nobody in our office in Lyon can print. The queue shows error 0x00000709 for every job, and "
    "the two printers on the ground floor are listed as offline although they answer to ping."
)


def story(stream: UUID, person: UUID, seal: Seal | None) -> list[NewEvent]:
    """The thirty events of one ticket, version 1 to 30."""
    return [
        NewEvent(uuid7(), stream, version, data, f"agent:{person}", seal)
        for version, data in enumerate(_data(person), start=1)
    ]


def _data(person: UUID) -> Iterator[Event]:
    yield TicketSubmitted(
        prefix="BENCH",
        requester=person,
        subject="Nobody can print in Lyon",
        body=BODY,
        channel=Channel.API,
        category="printing",
        urgency=Urgency.HIGH,
    )
    yield CheckpointPromised(due_at=DUE, by=PromisedBy.POLICY, text="We look into it and write to you")
    yield TicketAssigned(agent=person, team="printing")
    for round_ in range(5):
        yield NoteAdded(body=BODY)
        yield ReplySent(body=BODY)
        yield CheckpointPromised(due_at=DUE + timedelta(hours=round_), by=PromisedBy.POLICY)
        yield StatusChanged(status=Status.WAITING_FOR_CUSTOMER)
        yield MessageReceived(author=person, body=BODY, channel=Channel.MAIL)
    yield ReplySent(body=BODY)
    yield TicketResolved(summary=BODY, cause=CauseClass.DEVICE_SETTING)
