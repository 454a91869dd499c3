"""What became of letters -> log and outbox, in one transaction, and the mailbox where the desk keeps them. I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import uuid5

from contracts.deliveries import DeliveryFailed, DeliverySent
from contracts.envelope import Origin
from contracts.model import Event
from services.kit.log.append import Append, NewEvent, append_in
from services.kit.postgres import Connection, queries
from services.notification.drafts import LETTER_OF, Draft, NoDraft, Row

SQL = queries("services/notification/sql/outbox.sql")

ACTOR: Final = "system:notification"
UNTOLD: Final = {"sandbox": "muted", "told": "sent"}
"""Ends that the log does not hear of: nothing was to be sent, or it knows."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A letter that was handed over: `via` is smtp or mailbox."""

    draft: Draft
    via: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A letter that goes nowhere any more, and the code that says why."""

    draft: Draft | NoDraft
    code: str
    attempts: int


End = Sent | Failed


async def end(connection: Connection, ends: Sequence[End], *, log_time: bool) -> None:
    """Tells outbox and log. Run it in a transaction, as its last step: the append holds lanes until the commit.

    A delivery's stream takes one such event: where it has one, the letter's end was told before, and that stands.
    """
    rows = [end.draft.row for end in ends]
    states = [_state(end) for end in ends]
    await connection.execute(
        SQL["end"],
        [row.lane for row in rows],
        [row.event for row in rows],
        [row.effect for row in rows],
        states,
        [end.code if isinstance(end, Failed) else None for end in ends],
    )
    appends = [_append(end, log_time=log_time) for end in ends if isinstance(end, Sent) or end.code not in UNTOLD]
    if appends:
        await append_in(connection, appends)


async def keep(connection: Connection, drafts: Sequence[Draft], now: datetime, *, log_time: bool) -> None:
    """Lays letters into the desk's own mailbox, sealed to their recipients."""
    rows = [_kept(draft, draft.row.occurred_at if log_time else now) for draft in drafts]
    if rows:
        await connection.execute(SQL["keep"], *zip(*rows, strict=True))


def _state(end: End) -> str:
    match end:
        case Sent():
            return "sent"
        case Failed(code=code):
            return UNTOLD.get(code, "failed")


def _append(end: End, *, log_time: bool) -> Append:
    row = end.draft.row
    event = NewEvent(
        id=uuid5(row.event, f"{row.effect}:ended"),
        stream=row.stream,
        version=1,
        data=_event(end, row),
        actor=ACTOR,
        causation=str(row.event),
        origin=Origin(row.origin),
        occurred_at=row.occurred_at if log_time else None,
        trace=row.trace,
    )
    return Append(row.client, [event])


def _event(end: End, row: Row) -> Event:
    letter = LETTER_OF[row.effect]
    match end:
        case Sent(draft=draft, via=via):
            return DeliverySent(
                letter=letter, ticket=row.ticket, person=draft.person, via=via, message_id=draft.message_id
            )
        case Failed(draft=draft, code=code, attempts=attempts):
            return DeliveryFailed(
                letter=letter, ticket=row.ticket, person=draft.person, code=code, attempts=attempts
            )  # fmt: skip


def _kept(draft: Draft, at: datetime) -> tuple[object, ...]:
    row = draft.row
    parts = {
        "to": draft.address,
        "name": draft.name,
        "subject": draft.letter.subject,
        "text": draft.letter.text,
        "html": draft.letter.html,
    }
    content = {name: draft.seal(part) for name, part in parts.items()}
    return (
        row.lane, row.stream, at, row.client, row.ticket, draft.reference, draft.person, row.effect, draft.language,
        draft.message_id, draft.headers, content,
    )  # fmt: skip
