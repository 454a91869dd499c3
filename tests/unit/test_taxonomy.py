"""A desk's own categories, learned from corrections: better where they have a rule, refused where they have none."""

from __future__ import annotations

from functools import cache
from random import Random
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from contracts.catalogue import decode, encode
from contracts.learning import ModelSet
from services.triage.category import classify
from services.triage.reading import classified_event, read_ticket
from services.triage.taxonomy import Lesson, Taxonomy, learner, lesson, taught, taxonomy_of, words_of, written_down
from services.triage.taxonomy_learn import ALIKE_MIN, compared, learn, sureness
from services.triage.tone_tables import load_tables
from services.triage.words import STOP

SECRET: Final = b"of this desk"
MATTERS: Final = {
    "payroll": ("salary", "payslip", "overtime", "wages", "allowance", "bonus"),
    "badges": ("badge", "turnstile", "doorway", "gate", "lanyard", "reception"),
    "fleet": ("van", "tyres", "mileage", "fuel", "garage", "windscreen"),
    "canteen": ("lunch", "menu", "kitchen", "coffee", "voucher", "tray"),
    "printing": ("printer", "toner", "paper jam", "scanner", "printing", "print"),
}
FILLING: Final = tuple("since yesterday it seems our colleagues cannot use this and wait for an answer".split())  # noqa: SIM905


def text_of(matter: str, chance: Random) -> str:
    """A made-up ticket: two words of its matter among others'."""
    said = chance.sample(MATTERS[matter], 2) + chance.sample(FILLING, 6)
    chance.shuffle(said)
    return " ".join(said)


def told(text: str, wanted: str, client: str = "acme", chosen: str | None = None) -> Lesson:
    rules, by_words = classify("", text, chosen), classify("", text)
    return lesson(client, "", text, rules, by_words, wanted, SECRET)


def history(count: int, *, wise: bool, seed: int = 3, chosen: str | None = None) -> list[Lesson]:
    """People who set every ticket's category by what it is about, or by the dice."""
    chance = Random(seed)
    found = []
    for _ in range(count):
        matter = chance.choice(list(MATTERS))
        wanted = matter if wise else chance.choice(list(MATTERS))
        found.append(told(text_of(matter, chance), wanted, chosen=chosen))
    return found


@cache
def taught_by_text() -> Taxonomy:
    """The model of a desk where nothing is chosen and everything is corrected."""
    return switched(history(300, wise=True))


def switched(lessons: list[Lesson]) -> Taxonomy:
    found, model = compared(lessons, Random(1))
    assert found.model_is_better
    event = written_down(model, found, SECRET, on=True)
    stored = decode("model.set", ModelSet.schema_version, encode(event))
    assert isinstance(stored, ModelSet)
    again = taxonomy_of(stored, 4, SECRET)
    assert again is not None
    return again


def test_three_hundred_corrections_by_one_taxonomy_beat_the_rules() -> None:
    found, _ = compared(history(300, wise=True), Random(1))
    assert found.model_is_better
    assert found.model_agrees > 0.8 > 0.3 > found.rules_agree, "the rules know printers alone"


def test_corrections_by_the_dice_are_refused() -> None:
    assert not any(compared(history(300, wise=False, seed=seed), Random(1))[0].model_is_better for seed in range(3))


def test_few_corrections_teach_nothing_and_none_are_no_fault() -> None:
    assert not compared(history(20, wise=True), Random(1))[0].model_is_better
    assert compared([], Random(1))[0].judged == 0
    assert taught(learn([], Random(1)), SECRET, "acme", "", "payslip", classify("", "payslip")).source == "unsure"


def test_what_was_only_kept_is_no_correction_else_a_model_would_learn_from_itself() -> None:
    kept = [one._replace(set_by_person=False) for one in history(300, wise=True)]
    found, _ = compared(kept, Random(1))
    assert (found.overridden, found.model_is_better) == (0, False)


def test_where_people_keep_what_the_rules_say_nothing_is_switched() -> None:
    chance = Random(5)
    texts = [text_of("printing", chance) for _ in range(200)]
    assert not compared([told(text, "printing") for text in texts], Random(1))[0].model_is_better


def test_an_answer_says_what_it_was_learned_from_and_quotes_the_words() -> None:
    model = taught_by_text()
    rules = classify("", "my payslip lacks overtime")
    answer = taught(model, SECRET, "acme", "", "my payslip lacks overtime", rules)
    assert (rules.category, answer.category, answer.source) == (None, "payroll", "learned")
    assert answer.confidence >= 0.8
    assert {"payslip", "overtime"} <= set(answer.words)
    event = classified_event(answer)
    assert (event.rule_version, event.learned_from) == ("category-3/taxonomy-1.4", model.learned_from)
    assert 200 < model.learned_from <= 300


def test_what_no_word_tells_stays_unsure() -> None:
    model = taught_by_text()
    for text in ("", "it does not work today", "ملف لا يعمل", "xyzzy " * 1_000, "\u200b\u202e" * 50):
        rules = classify("", text)
        assert taught(model, SECRET, "acme", "", text, rules) == rules
        assert rules.category is None


def test_a_choice_is_overruled_only_where_people_did_so_time_and_again() -> None:
    text = "payslip without overtime since yesterday"
    chosen = classify("", text, "general")
    assert taught(taught_by_text(), SECRET, "acme", "", text, chosen) == chosen, "choices were not corrected there"
    always = switched(history(600, wise=True, chosen="general"))
    assert taught(always, SECRET, "acme", "", text, chosen).category == "payroll"


def test_a_ticket_is_read_with_the_desk_s_own_model() -> None:
    model = taught_by_text()
    told_so = read_ticket(
        "Payslip", "overtime is missing", load_tables(),
        taught=lambda subject, text, rules: taught(model, SECRET, "acme", subject, text, rules),
    )  # fmt: skip
    assert told_so.classified is not None
    assert (told_so.classified.category, told_so.classified.service) == ("payroll", None)


def test_the_same_history_gives_the_same_model_and_no_word_stands_in_it() -> None:
    lessons = history(300, wise=True)
    model = learn(lessons, Random(1))
    assert model == learn(lessons, Random(1))
    held = {name for name in model.weights if not name.startswith(("client ", "rules "))}
    assert held
    assert all(len(name) == 10 and int(name, 16) >= 0 for name in held)


def test_a_model_whose_words_another_secret_hides_is_not_gone_by() -> None:
    found, model = compared(history(300, wise=True), Random(1))
    event = written_down(model, found, SECRET, on=True)
    assert taxonomy_of(event, 1, b"of another desk") is None
    assert learner(SECRET) != learner(b"of another desk")
    off = written_down(model, found, SECRET, on=False)
    assert (off.weights, off.categories, taxonomy_of(off, 2, SECRET)) == ({}, (), None)


def test_a_hundred_thousand_words_are_read_as_few_and_stop_words_are_none() -> None:
    words = words_of("the printer", "burns " * 100_000 + "fire")
    assert {"printer", "burn"} <= set(words.written)
    assert len(words.stems) < 1_000
    assert not STOP & set(words.stems)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=120))
def test_how_sure_never_falls_with_the_share_and_few_answers_tell_no_part_of_their_own(
    answers: list[tuple[float, bool]],
) -> None:
    steps = sureness(answers)
    assert [part for _, part in steps] == sorted(part for _, part in steps)
    assert len(steps) <= max(1, len(answers) // ALIKE_MIN)
    assert all(0 < part < 1 for _, part in steps)
