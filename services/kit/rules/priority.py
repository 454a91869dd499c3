"""Facts of a ticket -> its priority P1 to P4, with reasons and the smallest change that would have given another. Pure.

Impact and urgency are sums of points; each sum falls into one of three bands, and the ITIL matrix of the bands gives
the priority. The facts are numbers and codes, never text, so a judgement replays bit for bit without opening a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import log2
from typing import Any, Final

from contracts.clients import Tier
from contracts.terms import Priority, Reason, Tone, Urgency
from contracts.tickets import TicketPrioritised
from services.kit.rules.facts import Evidence, Facts, inputs_of

__all__ = ["Evidence", "Facts", "evidence_of", "exchange_points", "judge", "service_of"]

RULE_VERSION: Final = "priority-3"
"""Grows with every change of a table or rule in this file: a recorded judgement names the rules it was made with."""

STATED: Final = {Urgency.LOW: 0, Urgency.NORMAL: 10, Urgency.HIGH: 20, Urgency.CRITICAL: 35}
NOT_STATED: Final = 10  # points; who says nothing is taken to mean normal
WORDS_MAX: Final = 25  # points of all urgency words together
TONE: Final = (8, 15)
HEATED: Final = frozenset({Tone.ANGRY, Tone.FRUSTRATED})
HEARD_FROM: Final = 0.3  # degree; what is softer may be chance, and gives no points
STRONG_FROM: Final = 0.75  # degree from which frustration counts as anger does
EXCHANGES: Final = ((12, 10), (6, 5))  # from so many exchanges on, so many points
REOPENED: Final = 10
SLACK: Final = (0, 5, 15)
TRUST_FIRST: Final = 3  # confirmed claims that a client without a history is taken to have
URGENCY_CUTS: Final = (45, 20)

TIERS: Final = {Tier.BASIC: 0, Tier.STANDARD: 10, Tier.PREMIUM: 20}
SENDER: Final = 10
CLIENTS_MAX: Final = 60  # points
IMPACT_CUTS: Final = (70, 35)

SERVICES: Final = {
    **dict.fromkeys(("security", "outage", "network", "payment", "payments", "production"), 60),
    **dict.fromkeys(("access", "account", "application", "data", "email", "integration", "login", "mail", "vpn"), 40),
    **dict.fromkeys(("billing", "device", "hardware", "invoice", "phone", "printer", "printing", "telephony"), 20),
    **dict.fromkeys(("feedback", "howto", "question", "request", "training"), 0),
}
"""Points of the service that a category's words name, until clients list their own services."""
SERVICE_UNKNOWN: Final = 40  # points; a ticket that names no service may stop work until somebody knows better
SERVICE_TOP: Final = 60

MATRIX: Final = (
    (Priority.P1, Priority.P2, Priority.P3),
    (Priority.P2, Priority.P3, Priority.P4),
    (Priority.P3, Priority.P4, Priority.P4),
)
"""Impact high to low by urgency high to low."""

P1_FROM_CLIENTS: Final = 20 * log2(5)  # points; two clients raise it by a step, five make it P1
INCIDENT_P2_CLIENTS: Final = 3
INCIDENT_P1_CLIENTS: Final = 10


@dataclass(frozen=True, slots=True)
class _Points:
    """The points of every input, by its name: all that the matrix sees."""

    stated: float
    words: float
    tone: float
    exchanges: float
    reopened: float
    slack: float
    learned: float
    service: float
    tier: float
    sender: float
    clients: float
    floor: Priority | None

    @property
    def urgency(self) -> float:
        return self.stated + self.words + self.tone + self.exchanges + self.reopened + self.slack + self.learned

    @property
    def impact(self) -> float:
        return self.service + self.tier + self.sender + self.clients

    @property
    def priority(self) -> Priority:
        column = _band(self.urgency, URGENCY_CUTS)
        scored = MATRIX[_band(self.impact, IMPACT_CUTS)][column]
        if self.clients >= P1_FROM_CLIENTS:
            return Priority.P1
        if self.clients:
            scored = min(scored, _step_above(MATRIX[_band(self.impact - self.clients, IMPACT_CUTS)][column]))
        return scored if self.floor is None else min(scored, self.floor)


def judge(facts: Facts) -> TicketPrioritised:
    """The judgement on these facts. The same facts give the same event, to the last bit."""
    points = _points(facts)
    return TicketPrioritised(
        priority=points.priority,
        urgency=points.urgency,
        impact=points.impact,
        reasons=tuple(_reasons(facts, points)),
        rule_version=RULE_VERSION,
        smallest_change=_smallest_change(points),
        inputs=inputs_of(facts),
    )


def evidence_of(reasons: tuple[Reason, ...]) -> tuple[Evidence, ...]:
    """The evidence in the words of an earlier judgement, so that a new one need not open the text again."""
    return tuple(
        Evidence(reason.code.removeprefix("words."), int(reason.points), reason.words)
        for reason in reasons
        if reason.code.startswith("words.")
    )


def service_of(category: str | None) -> tuple[str, int]:
    """The weightiest service that a category's words name, and its points."""
    named = [word for word in re.split(r"[^a-z0-9]+", (category or "").lower()) if word in SERVICES]
    if not named:
        return "unknown", SERVICE_UNKNOWN
    name = max(named, key=lambda word: SERVICES[word])
    return name, SERVICES[name]


def exchange_points(exchanges: int) -> int:
    """What so many messages and answers add to the urgency."""
    return next((points for least, points in EXCHANGES if exchanges >= least), 0)


def tone_points(tone: Tone | None, degree: float) -> int:
    """What a tone adds to the urgency: anger and frustration count, courtesy takes nothing away."""
    if tone not in HEATED or degree < HEARD_FROM:
        return 0
    return TONE[1] if tone is Tone.ANGRY or degree >= STRONG_FROM else TONE[0]


def _band(total: float, cuts: tuple[int, int]) -> int:
    """0 for high, 1 for middle, 2 for low."""
    return 0 if total >= cuts[0] else 1 if total >= cuts[1] else 2


def _step_above(priority: Priority) -> Priority:
    ranks = sorted(Priority)
    return ranks[max(0, ranks.index(priority) - 1)]


def _trust(facts: Facts) -> float:
    """How much of a stated urgency above the normal counts: the mean of a Beta posterior of being confirmed."""
    return (facts.confirmed + TRUST_FIRST) / (facts.confirmed + facts.denied + TRUST_FIRST)


def _stated_points(facts: Facts) -> tuple[float, float]:
    """The points of the stated urgency, and those of them that the client's history takes away."""
    points = NOT_STATED if facts.stated is None else STATED[facts.stated]
    return points, round(max(0, points - NOT_STATED) * (1 - _trust(facts)), 1)


def _points(facts: Facts) -> _Points:
    stated, doubted = _stated_points(facts)
    return _Points(
        stated=stated - doubted,
        words=min(WORDS_MAX, sum(evidence.points for evidence in facts.words)),
        tone=tone_points(facts.tone, facts.tone_degree),
        exchanges=exchange_points(facts.exchanges),
        reopened=REOPENED if facts.reopened_by else 0,
        slack=SLACK[facts.slack],
        learned=facts.learned or 0.0,
        service=service_of(facts.category)[1],
        tier=TIERS[facts.tier],
        sender=SENDER if facts.senior_sender else 0,
        clients=_clients_points(facts.clients),
        floor=_floor(facts),
    )


def _clients_points(clients: int) -> float:
    return min(float(CLIENTS_MAX), 20 * log2(max(clients, 1)))


def _floor(facts: Facts) -> Priority | None:
    top = service_of(facts.category)[1] == SERVICE_TOP
    if facts.incident_clients >= INCIDENT_P1_CLIENTS or (facts.incident_clients and top):
        return Priority.P1
    return Priority.P2 if facts.incident_clients >= INCIDENT_P2_CLIENTS else None


def _reasons(facts: Facts, points: _Points) -> Iterator[Reason]:
    """One reason an input, in the order of the table; inputs that say nothing are left out."""
    yield from _urgency_reasons(facts, points)
    yield Reason(code=f"service.{service_of(facts.category)[0]}", axis="impact", points=points.service)
    yield Reason(code=f"tier.{facts.tier.value}", axis="impact", points=points.tier)
    if points.sender:
        yield Reason(code="sender", axis="impact", points=points.sender)
    if points.clients:
        yield Reason(code="clients_affected", axis="impact", points=points.clients)
    if points.floor is not None:
        yield Reason(code=f"incident.{points.floor.value}", axis="floor", points=0)


def _urgency_reasons(facts: Facts, points: _Points) -> Iterator[Reason]:
    stated = "not_stated" if facts.stated is None else facts.stated.value
    said, doubted = _stated_points(facts)
    yield Reason(code=f"stated_urgency.{stated}", axis="urgency", points=said)
    if doubted:
        yield Reason(code="stated_urgency.rarely_confirmed", axis="urgency", points=-doubted)
    left = WORDS_MAX
    for evidence in facts.words:
        given = min(left, evidence.points)
        left -= given
        yield Reason(code=f"words.{evidence.code}", axis="urgency", points=given, words=evidence.words)
    if points.tone:
        yield Reason(code="tone", axis="urgency", points=points.tone, words=facts.tone_words)
    if points.exchanges:
        events = () if facts.exchange_event is None else (facts.exchange_event,)
        yield Reason(code="exchanges", axis="urgency", points=points.exchanges, events=events)
    if points.reopened:
        yield Reason(code="reopened", axis="urgency", points=points.reopened, events=facts.reopened_by)
    if points.slack:
        yield Reason(code="sla_slack", axis="urgency", points=points.slack)
    if points.learned:
        yield Reason(code="learned", axis="urgency", points=points.learned)


Change = tuple[str, str, float]
"""What would have been different, in words; the input's name; its points then."""

CHANGES: Final[tuple[Change, ...]] = (
    *((f"stated urgency “{urgency.value}”", "stated", float(points)) for urgency, points in STATED.items()),
    ("no urgent words", "words", 0.0),
    ("a few urgent words", "words", 10.0),
    ("words of an outage, a loss of data or a breach", "words", 15.0),
    ("many urgent words", "words", float(WORDS_MAX)),
    *(
        (f"{least} exchanges" if points else "fewer exchanges", "exchanges", float(points))
        for least, points in (*EXCHANGES, (0, 0))
    ),
    ("a reopening", "reopened", float(REOPENED)),
    ("no reopening", "reopened", 0.0),
    ("a service that others depend on", "service", float(SERVICE_TOP)),
    ("an important service", "service", 40.0),
    ("an ordinary service", "service", 20.0),
    ("a plain request", "service", 0.0),
    *((f"a {tier.value} client", "tier", float(points)) for tier, points in TIERS.items()),
    *((f"{clients} clients with the same problem", "clients", _clients_points(clients)) for clients in (2, 3, 5, 8)),
)
"""What could have been different about a ticket, one thing at a time."""


@lru_cache(maxsize=4096)
def _smallest_change(points: _Points) -> str | None:
    """The single change of fewest points that gives another priority, or the pair of changes where no single one does.

    Points take few values, so the answers are remembered. None where a floor holds whatever else is said.
    """
    found = _smallest(points, [(change,) for change in CHANGES])
    if found is None:
        pairs = [(one, two) for i, one in enumerate(CHANGES) for two in CHANGES[i + 1 :] if one[1] != two[1]]
        found = _smallest(points, pairs)
    return found


def _smallest(points: _Points, candidates: Sequence[tuple[Change, ...]]) -> str | None:
    now = points.priority
    best: tuple[float, str] | None = None
    for changes in candidates:
        cost = sum(abs(after - getattr(points, name)) for _, name, after in changes)
        different: dict[str, Any] = {name: after for _, name, after in changes}
        other = replace(points, **different)
        if other.priority != now and (best is None or cost < best[0]):
            best = cost, f"{' and '.join(words for words, _, _ in changes)} would have made it {other.priority.value}"
    return best and best[1]
