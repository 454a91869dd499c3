"""(an event, its ticket's history, routes, people) -> whether routing has to say who works the ticket, and what. Pure.

A new ticket is given to somebody once it is classified and prioritised; one that was escalated goes to the next level.
What a person has assigned stays theirs, what was imported is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from contracts import tickets as tell
from contracts.envelope import Origin, Recorded
from contracts.model import Event
from contracts.people import Level
from contracts.ticket import fold
from contracts.ticket_state import Absent, Closed, Held, Resolved
from services.kit.rules.routing import LEVELS, Matter, Routed, Worker, sentence

ACTOR: Final = "system:triage"
TYPES: Final = (
    "ticket.classified",
    "ticket.prioritised",
    "ticket.priority_set",
    "ticket.category_set",
    "ticket.escalated",
)
"""After which a ticket may have to be given to somebody."""
MOVES: Final = ("ticket.assigned", "ticket.resolved", "ticket.closed", "ticket.merged", "ticket.reopened",
                "ticket.unmerged")  # fmt: skip
"""After which somebody has more to do, or less."""
UNKNOWN: Final = "unknown"

History = Sequence[Recorded[Event]]
Standing = tuple[int, UUID, UUID | None, int]
"""A lane, a ticket, who has it while it is open, and the version that says so."""


def asked_of(event: Recorded[Event], history: History) -> Held | None:
    """The ticket that has to be given to somebody because of an event; None where it is nobody's business any more."""
    held = fold(history)
    if isinstance(held, Absent | Resolved | Closed) or held.origin == Origin.IMPORT:
        return None
    assigned = [one for one in history if isinstance(one.data, tell.TicketAssigned)]
    if isinstance(event.data, tell.TicketEscalated):
        since = any(one.version > event.version for one in assigned)
        return None if since or event.data.team is not None or held.level != event.data.level else held
    owned = held.agent is not None or held.team is not None or any(one.actor != ACTOR for one in assigned)
    judged = held.judgement is not None and (held.classification is not None or held.by_rules is not None)
    return held if judged and not owned else None


def matter_of(held: Held, history: History) -> Matter:
    """What routes are held against. The language is the one that was stated, or else heard."""
    heard = [one.data.language for one in history if isinstance(one.data, tell.ToneDetected)]
    spoken = next((code for code in (held.language, *reversed(heard)) if code and code != UNKNOWN), None)
    language = None if spoken is None else spoken.partition("-")[0].lower()
    level = Level(held.level) if held.level else Level.L1
    return Matter(client=held.client, category=held.category, level=level, language=language)


def command_of(held: Held, found: Routed, workers: Sequence[Worker]) -> dict[str, Any] | None:
    """The body of the assignment; None where it stays as it is. Who has an escalated ticket and can work it there keeps
    it, and nobody loses one to a team that has nobody of that level."""
    if found.team is None:
        return None
    if held.agent is not None:
        able = [one for one in workers if found.team in one.teams and _reaches(one, held)]
        if not able or any(one.id == held.agent for one in able):
            return None
    if (found.agent, found.team) == (held.agent, held.team):
        return None
    return {
        "agent": None if found.agent is None else str(found.agent),
        "team": found.team,
        "reason": sentence(found),
    }


def _reaches(one: Worker, held: Held) -> bool:
    return LEVELS.index(one.level) >= LEVELS.index(Level(held.level or Level.L1))


def standing(event: Recorded[Event]) -> Standing | None:
    """Who has a ticket by an event alone; None where its history has to be read."""
    match event.data:
        case tell.TicketAssigned(agent=agent):
            return event.lane, event.stream, agent, event.version
        case tell.TicketResolved() | tell.TicketClosed() | tell.TicketMerged():
            return event.lane, event.stream, None, event.version
        case _:
            return None


def standing_again(event: Recorded[Event], history: History) -> Standing:
    """Who has a ticket that was opened again."""
    held = fold(history)
    agent = None if isinstance(held, Absent | Resolved | Closed) else held.agent
    return event.lane, event.stream, agent, event.version
