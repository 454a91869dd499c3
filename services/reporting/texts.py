"""(Recorded) -> the words of an event that search finds, still sealed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple
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


WINDOWS: Final = (12, 15, 18)
"""How many bits of a position are left out to name the block of a lane in which a text lies: 4 thousand events, 32
thousand, 262 thousand."""


def marks(lane: int, position: int, client: str) -> list[str]:
    """Words that nobody can type: whose text it is, and in which blocks of its lane it lies. A search for a common word
    takes the newest blocks alone, without looking at what lies before."""
    return [client_mark(client), *(block_mark(lane, bits, position >> bits) for bits in WINDOWS)]


def client_mark(client: str) -> str:
    return f"~{client}"


def block_mark(lane: int, bits: int, block: int) -> str:
    return f"~{lane}.{bits}.{block}"


def newest_blocks(heads: Mapping[int, int], bits: int) -> list[str]:
    """The marks of the last two blocks of each lane, given how far it has come: at least one block's worth."""
    blocks = ((lane, head >> bits) for lane, head in heads.items())
    return [block_mark(lane, bits, block - back) for lane, block in blocks for back in (0, 1) if block >= back]


def shown_prefix(text: str) -> str:
    """The part of a text that is searched."""
    return text[:CHARACTERS_MAX]
