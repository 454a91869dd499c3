"""A ticket's text -> the phrases in it that speak of urgency, by kind, with points. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.kit.rules.facts import Evidence
from services.triage.phrase_tables import KINDS
from services.triage.scan import scan


def evidence_in(subject: str, body: str) -> tuple[Evidence, ...]:
    """The kinds of phrase that a subject and body hold, each with the first few as they were written."""
    return evidence(scan(subject, body).phrases)


def evidence(found: Mapping[str, Sequence[str]]) -> tuple[Evidence, ...]:
    """The same of phrases that were found before, in the order in which points are given."""
    return tuple(Evidence(code, points, tuple(found[code])) for code, points, _ in KINDS if code in found)
