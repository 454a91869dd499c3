"""A text, walked once -> the phrases of urgency in it, and the words that name a service. Pure.

Both tables of phrases hang on the first three letters of a word: most words begin none of them, and are passed over
with one look-up. A phrase is found only at the start of a word, and ends with one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from services.triage.phrase_tables import CONFUSED, CONFUSION, KINDS, NOT
from services.triage.service_words import READ_MAX, SUBJECT_WEIGHT
from services.triage.service_words import WORDS as SERVICES
from services.triage.words import plain

KEY: Final = 3  # letters
STARTS: Final = re.compile(rf"\b\w{{1,{KEY}}}")
BEGINNING: Final = re.compile(r"(\w{1,3})(-\?)?(\w{0,2})(\?)?")
DENIED_BY: Final = 2  # words before
WORDS_KEPT: Final = 3  # quoted for each kind

Pattern = tuple[str, re.Pattern[str]]


class Scanned(NamedTuple):
    """What was found, in the order of the text: by kind of phrase, and (service, words, weight) for each naming."""

    phrases: dict[str, list[str]]
    services: list[tuple[str, str, float]]


def phrases_of(table: str) -> Iterator[str]:
    """The phrases of a table, which semicolons and lines part."""
    yield from (phrase.strip() for phrase in table.replace("\n", ";").split(";") if phrase.strip())


def keys_of(phrase: str) -> set[str]:
    """The first letters of the words that a phrase may begin with. Raises ValueError where they cannot be told."""
    said = BEGINNING.match(phrase)
    if said is None or (said[4] and len(said[1] + said[3]) <= KEY):
        raise ValueError(f"a phrase begins with plain letters: {phrase!r}")
    if len(said[1]) == KEY:
        return {said[1]}
    return {said[1], (said[1] + said[3])[:KEY]} if said[2] else {said[1]}


def index_of(tables: Iterator[tuple[str, str]]) -> dict[str, tuple[Pattern, ...]]:
    """First letters -> the names that have phrases so beginning, in their order, and those phrases as one pattern."""
    found: dict[str, dict[str, list[str]]] = {}
    for name, table in tables:
        for phrase in phrases_of(table):
            for key in keys_of(phrase):
                found.setdefault(key, {}).setdefault(name, []).append(phrase)
    return {
        key: tuple((name, re.compile(rf"(?:{'|'.join(phrases)})(?!\w)")) for name, phrases in names.items())
        for key, names in found.items()
    }


SPOKEN: Final = index_of(iter([*((code, table) for code, _, table in KINDS), (CONFUSED, CONFUSION)]))
NAMING: Final = index_of(iter(SERVICES.items()))
INDEX: Final = {key: (SPOKEN.get(key, ()), NAMING.get(key, ())) for key in SPOKEN.keys() | NAMING.keys()}


def scan(subject: str, body: str) -> Scanned:
    """What both texts hold, raw as they came."""
    subject = plain(subject)
    text = f"{subject}\n{plain(body)}"
    lower = text.lower()
    if len(lower) != len(text):  # a few letters change their length when lowered; then quote the lowered text
        text, subject = lower, subject.lower()
    parts = ((0, READ_MAX, SUBJECT_WEIGHT), (len(subject) + 1, len(subject) + 1 + READ_MAX, 1.0))
    found = Scanned({}, [])
    named_to = 0
    for start in STARTS.finditer(lower):
        entry = INDEX.get(start.group())
        if entry is None:
            continue
        place = start.start()
        for code, pattern in entry[0]:
            match = pattern.match(lower, place)
            if match is not None and not _denied(lower, place):
                _keep(found.phrases.setdefault(code, []), text[place : match.end()])
        if entry[1] and place >= named_to:
            _, end, weight = parts[place > len(subject)]
            if place < end:
                named_to = max(named_to, _named(entry[1], lower, place, weight, found))
    return found


def _named(patterns: tuple[Pattern, ...], lower: str, place: int, weight: float, found: Scanned) -> int:
    """The first service whose words stand here is the one that is named; returns where its words end."""
    for name, pattern in patterns:
        match = pattern.match(lower, place)
        if match is not None:
            found.services.append((name, match.group(), weight))
            return match.end()
    return 0


def _keep(kept: list[str], words: str) -> None:
    if words not in kept and len(kept) < WORDS_KEPT:
        kept.append(words)


def _denied(lower: str, start: int) -> bool:
    """Whether one of the two words before says no: “not urgent”, “kein akuter Ausfall”."""
    before = lower[max(0, start - 40) : start].split()[-DENIED_BY:]
    return any(word in NOT for word in before)
