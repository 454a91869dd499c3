"""A ticket's events enter, the days of its timeline leave: letters as cards, everything else as one sentence. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.desk import lines, words
from services.desk.reader import Reader, span
from services.desk.shapes import TicketEvent

SILENCE_SECONDS = 2 * 86400  # shorter pauses are what the days' headings show anyway

LETTERS = {
    "ticket.submitted": "message",
    "ticket.message_received": "message",
    "ticket.reply_sent": "reply",
    "ticket.note_added": "note",
}


@dataclass(frozen=True)
class File:
    name: str
    size: str


@dataclass(frozen=True)
class Letter:
    """Words that somebody wrote: the requester's message, the desk's reply, or a note that stays inside."""

    id: str
    kind: str
    at: datetime
    who: str
    role: str
    via: str
    body: str | None
    files: tuple[File, ...]
    version: int
    is_letter: bool = True


@dataclass(frozen=True)
class Fact:
    """Something that happened, in one sentence."""

    id: str
    at: datetime
    line: lines.Line
    version: int
    is_letter: bool = False


@dataclass(frozen=True)
class Day:
    title: str
    gap: str | None
    """How long nothing happened before this day, where that was long."""
    entries: tuple[Letter | Fact, ...]


def days(events: Iterable[TicketEvent], reader: Reader, requester: str | None = None) -> list[Day]:
    """The timeline, oldest first. `requester` is whose words a submission is, whoever handed it in."""
    entries = [entry(event, reader, requester) for event in events]
    found: list[Day] = []
    last: datetime | None = None
    for on, group in _by_day(entries, reader):
        first = group[0].at
        quiet = (first - last).total_seconds() if last else 0.0
        gap = f"{span(quiet)} of silence" if quiet > SILENCE_SECONDS else None
        found.append(Day(_title(on, first, reader), gap, tuple(group)))
        last = group[-1].at
    return found


def entry(event: TicketEvent, reader: Reader, requester: str | None = None) -> Letter | Fact:
    kind = LETTERS.get(event.type)
    if kind is None:
        return Fact(str(event.id), event.time, lines.line(event, reader), event.version)
    data = event.data
    return Letter(
        id=str(event.id),
        kind=kind,
        at=event.time,
        who=_writer(event, kind, requester),
        role={"message": "requester", "reply": "reply to the requester", "note": ""}[kind],
        via=words.CHANNELS.get(str(data.get("channel") or ""), "") if kind == "message" else "",
        body=lines.opened(data.get("body")),
        files=tuple(_file(file) for file in data.get("attachments") or ()),
        version=event.version,
    )


def _writer(event: TicketEvent, kind: str, requester: str | None) -> str:
    """A message is its author's, even where a colleague or a program handed it in."""
    if kind == "message":
        return lines.opened(event.data.get("author_name")) or requester or "The requester"
    return event.actor_name or "The desk"


def tick_kind(event: TicketEvent) -> str:
    """How an event looks on the slider: words weigh more than facts, a broken promise most."""
    if event.type in {"ticket.checkpoint_missed", "sla.breached"}:
        return "bad"
    return LETTERS.get(event.type, "fact")


def newest_word(events: Sequence[TicketEvent]) -> int:
    """The version of the requester's newest message: what an agent must have seen before they answer."""
    heard = [event.version for event in events if LETTERS.get(event.type) == "message"]
    return max(heard, default=0)


@dataclass(frozen=True)
class Splitting:
    """What can be split off a ticket (id of the message, how it begins), and which splits can be undone (ticket, its
    reference)."""

    messages: list[tuple[str, str]]
    tickets: list[tuple[str, str]]


def splitting(events: Sequence[TicketEvent]) -> Splitting:
    return Splitting(_splittable(events), _splits(events))


def _splittable(events: Sequence[TicketEvent]) -> list[tuple[str, str]]:
    """The requester's later messages that are still here."""
    gone = {message for event in events if event.type == "ticket.split" for message in event.data.get("messages", ())}
    for event in events:
        if event.type == "ticket.unsplit":
            gone -= set(event.data.get("messages", ()))
    return [
        (str(event.id), " ".join((lines.opened(event.data.get("body")) or "[erased]").split())[:60])
        for event in events
        if event.type == "ticket.message_received" and str(event.id) not in gone
    ]


def _splits(events: Sequence[TicketEvent]) -> list[tuple[str, str]]:
    """The tickets that were split off and not taken back."""
    found: dict[str, str] = {}
    for event in events:
        if event.type == "ticket.split":
            found[str(event.data.get("into"))] = event.data.get("other_reference") or "a ticket"
        elif event.type == "ticket.unsplit":
            found.pop(str(event.data.get("out_of")), None)
    return list(found.items())


def _by_day(entries: Iterable[Letter | Fact], reader: Reader) -> list[tuple[date, list[Letter | Fact]]]:
    groups: list[tuple[date, list[Letter | Fact]]] = []
    for one in entries:
        on = reader.local(one.at).date()
        if not groups or groups[-1][0] != on:
            groups.append((on, []))
        groups[-1][1].append(one)
    return groups


def _title(on: date, first: datetime, reader: Reader) -> str:
    title = reader.day(first)
    return f"{title}, {on.day} {on:%B}" if title in ("Today", "Yesterday") else title


def _file(data: Any) -> File:
    told = data if isinstance(data, dict) else {}
    size = int(told.get("bytes") or 0)
    shown = f"{size / 1_048_576:.1f} MB" if size >= 1_048_576 else f"{max(1, size // 1024)} KB"
    return File(lines.opened(told.get("name")) or "a file", shown)
