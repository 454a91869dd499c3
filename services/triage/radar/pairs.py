"""Two clients that name one thing that hardly anybody named before -> the pair, kept for a third's sake. Pure.

Two are no incident. But where both also share a word or category, and others come to write of that at an unusual rate,
the two kinds of evidence add up: the name's, and that of the others alone, since the two would be among them anyway.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from services.triage.radar.window import Kept

PAIR_MIN: Final = 3.8  # evidence of two clients for one name
USUAL_MAX: Final = 1.0  # tickets; where more than that are expected with the shared word, it supports nothing
PAIRS_MAX: Final = 200
SUPPORTED_ABOVE: Final = 2.4  # units above the threshold of a name, for the choice among the words that the two share


@dataclass(frozen=True, slots=True)
class Pair:
    """Two tickets that name one thing."""

    entity: int
    evidence: float
    older: Kept
    newer: Kept
    shared: frozenset[int]
    """The other keys of both."""


def pair_of(entity: int, evidence: float, older: Kept, newer: Kept) -> Pair:
    """The pair of two tickets, with what else they share."""
    return Pair(entity, evidence, older, newer, frozenset(older.keys) & frozenset(newer.keys) - {entity})


@dataclass(slots=True)
class Pairs:
    """The latest pairs, by the keys that their tickets share."""

    found: dict[int, Pair] = field(default_factory=dict)
    by_key: dict[int, dict[int, Pair]] = field(default_factory=dict)

    def add(self, pair: Pair) -> None:
        """Keeps a pair, in place of an earlier one for the same name."""
        self.drop(pair.entity)
        self.found[pair.entity] = pair
        for key in pair.shared:
            self.by_key.setdefault(key, {})[pair.entity] = pair
        if len(self.found) > PAIRS_MAX:
            self.drop(next(iter(self.found)))

    def drop(self, entity: int) -> None:
        """Forgets the pair of a name."""
        pair = self.found.pop(entity, None)
        for key in pair.shared if pair is not None else ():
            pairs = self.by_key[key]
            del pairs[entity]
            if not pairs:
                del self.by_key[key]

    def left(self, kept: Kept) -> None:
        """A ticket has left the window, and the pairs with it."""
        for key in kept.keys:
            pair = self.found.get(key)
            if pair is not None and pair.older is kept:
                self.drop(key)

    def forget(self, tickets: Collection[str]) -> None:
        """These tickets must not be told from any more, nor pairs that they are one of."""
        for pair in list(self.found.values()):
            if pair.older.ticket in tickets or pair.newer.ticket in tickets:
                self.drop(pair.entity)

    def state(self) -> list[tuple[int, float, int, int]]:
        """Name, evidence, and the places of the two tickets, in order of their finding."""
        return [(pair.entity, pair.evidence, pair.older.place, pair.newer.place) for pair in self.found.values()]

    @staticmethod
    def of(state: Iterable[tuple[int, float, int, int]], window: Iterable[Kept]) -> Pairs:
        """The pairs that had this state, beside the window that was saved with it."""
        pairs, at = Pairs(), {kept.place: kept for kept in window}
        for entity, found, older, newer in state:
            pairs.add(pair_of(entity, found, at[older], at[newer]))
        return pairs
