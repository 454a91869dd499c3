"""A history and one event of it -> whether people confirmed or denied the urgency that was stated. Pure.

A ticket claims by a stated urgency above the normal, by urgent words or by a heated tone. It answers once: the first
time that a person sets its priority, or, where nobody does, when it is resolved with the priority that the claim had
given. The answers of a client make the Beta posterior by which its next claims are discounted (F28), so a client for
which everything is critical is soon taken to mean nothing by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from contracts import tickets as tell
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.terms import Inputs, Urgency
from services.kit.rules.priority import tone_points

CLAIMS: Final = frozenset({Urgency.HIGH, Urgency.CRITICAL})
"""What is more than the normal is a claim."""
ANSWERING: Final = frozenset({"ticket.priority_set", "ticket.resolved"})


class Claim(NamedTuple):
    """What became of one ticket's claim, at a position of its lane."""

    lane: int
    position: int
    client: str
    ticket: UUID
    confirmed: bool


def claims_anything(event: Recorded[Event]) -> bool:
    """Whether a judgement rests on something that the requester claimed."""
    match event.data:
        case tell.TicketSubmitted(urgency=urgency):
            return urgency in CLAIMS
        case tell.Judged(inputs=Inputs() as inputs):
            return any(points > 0 for _, points in inputs.phrases) or tone_points(inputs.tone, inputs.tone_degree) > 0
        case _:
            return False


def claims_in(history: Sequence[Recorded[Event]], versions: Iterable[int]) -> list[Claim]:
    """The claim of a ticket, if one of these versions is the first to answer it."""
    wanted = set(versions)
    by_rules, claimed = None, False
    for event in history:
        claimed = claimed or claims_anything(event)
        if not claimed and isinstance(event.data, tell.PrioritySet | tell.TicketResolved):
            return []  # nothing was claimed when a person judged it
        match event.data:
            case tell.TicketPrioritised(priority=priority):
                by_rules = priority
            case tell.PrioritySet(priority=priority):
                kept = by_rules is None or priority <= by_rules
                return [_claim(event, kept)] if event.version in wanted else []
            case tell.TicketResolved():
                return [_claim(event, confirmed=True)] if event.version in wanted else []
            case _:
                pass
    return []


def _claim(event: Recorded[Event], confirmed: bool) -> Claim:
    return Claim(event.lane, event.position, event.client, event.stream, confirmed)


def totals(before: tuple[int, int], claims: Iterable[Claim]) -> list[tuple[Claim, int, int]]:
    """Each claim with how many of its client's were confirmed and denied, it included."""
    confirmed, denied = before
    found = []
    for claim in claims:
        confirmed, denied = confirmed + claim.confirmed, denied + (not claim.confirmed)
        found.append((claim, confirmed, denied))
    return found
