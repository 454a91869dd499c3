"""The tickets of a window, their words, and what agents said of pairs -> recurring questions, counted. Pure.

A ticket joins the question whose centre is nearest to it, by the cosine of their words, each worth the more the rarer
it is in the window. Nearness is to the centre alone, so chains of neighbours do not run away, and tickets of two
categories are two questions. What agents confirmed is one question in any case, what they denied never is. Tickets are
taken in the order in which they came, whatever the order in which they are given: the same window, the same answer.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from math import log, sqrt
from typing import Final, NamedTuple
from uuid import UUID

from services.reporting.closeness import folded
from services.reporting.courtesy import SMALL, is_courtesy
from services.reporting.similar import ENTITY, WORD, Term, matter

TERMS_MAX: Final = 24  # of one ticket: its subject's words come first
RARE_MAX: Final = 8  # terms by which a ticket finds the questions that it may belong to
CENTRE_MAX: Final = 32  # terms of a centre that are compared
NEAR: Final = 0.5  # the cosine from which a ticket belongs to a question
SAME: Final = 0.65  # the cosine from which two questions are one
SHARED_MIN: Final = 2  # terms that a ticket and a centre share at least: one word alone is chance
COUNT_MIN: Final = 2  # tickets that make a question
PEOPLE_MIN: Final = 3  # requesters who used a word before it is shown: what fewer say may be personal
SHARE_MIN: Final = 0.3  # of a question's tickets that hold a word which is shown
WORDS_SHOWN, EXAMPLES, WEEKS_MAX = 6, 5, 53
SUBJECT_WEIGHT: Final = 2.0
EVERYDAY: Final = SMALL | frozenset(
    """
    not are was were can cannot could but our has had have how why who its any all one out get got she his her him they
    them then than into over after before about some only yes der die das und ist nicht ein eine wir ich sie les des une
    est pas nous vous dans pour que los las una por para non che per sono
    """.split()  # noqa: SIM905 - a list of words reads better as a text
)
"""Words of every text. In a large window their number makes them worth nothing; in a small one it cannot."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One ticket: `terms` as `terms_said` made them, and how each was written."""

    ticket: UUID
    client: str
    requester: UUID
    category: str | None
    at: datetime
    terms: Mapping[str, tuple[str, float]]


@dataclass(frozen=True, slots=True)
class Question:
    """Tickets that ask the same, in the order in which they came; `examples` are those nearest to the centre."""

    category: str | None
    tickets: tuple[Asked, ...]
    words: tuple[str, ...]
    examples: tuple[UUID, ...]

    @property
    def weeks(self) -> list[tuple[date, int]]:
        """(Monday, tickets) of the newest weeks in which somebody asked, by UTC."""
        days = (asked.at.astimezone(UTC).date() for asked in self.tickets)
        return sorted(Counter(day - timedelta(days=day.weekday()) for day in days).items())[-WEEKS_MAX:]


class Judged(NamedTuple):
    """What agents said of pairs of tickets."""

    confirmed: Sequence[tuple[UUID, UUID]] = ()
    denied: Sequence[tuple[UUID, UUID]] = ()


Vector = Mapping[str, float]


@dataclass(slots=True)
class _Group:
    """Some tickets and the sum of their words; its length is kept so that comparing costs little."""

    members: list[Asked]
    sums: dict[str, float] = field(default_factory=dict)
    length: float = 0.0

    def add(self, other: _Group) -> None:
        self.members = self.members + other.members
        for term, weight in other.sums.items():
            self.sums[term] = self.sums.get(term, 0.0) + weight
        self.cut()

    def cut(self) -> None:
        """Keeps the heaviest terms once there are many, so that a centre's size is bounded."""
        if len(self.sums) > 2 * CENTRE_MAX:
            heaviest = sorted(self.sums.items(), key=lambda one: (-one[1], one[0]))[:CENTRE_MAX]
            self.sums = dict(heaviest)
        self.length = sqrt(sum(weight * weight for weight in self.sums.values()))

    @property
    def order(self) -> tuple[int, datetime, int]:
        first = self.members[0]
        return -len(self.members), first.at, first.ticket.int


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """A word without its ending and accents, by which its forms are one: jam, jams, jammed."""
    cut = folded(Term(word, entity=False).prefix or word)
    return cut[:-1] if len(cut) > 3 and (cut[-1] == cut[-2] or cut[-1] == "s") else cut


def terms_said(subject: str, body: str, common: Callable[[str], bool]) -> dict[str, tuple[str, float]]:
    """stem -> how it was written and what it weighs. `common` says which words tell nothing."""
    found: dict[str, tuple[str, float]] = {}
    for text, weight in ((subject, SUBJECT_WEIGHT), (matter("", body), 1.0)):
        named = [said.lower() for said in ENTITY.findall(text)]
        words = [word.lower() for word in WORD.findall(re.sub(ENTITY, " ", text))]
        for word in (*named, *(word for word in words if _tells(word, common))):
            if len(found) >= TERMS_MAX:
                break
            found.setdefault(word if word in named else stem(word), (word, weight))
    return found


def _tells(word: str, common: Callable[[str], bool]) -> bool:
    return not common(word) and folded(word) not in EVERYDAY and not is_courtesy(word)


def questions(window: Iterable[Asked], judged: Judged | None = None) -> list[Question]:
    """The questions of a window, those asked most first. A ticket is in one at most: who asked alone is in none."""
    known = {asked.ticket: asked for asked in window}
    asked = sorted(known.values(), key=lambda one: (one.at, one.ticket.int))
    judged = judged or Judged()
    denied = _denials(judged.denied)
    units = _units(asked, _worth(asked), judged)
    groups: list[_Group] = []
    by_category: dict[str, list[_Group]] = defaultdict(list)
    for unit in units:
        by_category[unit.members[0].category or ""].append(unit)
    for category in sorted(by_category):
        seeds = _joined(_joined(by_category[category], (), NEAR, denied), (), SAME, denied)
        groups += _joined(by_category[category], seeds, NEAR, denied)
    recurring = [group for group in groups if len(group.members) >= COUNT_MIN]
    return [_question(group) for group in sorted(recurring, key=lambda group: group.order)]


def _worth(asked: Sequence[Asked]) -> Callable[[str], float]:
    """What a term tells: nothing, where one ticket alone has it, as its number or its own story."""
    holders = Counter(term for one in asked for term in one.terms)
    return lambda term: log(1 + len(asked) / holders[term]) if holders[term] > 1 else 0.0


def _units(asked: Sequence[Asked], worth: Callable[[str], float], judged: Judged) -> list[_Group]:
    """Each ticket alone, those that agents confirmed to be the same together. The newest word of agents counts: what
    they denied of one pair does not part what they confirmed of others."""
    parent = {one.ticket: one.ticket for one in asked}

    def root(ticket: UUID) -> UUID:
        while parent[ticket] != ticket:
            parent[ticket] = parent[parent[ticket]]
            ticket = parent[ticket]
        return ticket

    for one, other in judged.confirmed:
        if one in parent and other in parent:
            first, second = sorted((root(one), root(other)), key=lambda ticket: ticket.int)
            parent[second] = first
    found: dict[UUID, _Group] = {}
    for each in asked:
        weights = {term: weight * worth(term) for term, (_, weight) in each.terms.items() if worth(term)}
        length = sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        unit = _Group([each], {term: weight / length for term, weight in weights.items()}, 1.0 if weights else 0.0)
        held = found.setdefault(root(each.ticket), unit)
        if held is not unit:
            held.add(unit)
    return sorted(found.values(), key=lambda unit: unit.order)


def _joined(
    units: Iterable[_Group], seeds: Iterable[_Group], bar: float, denied: Mapping[UUID, set[UUID]]
) -> list[_Group]:
    """Each unit with the nearest group, or as a group of its own. Seeds only lend their centres: they hold nobody."""
    groups: list[_Group] = []
    centres: list[_Group] = []
    holders: dict[str, list[int]] = defaultdict(list)

    def begin(members: list[Asked], centre: _Group) -> None:
        for term in _rarest(centre.sums, CENTRE_MAX):
            holders[term].append(len(groups))
        groups.append(_Group(members))
        centres.append(centre)

    for seed in seeds:
        begin([], seed)
    fixed = len(centres)
    for unit in sorted(units, key=lambda one: one.order):
        nearest = _nearest(unit, groups, centres, holders, bar, denied)
        if nearest is None:
            begin(list(unit.members), _Group([], dict(unit.sums), unit.length))
            continue
        groups[nearest].members.extend(unit.members)
        if nearest >= fixed:
            centres[nearest].add(_Group([], dict(unit.sums)))
    for group, centre in zip(groups, centres, strict=True):
        group.sums, group.length = dict(centre.sums), centre.length
        group.members.sort(key=lambda one: (one.at, one.ticket.int))
    return [group for group in groups if group.members]


def _rarest(sums: Vector, most: int) -> list[str]:
    return sorted(sums, key=lambda term: (-sums[term], term))[:most]


def _nearest(
    unit: _Group,
    groups: Sequence[_Group],
    centres: Sequence[_Group],
    holders: Mapping[str, Sequence[int]],
    bar: float,
    denied: Mapping[UUID, set[UUID]],
) -> int | None:
    """The group whose centre is nearest, from the bar on; the earliest of equals."""
    candidates = sorted({nth for term in _rarest(unit.sums, RARE_MAX) for nth in holders.get(term, ())})
    apart = {other for one in unit.members for other in denied.get(one.ticket, ())}
    best, found = bar, None
    for nth in candidates:
        close = _cosine(unit, centres[nth])
        if close < bar or (found is not None and close <= best):
            continue
        if apart and any(one.ticket in apart for one in groups[nth].members):
            continue
        best, found = close, nth
    return found


def _cosine(one: _Group, other: _Group) -> float:
    """0 to 1; 0 where they share but one of several words."""
    shared = one.sums.keys() & other.sums.keys()
    if len(shared) < min(SHARED_MIN, len(one.sums), len(other.sums)) or not one.length or not other.length:
        return 0.0
    return sum(one.sums[term] * other.sums[term] for term in sorted(shared)) / (one.length * other.length)


def _denials(pairs: Iterable[tuple[UUID, UUID]]) -> dict[UUID, set[UUID]]:
    found: dict[UUID, set[UUID]] = defaultdict(set)
    for one, other in pairs:
        found[one].add(other)
        found[other].add(one)
    return found


def _question(group: _Group) -> Question:
    def nearness(asked: Asked) -> float:
        return sum(group.sums.get(term, 0.0) * weight for term, (_, weight) in asked.terms.items())

    nearest = sorted(group.members, key=lambda one: (-round(nearness(one), 9), -one.at.timestamp(), one.ticket.int))
    categories = Counter(one.category or "" for one in group.members)
    category = min(categories, key=lambda one: (-categories[one], one)) or None
    return Question(category, tuple(group.members), _words(group), tuple(one.ticket for one in nearest[:EXAMPLES]))


def _words(group: _Group) -> tuple[str, ...]:
    """The heaviest words, each in the form that most people wrote, if enough people wrote it so."""
    people: dict[str, dict[str, set[UUID]]] = defaultdict(lambda: defaultdict(set))
    for one in group.members:
        for term, (said, _) in one.terms.items():
            people[term][said].add(one.requester)
    held = Counter(term for one in group.members for term in one.terms)
    shown: list[str] = []
    for term in _rarest(group.sums, CENTRE_MAX):
        forms = people.get(term, {})
        said = min(forms, key=lambda form: (-len(forms[form]), form), default="")
        if said and len(forms[said]) >= PEOPLE_MIN and held[term] >= SHARE_MIN * len(group.members):
            shown.append(said)
    return tuple(shown[:WORDS_SHOWN])
