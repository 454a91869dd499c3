"""A ticket's text, and the tickets that its words find -> which are about the same, best first, with reasons. Pure.

Words that few of the tickets found share tell most, an error code or a host more than a word. What fits best so is read
for its words and their pieces, and a category, nearness in time and an agent's word add to it. What an agent denied is
gone. A greeting is no word of the matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import exp, log
from typing import Final, NamedTuple
from uuid import UUID

from services.reporting.closeness import closeness
from services.reporting.courtesy import is_courtesy, matter_of

TERMS_MAX: Final = 12
ENTITIES_MAX: Final = 4
BODY_MAX: Final = 1_000  # characters that are looked at
WORD_MIN, WORD_MAX = 3, 40  # characters
PREFIX_MIN: Final = 4
VISITED_MAX: Final = 4_000  # texts that the rare words of one question are expected to be in, together
RANKED_MAX: Final = 100  # tickets whose own words, category and time are looked at
FIT_MIN: Final = 0.2  # of what the words could tell; what fits less is chance
FIT_SHARE: Final = 0.25  # of the points; how close the words and pieces are brings the rest
ENTITY_WEIGHT: Final = 2.5
CATEGORY_POINTS: Final = 0.15
RECENT_POINTS: Final = 0.1
RECENT_DAYS: Final = 30.0
CONFIRMED_POINTS: Final = 1.0

ENTITY: Final = re.compile(
    r"""\b(?:
        [A-Za-z]{1,8}[-_]?\d[\w-]{1,12}            # E1252, AUTH-5203, KB5034
      | 0x[0-9A-Fa-f]{2,16}
      | (?:[A-Za-z0-9-]{1,63}\.){1,4}[A-Za-z]{2,12}  # a host or a file
      | \d{3,6}
    )\b""",
    re.VERBOSE,
)
WORD: Final = re.compile(r"[^\W\d_]{3,40}")
ENDINGS: Final = ("ations", "ation", "ings", "ing", "ed", "es", "s", "er", "ers", "en")


class Term(NamedTuple):
    """One thing to look for. `prefix` finds the words that begin with it."""

    said: str
    entity: bool

    @property
    def prefix(self) -> str | None:
        """The beginning that a word shares with its other forms; an entity is looked for as it is."""
        if self.entity:
            return None
        word = self.said.lower()
        for ending in sorted(ENDINGS, key=len, reverse=True):
            if word.endswith(ending) and len(word) - len(ending) >= PREFIX_MIN:
                return word[: -len(ending)]
        return word if len(word) >= PREFIX_MIN else None


class Candidate(NamedTuple):
    """A ticket that the words found: which of them (a bit each), and the words that it holds, as search keeps them."""

    lane: int
    ticket: UUID
    hits: int
    said: str = ""


class Fitting(NamedTuple):
    """A candidate, the share that it holds of what the words could tell, and its points for its words."""

    fit: float
    points: float
    candidate: Candidate


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a candidate besides."""

    category: str | None
    opened_at: datetime
    judged: bool | None
    """What agents said of the pair: confirmed, denied, or nothing."""


class Similar(NamedTuple):
    """A ticket that is about the same, how well it fits from 0 to 1, and why, by code."""

    ticket: UUID
    fit: float
    reasons: tuple[tuple[str, tuple[str, ...]], ...]


def matter(subject: str, body: str) -> str:
    """What is looked at of a ticket's text."""
    return f"{subject}\n{matter_of(body)[:BODY_MAX]}"


def terms_of(subject: str, body: str, common: Callable[[str], bool]) -> list[Term]:
    """What to look for: entities, then the subject's words, then the body's. `common` says which words tell nothing."""
    text = matter(subject, body)
    entities = dict.fromkeys(match.group() for match in ENTITY.finditer(text))
    found = [Term(said, entity=True) for said in list(entities)[:ENTITIES_MAX]]
    within = {part.lower() for said in entities for part in WORD.findall(said)}
    for match in WORD.finditer(text):
        word = match.group()
        if len(found) >= TERMS_MAX:
            break
        if word.lower() not in within and not common(word.lower()) and not is_courtesy(word):
            within.add(word.lower())
            found.append(Term(word, entity=False))
    return found


def finders(terms: Sequence[Term], expected: Sequence[float]) -> list[int]:
    """Which of the terms to look up: what is named, then the rarest words, as many as are expected in so many texts.

    Commoner words tell little and cost most: they count in what the rare ones find. None, where all are common."""
    found: list[int] = []
    visited = 0.0
    for nth in sorted(range(len(terms)), key=lambda nth: (not terms[nth].entity, expected[nth], nth)):
        visited += expected[nth]
        if visited > VISITED_MAX:
            break
        found.append(nth)
    return found


def weights_of(terms: Sequence[Term], candidates: Sequence[Candidate]) -> list[float]:
    """What each term tells: more, the fewer of the tickets found hold it."""
    holders = [sum(candidate.hits >> nth & 1 for candidate in candidates) for nth in range(len(terms))]
    return [
        log(1 + (1 + len(candidates)) / (1 + count)) * (ENTITY_WEIGHT if term.entity else 1.0)
        for term, count in zip(terms, holders, strict=True)
    ]


def best(candidates: Iterable[Candidate], weights: Sequence[float], asked: Iterable[str], but: UUID) -> list[Fitting]:
    """The candidates that hold most of what the terms tell, those first whose words are closest to the `asked` ones."""
    whole = sum(weights) or 1.0
    fits = [
        (sum(weight for nth, weight in enumerate(weights) if one.hits >> nth & 1) / whole, one)
        for one in candidates
        if one.ticket != but
    ]
    kept = sorted(fits, key=lambda fit: (-fit[0], fit[1].ticket))[:RANKED_MAX]
    telling = [word for word in asked if not is_courtesy(word)]
    closest = closeness(telling, [words_of(candidate.said) for _, candidate in kept])
    found = [
        Fitting(fit, FIT_SHARE * fit + (1 - FIT_SHARE) * close, candidate)
        for (fit, candidate), close in zip(kept, closest, strict=True)
    ]
    return sorted(found, key=lambda one: (-one.points, one.candidate.ticket))


def words_of(said: str) -> list[str]:
    """Words as search keeps them, without its marks."""
    return [word for word in said.split() if not word.startswith("~")]


def ranked(
    ranking: Sequence[Fitting],
    facts: Mapping[UUID, Facts],
    terms: Sequence[Term],
    mine: Facts,
    limit: int,
) -> list[Similar]:
    """The best few. A pair that an agent confirmed comes first, one that was denied not at all."""
    found = []
    for fit, worded, candidate in ranking:
        known = facts.get(candidate.ticket)
        if known is None or known.judged is False:
            continue
        held = [term for nth, term in enumerate(terms) if candidate.hits >> nth & 1]
        same = mine.category is not None and known.category == mine.category
        if known.judged is None and fit < FIT_MIN and not any(term.entity for term in held):
            continue
        days = abs((mine.opened_at - known.opened_at).total_seconds()) / 86_400
        points = worded + CATEGORY_POINTS * same + RECENT_POINTS * exp(-days / RECENT_DAYS)
        points += CONFIRMED_POINTS if known.judged else 0.0
        found.append((points, Similar(candidate.ticket, round(min(1.0, fit), 3), _reasons(known, held, same, days))))
    found.sort(key=lambda one: (-one[0], one[1].ticket))
    return [similar for _, similar in found[:limit]]


def _reasons(known: Facts, held: Sequence[Term], same: bool, days: float) -> tuple[tuple[str, tuple[str, ...]], ...]:
    entities = tuple(term.said for term in held if term.entity)
    words = tuple(term.said for term in held if not term.entity)
    told: list[tuple[str, tuple[str, ...]]] = []
    if known.judged:
        told.append(("confirmed", ()))
    if entities:
        told.append(("names", entities))
    if words:
        told.append(("words", words))
    if same and known.category:
        told.append(("category", (known.category,)))
    if days <= 1:
        told.append(("same_day", ()))
    return tuple(told)
