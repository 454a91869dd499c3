"""A ticket's history and the new facts in it -> what triage says about them. Pure.

Triage answers a new fact at most once, raises a priority at once, never lowers one by itself, and leaves alone what a
person has set. It works on sealed text unopened: evidence in words is carried over from the first judgement.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from contracts import tickets as tell
from contracts.clients import Tier
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.ticket import INITIAL, evolve, fold
from contracts.ticket_state import Closed, Held, Judgement, Resolved, Ticket
from services.kit.rules.priority import Evidence, Facts, evidence_of, exchange_points, judge

NEW_FACTS: Final = frozenset(
    {
        "ticket.submitted",
        "ticket.message_received",
        "ticket.reply_sent",
        "ticket.category_set",
        "ticket.reopened",
        "ticket.resolved",
    }
)
"""Events that may be answered here."""


class Answer(NamedTuple):
    """One fact of triage and the event that caused it."""

    cause: Recorded[Event]
    fact: tell.TicketPrioritised | tell.CheckpointKept


@dataclass
class _Walk:
    """What the walk along a history has met, beside the fold."""

    exchange_event: UUID | None = None
    reopened_by: tuple[UUID, ...] = ()
    promise_version: int = 0

    def meet(self, event: Recorded[Event], before: Ticket, after: Ticket) -> None:
        match event.data:
            case tell.TicketReopened():
                self.reopened_by = (*self.reopened_by, event.id)
            case tell.CheckpointPromised():
                self.promise_version = event.version
            case tell.MessageReceived() | tell.ReplySent() if _crossed(before, after):
                self.exchange_event = event.id
            case _:
                pass


def answers(
    history: Sequence[Recorded[Event]],
    causes: Collection[int],
    tier_at: Callable[[int], Tier],
    words: tuple[Evidence, ...] = (),
) -> list[Answer]:
    """What triage says about the events of these versions, in order. `history` is the whole stream as it stands.

    `tier_at` gives the client's tier at a position of the lane; `words` is the evidence in the ticket's first text.
    """
    head, walk = fold(history), _Walk()
    answered = {(event.causation, event.type) for event in history}
    ticket: Ticket = INITIAL
    found: list[Answer] = []
    for event in history:
        before = ticket
        after = evolve(before, event)
        walk.meet(event, before, after)
        ticket = after
        if event.version not in causes or not isinstance(after, Held) or not isinstance(head, Held):
            continue
        for fact in (_kept(event, before, walk, history), _priority(event, before, after, head, walk, tier_at, words)):
            if fact is not None and (str(event.id), fact.type) not in answered:
                found.append(Answer(event, fact))
                ticket = evolve(ticket, event._replace(type=fact.type, actor="system:triage", data=fact))
    return found


def _kept(
    event: Recorded[Event], before: Ticket, walk: _Walk, history: Sequence[Recorded[Event]]
) -> tell.CheckpointKept | None:
    """The promise is kept by a public answer, or by the solution, before it is due."""
    if not isinstance(event.data, tell.ReplySent | tell.TicketResolved) or not isinstance(before, Held):
        return None
    promise = before.promise
    if promise is None or promise.outcome is not None or event.occurred_at > promise.due_at:
        return None
    if any(_settles(other, promise.due_at) and other.version > walk.promise_version for other in history):
        return None
    return tell.CheckpointKept(due_at=promise.due_at, kept_by=event.id)


def _settles(event: Recorded[Event], due_at: datetime) -> bool:
    return isinstance(event.data, tell.CheckpointKept | tell.CheckpointMissed) and event.data.due_at == due_at


def _priority(
    event: Recorded[Event],
    before: Ticket,
    after: Held,
    head: Held,
    walk: _Walk,
    tier_at: Callable[[int], Tier],
    words: tuple[Evidence, ...],
) -> tell.TicketPrioritised | None:
    current = after.judgement
    if not _is_new(event, before, after, head) or _by_a_person(head.judgement):
        return None
    facts = Facts(
        stated=after.urgency,
        words=evidence_of(current.reasons) if current is not None else words,
        exchanges=after.exchanges,
        exchange_event=walk.exchange_event,
        reopened_by=walk.reopened_by,
        category=after.category,
        tier=tier_at(event.position),
    )
    judged = judge(facts)
    return judged if current is None or judged.priority < current.priority else None


def _is_new(event: Recorded[Event], before: Ticket, after: Held, head: Held) -> bool:
    """Whether an event says what the priority depends on. The first judgement is due even to a closed ticket."""
    match event.data:
        case tell.TicketSubmitted():
            return head.judgement is None
        case tell.CategorySet() | tell.TicketReopened():
            return not isinstance(head, Resolved | Closed)
        case tell.MessageReceived() | tell.ReplySent():
            return _crossed(before, after) and not isinstance(head, Resolved | Closed)
        case _:
            return False


def _crossed(before: Ticket, after: Ticket | Held) -> bool:
    """Whether the exchanges have just reached a threshold."""
    if not isinstance(before, Held) or not isinstance(after, Held):
        return False
    return exchange_points(before.exchanges) != exchange_points(after.exchanges)


def _by_a_person(judgement: Judgement | None) -> bool:
    return judgement is not None and judgement.rule_version is None
