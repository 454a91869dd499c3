"""A request as its requester may see it enters, where it stands in plain words leaves. Pure; no jargon of the desk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.desk.shapes import GuestEntry, GuestTicket

STEPS = ("Arrived", "In work", "Solved", "Closed")
REACHED = {"new": 0, "open": 1, "waiting_for_customer": 1, "waiting_for_supplier": 1, "resolved": 2, "closed": 3}


@dataclass(frozen=True)
class Step:
    name: str
    done: bool
    now: bool


@dataclass(frozen=True)
class State:
    """Where a request stands: a title, what it means, what is being done now."""

    title: str
    sentence: str
    doing: str
    ended: bool
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Said:
    """One line of the history: somebody's words, or something that happened. `until` is a promised time."""

    at: datetime
    side: str
    who: str
    text: str | None
    what: str
    until: datetime | None = None

    @property
    def is_letter(self) -> bool:
        return not self.what


TOLD = {
    "new": (
        "It has arrived",
        "Your request is with us and waits for the first colleague.",
        "A colleague will read it and take it on.",
    ),
    "open": ("We are working on it", "A colleague has your request.", "A colleague is working on your request."),
    "waiting_for_customer": (
        "We are waiting for you",
        "We asked you something and go on as soon as you answer.",
        "Nothing until you answer: see the last message below.",
    ),
    "waiting_for_supplier": (
        "We are waiting for somebody else",
        "Another company has to do something first; we keep at it.",
        "We are in touch with the other company.",
    ),
    "resolved": (
        "It is solved",
        "We believe that this is solved.",
        "Nothing more is planned. If it is not solved, tell us below.",
    ),
    "closed": ("It is closed", "Your request is finished.", "Nothing more is planned."),
}


def state(ticket: GuestTicket) -> State:
    """The state of a request. What an agent promised to do is what is being done now."""
    title, sentence, doing = TOLD.get(ticket.status, TOLD["open"])
    ended = ticket.status in ("resolved", "closed")
    reached = REACHED.get(ticket.status, 1)
    steps = tuple(Step(name, place < reached, place == reached) for place, name in enumerate(STEPS))
    return State(title, sentence, doing if ended else ticket.next_update_text or doing, ended, steps)


WHAT = {
    "assigned": "A colleague took it on",
    "promised": "We promised to write by",
    "resolved": "Solved",
    "reopened": "Opened again",
    "closed": "Closed",
}
YOURS = ("submitted", "message")
LETTERS = (*YOURS, "reply")
GONE = "These words were erased."


def history(ticket: GuestTicket) -> list[Said]:
    """What was said and what happened, oldest first."""
    return [_said(entry) for entry in ticket.history]


def _said(entry: GuestEntry) -> Said:
    side = "you" if entry.kind in YOURS else "desk"
    who = entry.who or ("You" if side == "you" else "Support")
    if entry.kind in LETTERS:
        return Said(entry.at, side, who, entry.text or GONE, "")
    if entry.kind == "resolved" and entry.text:
        return Said(entry.at, side, "Solved", entry.text, "")
    what = (
        TOLD.get(entry.status or "", TOLD["open"])[0]
        if entry.kind == "status"
        else WHAT.get(entry.kind, "Something changed")
    )
    return Said(entry.at, side, who, entry.text, what, entry.due_at)
