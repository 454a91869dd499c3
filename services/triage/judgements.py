"""A ticket's history and the new facts in it -> what triage says about them. Pure.

Triage answers a new fact at most once, raises a priority at once, lowers none by itself, and leaves alone what a person
has set. Text was read before (`reading`); from here on only numbers and codes decide, so a judgement replays bit for
bit from what the log holds: the ticket as it was folded, and the numbers that the judgement before it recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from contracts import sla
from contracts import tickets as tell
from contracts.clients import Tier
from contracts.envelope import Recorded
from contracts.learning import ModelSet
from contracts.model import Event
from contracts.terms import Tone
from contracts.ticket import INITIAL, evolve, fold
from contracts.ticket_state import Closed, Held, Resolved, Ticket
from services.kit.rules.facts import Facts, inputs_of
from services.kit.rules.priority import exchange_points, tone_points
from services.triage.judging import Judged, known_facts, matter_of, verdict
from services.triage.learned import points_of
from services.triage.reading import Reading, classified_event, merged_words, tone_event
from services.triage.tone import Heard, Table

NEW_FACTS: Final = frozenset(
    {
        "ticket.submitted",
        "ticket.message_received",
        "ticket.reply_sent",
        "ticket.category_set",
        "ticket.reopened",
        "ticket.resolved",
        "ticket.priority_set",
        "sla.warned",
        "sla.breached",
        "sla.met",
    }
)
"""Events that may be answered here."""

Fact = tell.TicketClassified | tell.ToneDetected | Judged | tell.CheckpointKept


class Answer(NamedTuple):
    """One fact of triage and the event that caused it."""

    cause: Recorded[Event]
    fact: Fact


def _standard(_: int) -> Tier:
    return Tier.STANDARD


def _no_claims(_: int) -> tuple[int, int]:
    return 0, 0


@dataclass(frozen=True)
class Given:
    """What is known beside a ticket's own history."""

    readings: Mapping[UUID, Reading] = field(default_factory=dict)
    """What was read in the texts of some events, by the events' ids."""
    tables: Mapping[str, Table] = field(default_factory=dict)
    tier_at: Callable[[int], Tier] = _standard
    """The client's tier at a position of the lane."""
    claims_at: Callable[[int], tuple[int, int]] = _no_claims
    """How often people had confirmed and denied the client's stated urgency by then."""
    model: ModelSet | None = None
    """What the desk learned from overrides, where it goes by it."""


NOTHING: Final = Given()


@dataclass
class _Walk:
    """What the walk along a history has met, beside the fold."""

    exchange_event: UUID | None = None
    reopened_by: tuple[UUID, ...] = ()
    promise_version: int = 0
    near: dict[tuple[str, str], int] = field(default_factory=dict)
    """The clocks that were warned of (1) or breached (2) and have not met their end since."""

    def meet(self, event: Recorded[Event], before: Ticket, after: Ticket) -> None:
        match event.data:
            case tell.TicketReopened():
                self.reopened_by = (*self.reopened_by, event.id)
            case tell.CheckpointPromised():
                self.promise_version = event.version
            case tell.MessageReceived() | tell.ReplySent() if _crossed(before, after):
                self.exchange_event = event.id
            case sla.SlaWarned(metric=metric, cycle=cycle):
                self.near.setdefault((metric, cycle), 1)
            case sla.SlaBreached(metric=metric, cycle=cycle):
                self.near[metric, cycle] = 2
            case sla.SlaMet(metric=metric, cycle=cycle):
                self.near.pop((metric, cycle), None)
            case _:
                pass


def answers(history: Sequence[Recorded[Event]], causes: Collection[int], given: Given = NOTHING) -> list[Answer]:
    """What triage says about the events of these versions, in order. `history` is the whole stream as it stands.

    The ticket as it stands now is folded on from the first cause, and what comes behind the last one only for it.
    """
    walk, answered = _Walk(), {(event.causation, event.type) for event in history}
    at: Ticket = INITIAL
    now: Ticket | None = None
    found: list[Answer] = []
    left = sum(event.version in causes for event in history)
    for place, event in enumerate(history, start=1):
        if not left:
            break
        before = at
        at = evolve(before, event)
        walk.meet(event, before, at)
        if event.version not in causes:
            continue
        left -= 1
        now = fold(history[place:], at) if now is None else now
        reading = given.readings.get(event.id)
        for step in (_kept, _classified, _toned, _judged):
            if not isinstance(at, Held) or not isinstance(now, Held):
                break
            fact = step(_Case(event, before, at, now, walk, history, given, reading))
            if fact is not None and (str(event.id), fact.type) not in answered:
                found.append(Answer(event, fact))
                told = event._replace(type=fact.type, actor="system:triage", data=fact)
                now = evolve(now, told)
                at = evolve(at, told) if left else at  # an answer counts no exchange: its own event needs no more of it
    return found


class _Case(NamedTuple):
    """One new fact: the ticket before it, with it, and as it stands now with what triage has answered so far."""

    event: Recorded[Event]
    before: Ticket
    at: Held
    now: Held
    walk: _Walk
    history: Sequence[Recorded[Event]]
    given: Given
    reading: Reading | None


def _kept(case: _Case) -> tell.CheckpointKept | None:
    """The promise is kept by a public answer, or by the solution, before it is due."""
    event, before = case.event, case.before
    if not isinstance(event.data, tell.ReplySent | tell.TicketResolved) or not isinstance(before, Held):
        return None
    promise = before.promise
    if promise is None or promise.outcome is not None or event.occurred_at > promise.due_at:
        return None
    if any(_settles(other, promise.due_at) and other.version > case.walk.promise_version for other in case.history):
        return None
    return tell.CheckpointKept(due_at=promise.due_at, kept_by=event.id)


def _settles(event: Recorded[Event], due_at: datetime) -> bool:
    return isinstance(event.data, tell.CheckpointKept | tell.CheckpointMissed) and event.data.due_at == due_at


def _classified(case: _Case) -> tell.TicketClassified | None:
    reading = case.reading
    return None if reading is None or reading.classified is None else classified_event(reading.classified)


def _toned(case: _Case) -> tell.ToneDetected | None:
    return None if case.reading is None else tone_event(case.event.id, case.reading.heard, case.given.tables)


def _judged(case: _Case) -> Judged | None:
    """The priority on the facts as they are with this event."""
    if not _is_new(case):
        return None
    event, walk, given = case.event, case.walk, case.given
    known, first = known_facts(case.now, given.tier_at(event.position)), case.now.by_rules is None
    changed: dict[str, Any] = {
        "exchanges": case.at.exchanges,
        "exchange_event": walk.exchange_event,
        "reopened_by": walk.reopened_by,
        "slack": max(walk.near.values(), default=0),
        "category": matter_of(case.now),
    }
    if first:
        changed["confirmed"], changed["denied"] = given.claims_at(event.position)
    if case.reading is not None:
        changed |= _heard(known, case.reading)
    facts = replace(known, **changed)  # once: a copy of so many facts takes its time
    if first and given.model is not None:  # later judgements keep what was learned when the first was made
        facts = replace(facts, learned=points_of(given.model, inputs_of(facts), case.now.client))
    return verdict(case.now, facts)


def _heard(facts: Facts, reading: Reading) -> dict[str, Any]:
    """What a text changes: new kinds of phrase, and its tone where it is hotter than those before."""
    heard: Heard = reading.heard
    found: dict[str, Any] = {"words": merged_words(facts.words, reading.words)}
    if heard.tone is Tone.SATISFIED:
        return found | {"tone": heard.tone, "tone_degree": heard.degree, "tone_words": ()}
    before = tone_points(facts.tone, facts.tone_degree), facts.tone_degree
    if facts.tone is not None and (tone_points(heard.tone, heard.degree), heard.degree) <= before:
        return found
    return found | {"tone": heard.tone, "tone_degree": heard.degree, "tone_words": heard.words}


def _is_new(case: _Case) -> bool:
    """Whether an event says what the priority depends on. The first judgement is due even to a closed ticket."""
    if isinstance(case.event.data, tell.TicketSubmitted):
        return case.now.judgement is None
    if isinstance(case.now, Resolved | Closed):
        return False
    match case.event.data:
        case tell.CategorySet() | tell.TicketReopened() | sla.SlaWarned() | sla.SlaBreached() | sla.SlaMet():
            return True
        case tell.MessageReceived():
            return case.reading is not None or _crossed(case.before, case.at)
        case tell.ReplySent():
            return _crossed(case.before, case.at)
        case _:
            return False


def _crossed(before: Ticket, after: Ticket | Held) -> bool:
    """Whether the exchanges have just reached a threshold."""
    if not isinstance(before, Held) or not isinstance(after, Held):
        return False
    return exchange_points(before.exchanges) != exchange_points(after.exchanges)
