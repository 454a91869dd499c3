"""The model learned from overrides: it learns what people do, is bounded, and is no better where there is nothing."""

from __future__ import annotations

from random import Random

from contracts.clients import Tier
from contracts.terms import Inputs, Priority, Urgency
from services.kit.rules.facts import facts_of
from services.kit.rules.priority import priority_by
from services.kit.rules.priority_table import SHIPPED
from services.triage.learned import BYTE, POINTS_MAX, UNIT, Lesson, compared, learn, points

MATTERS = ("email", "network", "printing", "request", None)


def judged(chance: Random) -> Inputs:
    phrases = (("outage", 15),) if chance.random() < 0.2 else ()
    return Inputs(
        stated=chance.choice([None, *Urgency]), phrases=phrases, matter=chance.choice(MATTERS), tier=Tier.STANDARD
    )


def lessons(count: int, *, wise: bool, seed: int = 3) -> list[Lesson]:
    """People who lower whatever Bolt says of its mail as far as they may, or who set one in ten by the dice."""
    chance = Random(seed)
    found = []
    for _ in range(count):
        inputs, client = judged(chance), chance.choice(["acme", "bolt"])
        wanted = priority_by(facts_of(inputs), SHIPPED)
        if wise and client == "bolt" and inputs.matter == "email":
            wanted = Priority.P3 if inputs.stated is Urgency.CRITICAL else Priority.P4
        elif not wise and chance.random() < 0.1:
            wanted = chance.choice(list(Priority))
        found.append(Lesson(client, inputs, wanted))
    return found


def test_a_habit_of_the_desk_is_learned_and_beats_the_rules() -> None:
    found = compared(lessons(1_500, wise=True), Random(1))
    assert found.model_is_better
    assert found.model_agrees > found.rules_agree
    assert 0 < found.low <= found.model_agrees - found.rules_agree <= found.high


def test_where_overrides_have_no_rule_the_model_is_not_better() -> None:
    found = compared(lessons(1_500, wise=False), Random(1))
    assert not found.model_is_better


def test_few_overrides_teach_nothing_and_none_are_no_fault() -> None:
    assert not compared(lessons(60, wise=True), Random(1)).model_is_better
    assert compared([], Random(1)).judged == 0


def test_the_same_history_gives_the_same_weights_in_one_byte_each_and_the_answer_is_bounded() -> None:
    told = lessons(600, wise=True)
    weights = learn(told)
    assert weights == learn(told)
    assert all(abs(weight) <= BYTE for weight in weights.values())
    loud = dict.fromkeys(weights, BYTE)
    assert all(abs(points(loud, UNIT, one.inputs, one.client)) <= POINTS_MAX for one in told[:50])
