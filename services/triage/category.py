"""What the requester chose, what the form says, what the text says -> category and service, with confidence. Pure.

A choice counts more than a form's field, and both more than words. Words name one of a few services that every desk
knows; where two are named alike, or none clearly, the answer is “unsure”: no category, and the candidates with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from services.triage.scan import scan

RULE_VERSION: Final = "category-3"
CHOSEN: Final = 0.95
BY_FORM: Final = 0.9
SURE_FROM: Final = 0.55
DOUBT: Final = 0.8  # hits that might be chance, beside those that were found
WORDS_KEPT: Final = 5

Source = Literal["choice", "form", "text", "learned", "unsure"]


class Classified(NamedTuple):
    """A category and service, how sure, from what, the words that speak for it, and what else was considered.

    `learned_from` is the number of corrections behind an answer of the desk's own model.
    """

    category: str | None
    service: str | None
    confidence: float
    source: Source
    words: tuple[str, ...] = ()
    candidates: tuple[tuple[str, float], ...] = ()
    rule_version: str = RULE_VERSION
    learned_from: int | None = None


UNSURE: Final = Classified(None, None, 0.0, "unsure")


def classify(subject: str, body: str, category: str | None = None, service: str | None = None) -> Classified:
    """The category and service of a ticket; `category` as chosen, `service` as the form's field gives it."""
    return decided(from_text(subject, body), category, service)


def decided(named: Classified, category: str | None, service: str | None) -> Classified:
    """What words name, under what was chosen and what the form's field says."""
    chosen, field = (category or "").strip() or None, (service or "").strip() or None
    if chosen is not None:
        return named._replace(category=chosen, service=field or chosen, confidence=CHOSEN, source="choice")
    if field is not None:
        return named._replace(category=field, service=field, confidence=BY_FORM, source="form")
    return named


def from_text(subject: str, body: str) -> Classified:
    """What the words alone say."""
    return named_by(scan(subject, body).services)


def named_by(found: Sequence[tuple[str, str, float]]) -> Classified:
    """The service of words that were found before: (service, words, weight) each."""
    points: dict[str, float] = {}
    words: dict[str, list[str]] = {}
    for name, said, weight in found:
        mine = words.setdefault(name, [])
        if said not in mine:  # a word said ten times says it once
            mine.append(said)
            points[name] = points.get(name, 0.0) + weight
    if not points:
        return UNSURE
    total = sum(points.values()) + DOUBT
    shares = [(name, round(count / total, 2)) for name, count in points.items()]
    ranked = sorted(shares, key=lambda one: (-one[1], one[0]))
    best, confidence = ranked[0]
    if confidence < SURE_FROM:
        return Classified(None, None, confidence, "unsure", (), tuple(ranked[:3]))
    return Classified(best, best, confidence, "text", tuple(words[best][:WORDS_KEPT]), tuple(ranked[:3]))
