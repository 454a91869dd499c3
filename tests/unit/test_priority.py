"""The priority: points, bands, matrix, floors, reasons, and what would have changed it."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.catalogue import decode, encode
from contracts.clients import Tier
from contracts.terms import Priority, Tone, Urgency
from contracts.tickets import TicketPrioritised
from services.kit.rules import priority as rules
from services.kit.rules.facts import facts_of
from services.kit.rules.priority import Evidence, Facts, judge

URGENT = Evidence("outage", 15, ("nobody can",))
LOST = Evidence("data_loss", 15, ("lost all data",))
GRAVE = Evidence("grave", 25, ("restarts",))
SLIGHT = Evidence("slight", -10, ("comment",))

FACTS = st.builds(
    Facts,
    stated=st.none() | st.sampled_from(Urgency),
    words=st.lists(st.sampled_from([URGENT, LOST, Evidence("urgent", 5, ("asap",)), GRAVE, SLIGHT]), max_size=4).map(
        tuple
    ),
    confirmed=st.integers(0, 9),
    denied=st.integers(0, 9),
    tone=st.none() | st.sampled_from(Tone),
    tone_degree=st.sampled_from([0.0, 0.29, 0.3, 0.74, 0.75, 1.0]),
    exchanges=st.integers(1, 30),
    reopened_by=st.just(()) | st.uuids().map(lambda event: (event,)),
    slack=st.integers(0, 2),
    learned=st.none() | st.integers(-25, 25).map(float),
    category=st.none() | st.sampled_from([*rules.SERVICES, "coffee"]),
    tier=st.sampled_from(Tier),
    senior_sender=st.booleans(),
    clients=st.integers(1, 40),
    incident_clients=st.integers(0, 12),
)


@pytest.mark.parametrize(
    ("stated", "category", "tier", "expected"),
    [
        (Urgency.CRITICAL, "network", Tier.PREMIUM, Priority.P1),
        (Urgency.HIGH, "network", Tier.PREMIUM, Priority.P2),
        (Urgency.NORMAL, "network", Tier.PREMIUM, Priority.P2),
        (Urgency.NORMAL, "network", Tier.STANDARD, Priority.P3),
        (Urgency.CRITICAL, "email", Tier.STANDARD, Priority.P2),
        (Urgency.NORMAL, "email", Tier.STANDARD, Priority.P3),
        (Urgency.LOW, "email", Tier.STANDARD, Priority.P4),
        (Urgency.CRITICAL, "request", Tier.BASIC, Priority.P3),
        (None, None, Tier.STANDARD, Priority.P3),
    ],
)
def test_stated_urgency_service_and_tier_give_the_priority_of_the_matrix(
    stated: Urgency | None, category: str | None, tier: Tier, expected: Priority
) -> None:
    assert judge(Facts(stated=stated, category=category, tier=tier)).priority is expected


def test_an_outage_at_a_premium_client_said_to_be_critical_is_p1() -> None:
    judged = judge(Facts(stated=Urgency.CRITICAL, words=(URGENT,), category="network", tier=Tier.PREMIUM))
    assert (judged.priority, judged.urgency, judged.impact) == (Priority.P1, 50, 80)


@given(FACTS)
def test_no_text_of_one_requester_reaches_p1(facts: Facts) -> None:
    stated = Urgency.HIGH if facts.stated is Urgency.CRITICAL else facts.stated
    alone = replace(facts, stated=stated, slack=0, reopened_by=(), clients=1, incident_clients=0)
    assert judge(alone).priority is not Priority.P1


def test_a_text_that_would_be_p1_is_p2_and_it_is_said_why_and_what_is_missing() -> None:
    shouted = Facts(words=(URGENT, LOST), tone=Tone.ANGRY, tone_degree=1, category="network", tier=Tier.PREMIUM)
    judged = judge(shouted)
    assert (judged.priority, judged.urgency, judged.impact) == (Priority.P2, 50, 80)
    assert judged.reasons[-1].code == "text_alone"
    enough: tuple[dict[str, Any], ...] = (
        {"stated": Urgency.CRITICAL},
        {"stated": Urgency.HIGH, "slack": 2},
        {"clients": 2},
    )
    for more in enough:
        assert judge(replace(shouted, **more)).priority is Priority.P1
        assert "text_alone" not in [reason.code for reason in judge(replace(shouted, **more)).reasons]


def test_words_of_a_small_matter_lower_the_priority_of_a_text_by_one() -> None:
    assert judge(Facts(words=(SLIGHT,))).priority is Priority.P4
    assert judge(Facts(words=(GRAVE,))).priority is Priority.P2
    assert judge(Facts(words=(GRAVE, URGENT, LOST, URGENT))).urgency == 10 + rules.WORDS_MAX


def test_urgent_words_together_bring_no_more_than_their_limit() -> None:
    judged = judge(Facts(stated=Urgency.LOW, words=(URGENT, LOST)))
    assert judged.urgency == rules.WORDS_MAX
    assert [reason.points for reason in judged.reasons if reason.code.startswith("words.")] == [15, 10]


@pytest.mark.parametrize(("clients", "points"), [(1, 0), (2, 20), (4, 40), (8, 60), (500, 60)])
def test_every_doubling_of_clients_counts_the_same_up_to_a_limit(clients: int, points: float) -> None:
    assert judge(Facts(category="question", tier=Tier.BASIC, clients=clients)).impact == points


@pytest.mark.parametrize(
    ("clients", "category", "expected"),
    [
        (2, "question", Priority.P4),
        (3, "question", Priority.P2),
        (10, "question", Priority.P1),
        (1, "network", Priority.P1),
    ],
)
def test_a_confirmed_incident_sets_a_floor(clients: int, category: str, expected: Priority) -> None:
    facts = Facts(stated=Urgency.LOW, category=category, tier=Tier.BASIC, incident_clients=clients)
    assert judge(facts).priority is expected


@pytest.mark.parametrize(
    ("category", "points"), [("network-vpn", 60), ("Printing", 20), ("coffee", 40), (None, 40), ("howto", 0)]
)
def test_a_category_names_its_service(category: str | None, points: int) -> None:
    assert rules.service_of(category)[1] == points


@given(FACTS)
def test_the_reasons_add_up_to_the_sums_exactly(facts: Facts) -> None:
    judged = judge(facts)
    assert sum(reason.points for reason in judged.reasons if reason.axis == "urgency") == judged.urgency
    assert sum(reason.points for reason in judged.reasons if reason.axis == "impact") == judged.impact


@given(FACTS)
def test_the_same_facts_give_the_same_event_to_the_last_byte(facts: Facts) -> None:
    first = encode(judge(facts))
    rules._smallest_change.cache_clear()
    assert encode(judge(facts)) == first


@given(FACTS)
def test_a_judgement_made_again_from_its_own_numbers_is_the_same_to_the_last_byte(facts: Facts) -> None:
    judged = judge(facts)
    stored = decode(judged.type, 1, encode(judged))
    assert stored == judged
    assert isinstance(stored, TicketPrioritised)
    assert stored.inputs is not None
    again = judge(facts_of(stored.inputs, stored.reasons))
    assert encode(again) == encode(judged)


@given(FACTS)
def test_the_smallest_change_names_another_priority(facts: Facts) -> None:
    judged = judge(facts)
    if judged.smallest_change is None:
        assert facts.incident_clients
    else:
        assert judged.smallest_change[-2:] in set(Priority) - {judged.priority}


def test_no_single_change_is_smaller_than_the_one_that_is_named() -> None:
    judged = judge(Facts(stated=Urgency.CRITICAL, category="email"))
    assert judged.smallest_change == "stated urgency “high” would have made it P3"


def test_more_urgency_or_impact_never_lowers_a_priority() -> None:
    order = [
        judge(Facts(stated=stated, category=category)).priority
        for stated, category in product(Urgency, ["question", "email", "network"])
    ]
    for stated in range(4):
        row = order[stated * 3 : stated * 3 + 3]
        assert row == sorted(row, reverse=True)
