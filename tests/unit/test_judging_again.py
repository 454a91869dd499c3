"""An incident touches a ticket: given what was judged, then up at once, down as a suggestion, a person's word kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from contracts import tickets as tell
from contracts.clients import Tier
from contracts.terms import Channel, Priority, Urgency
from contracts.ticket_state import Closed, Held, Judgement, Open
from services.kit.rules.facts import Evidence, Facts
from services.kit.rules.priority import judge
from services.triage.judging import judge_again

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
PERSON = UUID(int=1)


def ticket(judged: tell.Judged | None, kind: type[Any] = Open, **more: Any) -> Any:
    """A ticket as folded after a judgement."""
    held = kind(
        id=UUID(int=3), client="acme", number=1, prefix="ACME", version=3, intake_version=1, origin="live",
        requester=PERSON, subject="s", channel=Channel.WEB, urgency=Urgency.LOW, language=None, source=None,
        source_status=None, opened_at=NOON, updated_at=NOON, category="email",
    )  # fmt: skip
    return replace(after(held, judged), **more)


def after(held: Held, judged: tell.Judged | None) -> Held:
    """The ticket after one more judgement, as the fold keeps it."""
    if judged is None:
        return held
    said = Judgement(
        judged.priority, "system:triage", NOON, judged.reasons, judged.urgency, judged.impact, judged.rule_version,
        smallest_change=judged.smallest_change, inputs=judged.inputs,
    )  # fmt: skip
    if isinstance(judged, tell.PrioritySuggested):
        return replace(held, suggested=said, by_rules=said)
    return replace(held, judgement=said, by_rules=said, suggested=None)


def by_hand(priority: Priority) -> Judgement:
    return Judgement(priority, "agent:1", NOON, reason="I know them")


ALONE = judge(Facts(stated=Urgency.LOW, category="email"))


@pytest.mark.parametrize(
    ("clients", "confirmed", "priority"),
    [(2, 0, Priority.P3), (5, 0, Priority.P1), (3, 3, Priority.P2), (10, 10, Priority.P1)],
)
def test_more_clients_with_the_same_problem_raise_a_priority_at_once(
    clients: int, confirmed: int, priority: Priority
) -> None:
    told = judge_again(ticket(ALONE), clients=clients, incident_clients=confirmed)
    assert isinstance(told, tell.TicketPrioritised)
    assert (ALONE.priority, told.priority) == (Priority.P4, priority)
    assert "clients_affected" in [reason.code for reason in told.reasons]


def test_the_same_incident_says_nothing_a_second_time() -> None:
    raised = judge_again(ticket(ALONE), clients=3, incident_clients=3)
    assert judge_again(ticket(raised), clients=3, incident_clients=3) is None


def test_growth_beyond_what_counts_says_nothing_new() -> None:
    raised = judge_again(ticket(ALONE), clients=40, incident_clients=40)
    assert judge_again(ticket(raised), clients=41, incident_clients=41) is None


def test_a_rejected_incident_only_suggests_the_lower_priority() -> None:
    held = ticket(judge_again(ticket(ALONE), clients=5, incident_clients=0))
    told = judge_again(held, clients=1, incident_clients=0)
    assert isinstance(told, tell.PrioritySuggested)
    assert (held.priority, told.priority) == (Priority.P1, Priority.P4)
    assert judge_again(after(held, told), clients=1, incident_clients=0) is None


def test_a_person_s_priority_is_raised_by_an_incident_and_never_lowered() -> None:
    set_low = ticket(ALONE, judgement=by_hand(Priority.P4))
    told = judge_again(set_low, clients=10, incident_clients=10)
    assert told is not None
    assert told.priority is Priority.P1
    set_high = ticket(ALONE, judgement=by_hand(Priority.P1))
    assert judge_again(set_high, clients=3, incident_clients=3) is None


def test_an_incident_that_asks_for_no_more_than_the_rules_did_leaves_a_person_s_word() -> None:
    words = (Evidence("outage", 15, ("nobody can",)),)
    urgent = judge(Facts(stated=Urgency.CRITICAL, words=words, category="network", tier=Tier.PREMIUM))
    lowered = ticket(urgent, judgement=by_hand(Priority.P4), category="network")
    assert urgent.priority is Priority.P1
    assert judge_again(lowered, clients=2, incident_clients=0) is None


def test_a_closed_ticket_is_left_alone() -> None:
    assert judge_again(ticket(ALONE, kind=Closed), clients=10, incident_clients=10) is None


def test_a_ticket_that_only_a_person_judged_is_raised_all_the_same() -> None:
    told = judge_again(ticket(None, judgement=by_hand(Priority.P4)), clients=10, incident_clients=10)
    assert told is not None
    assert told.priority is Priority.P1
