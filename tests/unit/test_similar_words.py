"""Similar tickets' words, in memory: what is compared of a text, and what counts as close."""

from __future__ import annotations

from uuid import UUID

import pytest

from services.reporting.closeness import closeness
from services.reporting.courtesy import matter_of
from services.reporting.similar import VISITED_MAX, Candidate, best, finders, terms_of, weights_of

LETTERS = (
    ("Buenos días:\n\nNo puedo iniciar sesión.\n\nUn saludo,\nAna", "No puedo iniciar sesión."),
    ("Sehr geehrte Damen und Herren,\n\nder Drucker klemmt.\n\nDanke und Gruß\nEva\nBolt AG", "der Drucker klemmt."),
    ("Bonjour à toute l'équipe,\nLa page reste blanche.\nMerci d'avance\nLuc", "La page reste blanche."),
    ("Gentile assistenza,\nIl file manca.\nCordiali saluti\nPia", "Il file manca."),
    ("Good morning, the printer jams again.", "the printer jams again."),
    (
        "Jambo ndugu,\nprinta imekwama tena leo asubuhi kabisa\nKwaheri,\nJuma",
        "printa imekwama tena leo asubuhi kabisa",
    ),
    ("The codes are\nE1252\nE1253", "The codes are\nE1252\nE1253"),
    ("Printer down.\nPlease call.", "Printer down."),
    ("Thanks!", "Thanks!"),
)


@pytest.mark.parametrize(("body", "matter"), LETTERS)
def test_greeting_and_sign_off_are_no_matter_in_any_language(body: str, matter: str) -> None:
    assert matter_of(body) == matter


def test_a_greeting_is_never_a_reason() -> None:
    said = [term.said for term in terms_of("Inicio de sesión único", LETTERS[0][0], lambda _: False)]
    assert said == ["Inicio", "sesión", "único", "puedo", "iniciar"]


def test_pieces_find_compounds_and_slips_of_the_pen_but_codes_are_whole() -> None:
    printer, car = closeness(["druckerpatrone"], [["drucker", "patrone", "leer"], ["auto", "leer"]])
    assert printer > car == 0
    slip, other = closeness(["pasword", "reset"], [["password", "reset"], ["reset", "router"]])
    assert slip > other
    assert closeness(["e1252"], [["e1253"], ["e1252"]])[0] == 0


def test_a_long_text_has_no_advantage_over_a_short_one() -> None:
    words = [f"matter{letter}" for letter in "abcdefghij"]
    short, long = closeness(["ledger", "export"], [["ledger", "export"], ["ledger", "export", *words]])
    assert short > long


def test_what_is_close_leads_whatever_order_it_was_found_in() -> None:
    terms = terms_of("Ledger export stops", "", lambda _: False)
    found = [
        Candidate(0, UUID(int=1), 0b011, "export ledger slow ~acme"),
        Candidate(0, UUID(int=2), 0b111, "export ledger stops ~acme"),
        Candidate(0, UUID(int=3), 0b001, "chair ledger ~bolt"),
    ]
    orders = [
        best(order, weights_of(terms, found), ["ledger", "export", "stops"], UUID(int=9))
        for order in (found, found[::-1])
    ]
    assert [one.candidate.ticket.int for one in orders[0]] == [2, 1, 3]
    assert orders[0] == orders[1]


def test_rare_words_find_and_common_ones_do_not_however_many_texts_there_are() -> None:
    terms = terms_of("Ledger export stops with E1252", "", lambda word: word == "with")
    assert [terms[nth].said for nth in finders(terms, [0.0] * 4)] == ["E1252", "Ledger", "export", "stops"]
    assert [terms[nth].said for nth in finders(terms, [9.0, 900_000.0, 30.0, 0.0])] == ["E1252", "stops", "export"]
    assert finders(terms, [VISITED_MAX + 1.0] * 4) == []


def test_a_text_of_one_word_a_million_times_or_of_nothing_is_ranked_too() -> None:
    assert closeness([], [["a"], []]) == [0.0, 0.0]
    assert closeness(["x" * 1_000_000], [["y" * 1_000_000]]) == [0.0]
    assert matter_of("spam " * 1_000)
