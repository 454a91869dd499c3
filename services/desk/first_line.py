"""A ticket's events enter; what was tried, what was found and what was ruled out leave. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.desk import words
from services.desk.asking import about
from services.desk.lines import opened
from services.desk.shapes import TicketEvent

RULED_OUT_MAX: Final = 50  # what one escalation carries
LEVELS: Final = ("L1", "L2", "L3")

CHECKLISTS: Final[dict[str, tuple[str, ...]]] = {
    "": ("reproduced it", "restarted the program", "restarted the device", "tried another account"),
    "network": ("restarted the router", "tried another cable", "tried another network", "checked the outage page"),
    "vpn": ("signed in again", "tried another gateway", "tried another network", "updated the client"),
    "email": ("checked the spam folder", "checked the mailbox’s size", "sent a test message", "tried the web mail"),
    "printing": ("restarted the printer", "printed a test page", "reinstalled the driver", "tried another computer"),
    "access": ("reset the password", "unlocked the account", "tried another browser", "checked the rights"),
    "billing": ("compared it with the order", "checked the tax rate", "checked the account"),
    "hardware": ("restarted the device", "tried another cable", "tried another device", "updated the driver"),
    "telephony": ("restarted the phone", "called another number", "tried another line"),
    "application": ("cleared the cache", "tried another browser", "updated the program", "tried another account"),
    "data": ("compared it with the source", "loaded it again", "checked the rights", "looked at the backup"),
}
"""Steps that are tried first, by what a case is about. Each is a code too: only what stands here is kept in clear."""


@dataclass(frozen=True)
class Step:
    what: str
    result: str
    at: datetime

    @property
    def result_words(self) -> str:
        return words.STEP_RESULTS.get(self.result, words.plain(self.result))


@dataclass(frozen=True)
class Found:
    """A finding in words. `record` is the bad one, where the data is bad."""

    finding: str
    cause: str
    text: str | None
    record: str | None
    who: str | None
    at: datetime


@dataclass(frozen=True)
class Escalated:
    level: str
    team: str | None
    reason: str | None
    ruled_out: tuple[str, ...]
    who: str | None
    at: datetime


@dataclass(frozen=True)
class FirstLine:
    """What the first line did. `ruled_out` is what an escalation would carry, one a line; `why` what it would say."""

    steps: tuple[Step, ...]
    found: Found | None
    escalated: Escalated | None
    ruled_out: str
    why: str
    checklist: tuple[str, ...]
    next_levels: tuple[str, ...]


def first_line(events: Sequence[TicketEvent], category: str | None, level: str | None) -> FirstLine:
    steps = tuple(_step(event) for event in events if event.type == "ticket.step_recorded")
    found = next((_found(event) for event in reversed(events) if event.type == "ticket.finding_recorded"), None)
    raised = [_escalated(event) for event in events if event.type == "ticket.escalated"]
    carried = dict.fromkeys(line for one in raised for line in one.ruled_out)
    useless = dict.fromkeys(f"{step.what}: did not help" for step in steps if step.result == "did_not_help")
    done = {step.what for step in steps}
    offered = (*CHECKLISTS.get(about(events, category) or "", ()), *CHECKLISTS[""])
    above = LEVELS[LEVELS.index(level) + 1 :] if level in LEVELS else LEVELS[1:]
    return FirstLine(
        steps=steps,
        found=found,
        escalated=raised[-1] if raised else None,
        ruled_out="\n".join([*carried, *(line for line in useless if line not in carried)][:RULED_OUT_MAX]),
        why=(found.text if found else None) or "",
        checklist=tuple(dict.fromkeys(words.plain(step) for step in offered if words.plain(step) not in done)),
        next_levels=above or LEVELS[-1:],
    )


def code_of(step: str) -> str | None:
    """The code of a step that stands on a checklist; None for words of somebody's own, which may name anybody."""
    said = step.strip().casefold()
    return next((one for steps in CHECKLISTS.values() for one in steps if one.casefold() == said), None)


def _step(event: TicketEvent) -> Step:
    """What was tried: the words of one's own where the code says no more than that there are some."""
    code, remark = str(event.data.get("step") or ""), opened(event.data.get("remark"))
    what = remark or "[erased]" if code == "other" else words.plain(code)
    return Step(what, str(event.data.get("result") or ""), event.time)


def _found(event: TicketEvent) -> Found:
    data = event.data
    return Found(
        finding=words.FINDINGS.get(str(data.get("finding")), words.plain(data.get("finding"))),
        cause=words.CAUSES.get(str(data.get("cause")), words.plain(data.get("cause"))),
        text=opened(data.get("text")),
        record=opened(data.get("record")),
        who=event.actor_name,
        at=event.time,
    )


def _escalated(event: TicketEvent) -> Escalated:
    data = event.data
    lines = tuple(line for line in map(opened, data.get("ruled_out") or ()) if line)
    return Escalated(
        str(data.get("level") or ""), data.get("team"), opened(data.get("reason")), lines, event.actor_name, event.time
    )
