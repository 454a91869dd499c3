"""A form and its reader enter, the API's command leaves: a path and a body. Pure.

Raises NotSaid where a field lacks something.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.desk import words
from services.desk.first_line import code_of
from services.desk.reader import Reader, instant_of_input, next_morning

HOURS = {"1h": 1, "4h": 4}
MORNINGS = {"tomorrow": 1, "2d": 2, "7d": 7}

Fields = Mapping[str, str]


class NotSaid(Exception):
    """A field is missing or cannot be read; `sentence` stands beside it."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field
        self.sentence = sentence


@dataclass(frozen=True)
class Ask:
    """One command for the API. `done` is what the page says when it is carried out."""

    path: str
    body: dict[str, Any]
    done: str


def due_at(fields: Fields, reader: Reader) -> datetime | None:
    """The promised instant: a preset, a picked time, or None for the policy's default."""
    choice = fields.get("due", "")
    if choice in HOURS:
        return reader.now + timedelta(hours=HOURS[choice])
    if choice in MORNINGS:
        return next_morning(reader.now, reader.zone, MORNINGS[choice])
    if choice != "pick":
        return None
    try:
        return instant_of_input(fields.get("due_at", ""), reader.zone)
    except ValueError as error:
        raise NotSaid("due_at", "Pick the day and time of the next update.") from error


def checkpoint(fields: Fields, reader: Reader) -> dict[str, Any] | None:
    at = due_at(fields, reader)
    if at is None:
        return None
    return {"due_at": at.isoformat(), "text": fields.get("due_text") or None}


def reply(fields: Fields, reader: Reader) -> Ask:
    body = {"body": _need(fields, "body", "Write the reply first.")}
    return Ask(
        "replies", body | _given(checkpoint=checkpoint(fields, reader), status=fields.get("status")), "Reply sent"
    )


def note(fields: Fields, reader: Reader) -> Ask:
    return Ask("notes", {"body": _need(fields, "body", "Write the note first.")}, "Note added, for colleagues only")


def resolve(fields: Fields, reader: Reader) -> Ask:
    summary = _need(fields, "body", "Write what was done: it goes to the requester as the closing letter.")
    solved = {"yes": True, "no": False}.get(fields.get("solved", ""))
    body = {"summary": summary, "cause": fields.get("cause") or "unknown"}
    return Ask("resolution", body | _given(solved_for_good=solved), "Ticket resolved")


def assign(fields: Fields, reader: Reader) -> Ask:
    agent = fields.get("agent", "")
    agent = str(reader.session.agent) if agent == "me" and reader.session else agent
    return Ask("assignment", {"agent": agent or None}, "Assigned" if agent else "Nobody has the ticket now")


def status(fields: Fields, reader: Reader) -> Ask:
    chosen = _need(fields, "status", "Choose a status.")
    why = _need(fields, "explanation", "Say why: the requester reads it with the new status.")
    told = {"explanation": why} | _given(checkpoint=checkpoint(fields, reader))
    return Ask("status", {"status": chosen} | told, f"Status is now {words.status(chosen).lower()}")


def priority(fields: Fields, reader: Reader) -> Ask:
    chosen = _need(fields, "priority", "Choose a priority.")
    reason = _need(fields, "reason", "Say why: the reason stands in the timeline.")
    return Ask("priority", {"priority": chosen, "reason": reason}, f"Priority is now {chosen}")


def category(fields: Fields, reader: Reader) -> Ask:
    chosen = _need(fields, "category", "Write what the ticket is about.")
    return Ask("category", {"category": chosen} | _given(reason=fields.get("reason")), "Category set")


def move_checkpoint(fields: Fields, reader: Reader) -> Ask:
    promised = checkpoint(fields, reader)
    if promised is None:
        raise NotSaid("due", "Choose when the requester hears next.")
    return Ask("checkpoint", promised, "Promise moved")


def tags(fields: Fields, reader: Reader) -> Ask:
    added = [tag.strip() for tag in fields.get("add", "").split(",") if tag.strip()]
    removed = [tag for tag in (fields.get("remove", ""),) if tag]
    if not added and not removed:
        raise NotSaid("add", "Write a tag first; several are separated by commas.")
    return Ask("tags", {"add": added, "remove": removed}, "Tags changed")


def reopen(fields: Fields, reader: Reader) -> Ask:
    return Ask("reopen", {"reason": _need(fields, "reason", "Say why the ticket is opened again.")}, "Ticket reopened")


def close(fields: Fields, reader: Reader) -> Ask:
    return Ask(
        "close", {"reason": fields.get("reason") or "done"} | _given(remark=fields.get("remark")), "Ticket closed"
    )


def adopt(fields: Fields, reader: Reader) -> Ask:
    return Ask("adopt", {}, "Adopted: the promise and the clocks are live now")


def split(fields: Fields, reader: Reader) -> Ask:
    message = _need(fields, "message", "Choose the message that goes on by itself.")
    subject = _need(fields, "subject", "Say in a few words what the new ticket is about.")
    return Ask("split", {"messages": [message], "subject": subject}, "Split off as a ticket of its own")


def unsplit(fields: Fields, reader: Reader) -> Ask:
    other = _need(fields, "ticket", "Choose the ticket whose messages come back.")
    return Ask("unsplit", {"ticket": other} | _given(reason=fields.get("reason")), "The messages are back")


def step(fields: Fields, reader: Reader) -> Ask:
    """What stands on a checklist is kept by its code; words of one's own may name anybody, and are kept as such."""
    tried = _need(fields, "step", "Write what was tried.")
    known = code_of(tried)
    body = {"step": known or "other", "result": fields.get("result") or "done"}
    return Ask("steps", body | ({} if known else {"remark": tried}), "Step recorded")


def finding(fields: Fields, reader: Reader) -> Ask:
    text = _need(fields, "text", "Say in a sentence what was found.")
    cause = fields.get("cause") or "unknown"
    body = {"finding": fields.get("finding") or "we_must_fix", "cause": cause, "text": text}
    if cause == "bad_data":
        body["record"] = _need(fields, "record", "Name the bad record, so that somebody can mend it.")
    return Ask("finding", body, "Finding recorded")


def escalate(fields: Fields, reader: Reader) -> Ask:
    level = _need(fields, "level", "Choose the level that takes over.")
    reason = _need(fields, "reason", "Say why: the next level begins with it.")
    ruled_out = [line.strip() for line in fields.get("ruled_out", "").splitlines() if line.strip()]
    body = {"level": level, "reason": reason, "ruled_out": ruled_out} | _given(team=fields.get("team"))
    return Ask("escalation", body, f"{level} has it now")


COMMANDS: Mapping[str, Callable[[Fields, Reader], Ask]] = {
    "reply": reply,
    "note": note,
    "resolve": resolve,
    "assign": assign,
    "status": status,
    "priority": priority,
    "category": category,
    "checkpoint": move_checkpoint,
    "tags": tags,
    "reopen": reopen,
    "close": close,
    "step": step,
    "finding": finding,
    "escalate": escalate,
    "adopt": adopt,
    "split": split,
    "unsplit": unsplit,
}


def _need(fields: Fields, name: str, sentence: str) -> str:
    value = fields.get(name, "")
    if not value:
        raise NotSaid(name, sentence)
    return value


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "")}
