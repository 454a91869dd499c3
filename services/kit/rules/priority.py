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

from contracts.terms import Priority, Reason, Tone
from contracts.tickets import TicketPrioritised
from services.kit.rules.facts import Evidence, Facts, inputs_of
from services.kit.rules.priority_table import SHIPPED, PriorityTable

__all__ = ["Evidence", "Facts", "evidence_of", "exchange_points", "judge", "priority_by", "service_of"]

TONE: Final = SHIPPED.tone
SERVICES: Final = SHIPPED.services
WORDS_MAX: Final = SHIPPED.words_max
HEATED: Final = frozenset({Tone.ANGRY, Tone.FRUSTRATED})


@dataclass(frozen=True, slots=True)
class _Points:
    """The points of every input, by its name: all that the matrix sees."""

    stated: float
    doubted: float
    """What the client's history took away; within `stated` already."""
    words: float
    slight: float
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
        said = self.stated + self.words + self.slight + self.tone
        return said + self.exchanges + self.reopened + self.slack + self.learned

    @property
    def unworded(self) -> float:
        """The urgency that no text brings, neither its words nor its tone nor what a model hears in it."""
        return self.stated + self.doubted + self.exchanges + self.reopened + self.slack

    @property
    def impact(self) -> float:
        return self.service + self.tier + self.sender + self.clients

    def priority(self, table: PriorityTable) -> Priority:
        """By bands, matrix and floor; two clients raise it by a step, `p1_clients` make it P1."""
        if self.clients >= _clients_points(table.p1_clients, table) > 0:
            return Priority.P1
        scored = self._alone(table)
        if self.clients:
            together = table.matrix[_band(self.impact, table.impact_cuts)][_band(self.urgency, table.urgency_cuts)]
            scored = min(together, _step_above(scored))
        return scored if self.floor is None else min(scored, self.floor)

    def worded_only(self, table: PriorityTable) -> bool:
        """Whether the sums say P1 for nothing but a text."""
        return self._cell(table) is Priority.P1 and self.unworded < table.urgency_cuts[0]

    def _alone(self, table: PriorityTable) -> Priority:
        """What one client's ticket is by itself. Who knows the words could have P1 for writing them, so a text alone
        reaches P2: for more, a critical urgency is stated, a deadline of the desk's own passes or several clients say
        the same, or a person or an incident decides."""
        return Priority.P2 if self.worded_only(table) else self._cell(table)

    def _cell(self, table: PriorityTable) -> Priority:
        impact = _band(self.impact - self.clients, table.impact_cuts)
        return table.matrix[impact][_band(self.urgency, table.urgency_cuts)]


def judge(facts: Facts) -> TicketPrioritised:
    """The judgement on these facts. The same facts give the same event, to the last bit."""
    points = _points(facts, SHIPPED)
    return TicketPrioritised(
        priority=points.priority(SHIPPED),
        urgency=points.urgency,
        impact=points.impact,
        reasons=tuple(_reasons(facts, points)),
        rule_version=SHIPPED.name,
        smallest_change=_smallest_change(points),
        inputs=inputs_of(facts),
    )


def priority_by(facts: Facts, table: PriorityTable) -> Priority:
    """The priority alone, by any table: what a replay asks."""
    return _points(facts, table).priority(table)


def evidence_of(reasons: tuple[Reason, ...]) -> tuple[Evidence, ...]:
    """The evidence in the words of an earlier judgement, so that a new one need not open the text again."""
    return tuple(
        Evidence(reason.code.removeprefix("words."), int(reason.points), reason.words)
        for reason in reasons
        if reason.code.startswith("words.")
    )


def service_of(category: str | None, table: PriorityTable = SHIPPED) -> tuple[str, int]:
    """The weightiest service that a category's words name, and its points."""
    services = table.services
    named = [word for word in re.split(r"[^a-z0-9]+", (category or "").lower()) if word in services]
    if not named:
        return "unknown", table.service_unknown
    name = max(named, key=lambda word: services[word])
    return name, services[name]


def exchange_points(exchanges: int, table: PriorityTable = SHIPPED) -> int:
    """What so many messages and answers add to the urgency."""
    return next((points for least, points in table.exchanges if exchanges >= least), 0)


def tone_points(tone: Tone | None, degree: float, table: PriorityTable = SHIPPED) -> int:
    """What a tone adds to the urgency: anger and frustration count, courtesy takes nothing away."""
    if tone not in HEATED or degree < table.heard_from:
        return 0
    return table.tone[1] if tone is Tone.ANGRY or degree >= table.strong_from else table.tone[0]


def _band(total: float, cuts: tuple[int, int]) -> int:
    """0 for high, 1 for middle, 2 for low."""
    return 0 if total >= cuts[0] else 1 if total >= cuts[1] else 2


def _step_above(priority: Priority) -> Priority:
    ranks = sorted(Priority)
    return ranks[max(0, ranks.index(priority) - 1)]


def _stated_points(facts: Facts, table: PriorityTable) -> tuple[float, float]:
    """The points of the stated urgency, and what the client's history takes away from all that the requester claims: an
    urgency above the normal, urgent words and the tone count as far as the mean of a Beta posterior of being confirmed
    says. So who words every ticket as an emergency is soon believed no more than who states it."""
    points = table.not_stated if facts.stated is None else table.stated[facts.stated]
    trust = (facts.confirmed + table.trust_first) / (facts.confirmed + facts.denied + table.trust_first)
    claimed = max(0, points - table.not_stated) + _words_points(facts, table)
    claimed += tone_points(facts.tone, facts.tone_degree, table)
    return points, round(claimed * (1 - trust) * 4) / 4  # quarters add up without a rounding


def _words_points(facts: Facts, table: PriorityTable) -> int:
    """Points of the urgent words; however many there are, no more than text may bring."""
    said = (_evidence_points(evidence, table) for evidence in facts.words)
    return min(table.words_max, sum(points for points in said if points > 0))


def _slight_points(facts: Facts, table: PriorityTable) -> int:
    """What words of a small matter take away."""
    return sum(min(0, _evidence_points(evidence, table)) for evidence in facts.words)


def _evidence_points(evidence: Evidence, table: PriorityTable) -> int:
    return table.words.get(evidence.code, evidence.points)


def _points(facts: Facts, table: PriorityTable) -> _Points:
    stated, doubted = _stated_points(facts, table)
    return _Points(
        stated=stated - doubted,
        doubted=doubted,
        words=_words_points(facts, table),
        slight=_slight_points(facts, table),
        tone=tone_points(facts.tone, facts.tone_degree, table),
        exchanges=exchange_points(facts.exchanges, table),
        reopened=table.reopened if facts.reopened_by else 0,
        slack=(0, *table.slack)[facts.slack],
        learned=facts.learned or 0.0,
        service=service_of(facts.category, table)[1],
        tier=table.tiers[facts.tier],
        sender=table.sender if facts.senior_sender else 0,
        clients=_clients_points(facts.clients, table),
        floor=_floor(facts, table),
    )


def _clients_points(clients: int, table: PriorityTable) -> float:
    return min(float(table.clients_max), table.clients_doubling * log2(max(clients, 1)))


def _floor(facts: Facts, table: PriorityTable) -> Priority | None:
    top = service_of(facts.category, table)[1] >= table.service_top
    if facts.incident_clients >= table.incident_p1_clients or (facts.incident_clients and top):
        return Priority.P1
    return Priority.P2 if facts.incident_clients >= table.incident_p2_clients else None


def _reasons(facts: Facts, points: _Points) -> Iterator[Reason]:
    """One reason an input, in the order of the table; inputs that say nothing are left out."""
    yield from _urgency_reasons(facts, points)
    yield Reason(code=f"service.{service_of(facts.category)[0]}", axis="impact", points=points.service)
    yield Reason(code=f"tier.{facts.tier.value}", axis="impact", points=points.tier)
    if points.sender:
        yield Reason(code="sender", axis="impact", points=points.sender)
    if points.clients:
        yield Reason(code="clients_affected", axis="impact", points=points.clients)
    if points.worded_only(SHIPPED) and points.priority(SHIPPED) is not Priority.P1:
        yield Reason(code="text_alone", axis="ceiling", points=0)
    if points.floor is not None:
        yield Reason(code=f"incident.{points.floor.value}", axis="floor", points=0)


def _urgency_reasons(facts: Facts, points: _Points) -> Iterator[Reason]:
    stated = "not_stated" if facts.stated is None else facts.stated.value
    said, doubted = _stated_points(facts, SHIPPED)
    yield Reason(code=f"stated_urgency.{stated}", axis="urgency", points=said)
    if doubted:
        yield Reason(code="stated_urgency.rarely_confirmed", axis="urgency", points=-doubted)
    left = WORDS_MAX
    for evidence in facts.words:
        given = min(left, _evidence_points(evidence, SHIPPED))
        left -= max(0, given)
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
    *((f"stated urgency “{urgency.value}”", "stated", float(points)) for urgency, points in SHIPPED.stated.items()),
    ("no urgent words", "words", 0.0),
    ("a few urgent words", "words", 10.0),
    ("words of an outage, a loss of data or a breach", "words", 15.0),
    ("many urgent words, or words of a grave fault", "words", float(WORDS_MAX)),
    ("no words of a small matter", "slight", 0.0),
    *(
        (f"{least} exchanges" if points else "fewer exchanges", "exchanges", float(points))
        for least, points in (*SHIPPED.exchanges, (0, 0))
    ),
    ("a reopening", "reopened", float(SHIPPED.reopened)),
    ("no reopening", "reopened", 0.0),
    ("a service that others depend on", "service", float(SHIPPED.service_top)),
    ("an important service", "service", 40.0),
    ("an ordinary service", "service", 20.0),
    ("a plain request", "service", 0.0),
    *((f"a {tier.value} client", "tier", float(points)) for tier, points in SHIPPED.tiers.items()),
    *(
        (f"{clients} clients with the same problem", "clients", _clients_points(clients, SHIPPED))
        for clients in (2, 3, 5, 8)
    ),
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
    now = points.priority(SHIPPED)
    best: tuple[float, str] | None = None
    for changes in candidates:
        cost = sum(abs(after - getattr(points, name)) for _, name, after in changes)
        different: dict[str, Any] = {name: after for _, name, after in changes}
        other = replace(points, **different).priority(SHIPPED)
        if other != now and (best is None or cost < best[0]):
            best = cost, f"{' and '.join(words for words, _, _ in changes)} would have made it {other.value}"
    return best and best[1]
