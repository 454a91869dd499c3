"""(Recorded) -> the words of an event that search finds, still sealed. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

from contracts import tickets
from contracts.envelope import Recorded
from contracts.model import Event, Sealed

CHARACTERS_MAX = 50_000  # of one text that are searched; what lies behind is a log file, not a description


class Texts(NamedTuple):
    """The personal values of an event: what weighs most first. `exact` is found only as a whole."""

    title: tuple[str | Sealed, ...]
    body: tuple[str | Sealed, ...]
    exact: tuple[str, ...] = ()

    def persons(self) -> Iterator[UUID]:
        return (value.person for value in (*self.title, *self.body) if isinstance(value, Sealed))


def texts_of(event: Recorded[Event]) -> Texts | None:
    """What somebody wrote in an event of a ticket; None where nobody wrote."""
    match event.data:
        case tickets.TicketSubmitted(prefix=prefix, subject=subject, body=body, answers=answers):
            reference = f"{prefix}-{event.number}".lower()
            return Texts((subject,), (body, *answers.values()), (reference, str(event.number)))
        case tickets.MessageReceived(body=body) | tickets.ReplySent(body=body) | tickets.NoteAdded(body=body):
            return Texts((), (body,))
        case tickets.TicketResolved(summary=summary) if summary is not None:
            return Texts((), (summary,))
        case tickets.FindingRecorded(text=text, record=record):
            return Texts((), (text,) if record is None else (text, record))
        case _:
            return None


def shown_prefix(text: str) -> str:
    """The part of a text that is searched."""
    return text[:CHARACTERS_MAX]
