"""The newest ticket's keys, and who showed them -> the signs that they give. Pure.

What does not depend on the key is worked out once a ticket (`Moment`); most keys are then done with a comparison.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from services.triage.radar.evidence import (
    CLIENTS_MIN,
    RATIO_MIN,
    SUSPECTED_BELOW,
    THRESHOLDS,
    evidence,
    least_tickets,
    parameters,
    slowness,
    thresholds,
)
from services.triage.radar.memory import Memory
from services.triage.radar.pairs import PAIR_MIN, SUPPORTED_ABOVE, USUAL_MAX, Pairs, pair_of
from services.triage.radar.sign import Sign
from services.triage.radar.strongest import strongest
from services.triage.radar.window import Kept, Showing

Shown = tuple[int, Showing]
"""A key's number, and the clients that show it."""


class Moment:
    """What is usual when a ticket comes."""

    def __init__(self, memory: Memory, at: float, weight: float) -> None:
        self._memory = memory
        self._weight = weight
        self._near = memory.short.weight(at)
        self.total = memory.long.total / weight
        pace = memory.pace(at)
        self.least_tickets = least_tickets(pace)
        self.bars = thresholds(self.total, pace)

    def parameters(self, number: int) -> tuple[float, float]:
        """The share of a key: what was remembered, or would have been, had it always been as usual as of late."""
        short, total = self._memory.short, self.total
        seen = self._memory.long.counts[number] / self._weight
        of_late = short.counts[number] / self._near - 1.0
        if of_late > 0:
            seen = max(seen, of_late * total * self._near / short.total)
        return parameters(seen, total)


class Asking:
    """One ticket's keys, asked for their evidence. `raised` is by how much people raised the bar of a handle."""

    def __init__(
        self, memory: Memory, pairs: Pairs, raised: Mapping[int, float], moment: Moment, kept: Kept,
        names: Mapping[int, str],
    ) -> None:  # fmt: skip
        self._memory, self._pairs, self._raised = memory, pairs, raised
        self._moment, self._kept, self._names = moment, kept, names

    def signs(self, several: Sequence[Shown]) -> list[tuple[int, Sign]]:
        """The signs of these keys by their numbers, the strongest first. Keeps pairs of names for a third's sake."""
        found: list[tuple[int, Sign]] = []
        moment, kept, names = self._moment, self._kept, self._names
        for number, showing in several:
            clients = len(showing)
            if clients < CLIENTS_MIN:
                if names[number][0] == "e":
                    self._pair(number, showing)
                continue
            if clients > 32 and kept.place % (clients // 16):
                continue  # a count of many grows slowly: asking now and then is enough
            key = names[number]
            bar = moment.bars[key[0]] + self._raised_by(number)
            sign = strongest(key, showing, kept, moment.parameters(number), bar, moment.least_tickets)
            if sign is not None:
                found.append((number, sign))
        if self._pairs.found:
            found += self._supported(several)
        return sorted(found, key=lambda one: (-one[1].margin, one[1].key))

    def _raised_by(self, number: int) -> float:
        return self._raised.get(self._memory.handles[number], 0.0) if self._raised else 0.0

    def _pair(self, number: int, showing: Showing) -> None:
        """Keeps two tickets that name a rare thing, should a third tell of the same without its name."""
        if len(showing) != 2:
            return
        older, newer = showing.values()
        tickets = max(newer.place - older.place + 1, self._moment.least_tickets)
        found = evidence(2, tickets, *self._moment.parameters(number))
        if found >= self._moment.bars["e"] - THRESHOLDS["e"] + PAIR_MIN:
            self._pairs.add(pair_of(number, found, older, newer))

    def _supported(self, several: Sequence[Shown]) -> Iterator[tuple[int, Sign]]:
        """The signs of pairs that share a key with the newest ticket."""
        moment, kept = self._moment, self._kept
        bar = 2 * moment.bars["e"] - THRESHOLDS["e"] + SUPPORTED_ABOVE
        for number, showing in several:
            pairs = self._pairs.by_key.get(number)
            if pairs is None or len(showing) < CLIENTS_MIN:
                continue
            alpha, beta = moment.parameters(number)
            share = alpha / (alpha + beta)
            for pair in pairs.values():
                since = pair.older.place
                clients = sum(one.place >= since for one in showing.values())
                tickets = max(kept.place - since + 1, moment.least_tickets)
                if clients < CLIENTS_MIN or clients - 2 < RATIO_MIN * tickets * share or tickets * share > USUAL_MAX:
                    continue
                both = pair.evidence + evidence(clients - 2, tickets, alpha, beta)
                raised = self._raised_by(pair.entity) + self._raised_by(number)
                margin = both - bar - raised - slowness(kept.at - pair.older.at)
                if margin >= -SUSPECTED_BELOW:
                    found = round(both, 6), round(margin, 6)
                    yield number, Sign(self._names[number], *found, clients, tickets, tickets * share, kept.at)
