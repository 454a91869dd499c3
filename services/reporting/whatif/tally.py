"""Cycles judged twice, ticket by ticket -> counts per client and metric, and one line a breach that moved. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from contracts.sla import Metric
from contracts.terms import Priority
from services.kit.rules.open_time import instant
from services.reporting.whatif.asked import stamp
from services.reporting.whatif.outcomes import Both, Judged

OUTCOMES: Final = ("met", "breached", "waived", "open", "provisional")
"""What is counted. Attained is met or waived, of what is decided: open and provisional may still go either way."""


class Place(NamedTuple):
    """Whose figures they are, and of which metric."""

    client: str
    metric: Metric


@dataclass
class Counts:
    """Cycles of one metric by their outcome, before and after, and breaches that moved."""

    before: Counter[str] = field(default_factory=Counter)
    after: Counter[str] = field(default_factory=Counter)
    gained: int = 0
    lost: int = 0

    def add(self, other: Counts) -> None:
        self.before += other.before
        self.after += other.after
        self.gained += other.gained
        self.lost += other.lost

    def plain(self) -> dict[str, Any]:
        return {
            "before": _side(self.before),
            "after": _side(self.after),
            "gained": self.gained,
            "lost": self.lost,
        }


def _side(counted: Counter[str]) -> dict[str, Any]:
    return {**{outcome: counted[outcome] for outcome in OUTCOMES}, "attained": attained(counted)}


def attained(counted: Counter[str]) -> float | None:
    """Percent of the decided cycles that kept their target; None where none is decided."""
    kept = counted["met"] + counted["waived"]
    decided = kept + counted["breached"]
    return round(100 * kept / decided, 2) if decided else None


@dataclass
class Moves:
    """Tickets of one client by their priority before and after. Of erased persons' tickets nothing is judged again."""

    moves: Counter[tuple[Priority, Priority]] = field(default_factory=Counter)
    by_person: int = 0
    """Where a person's word stands, before and after: among the moves, on the diagonal."""
    unjudged: int = 0
    """Which no rules have judged: those that were imported bring their priority along."""
    erased: int = 0

    def add(self, other: Moves) -> None:
        self.moves += other.moves
        self.by_person += other.by_person
        self.unjudged += other.unjudged
        self.erased += other.erased

    def plain(self) -> dict[str, Any]:
        matrix = {str(old): {str(new): self.moves[old, new] for new in Priority} for old in Priority}
        return {
            "matrix": matrix,
            "raised": sum(count for (old, new), count in self.moves.items() if new < old),
            "lowered": sum(count for (old, new), count in self.moves.items() if new > old),
            "by_person": self.by_person,
            "unjudged": self.unjudged,
            "not_rejudged": self.erased,
        }


@dataclass
class Priorities:
    """The moves of every client, and how many tickets which version of the rules had judged."""

    clients: dict[str, Moves] = field(default_factory=dict)
    rules: Counter[str] = field(default_factory=Counter)

    def of(self, client: str) -> Moves:
        return self.clients.setdefault(client, Moves())

    def add(self, other: Priorities) -> None:
        self.rules += other.rules
        for client, moves in other.clients.items():
            self.of(client).add(moves)

    def plain(self) -> dict[str, Any]:
        total = Moves()
        for moves in self.clients.values():
            total.add(moves)
        clients = [{"client": client, **self.clients[client].plain()} for client in sorted(self.clients)]
        return {"judged_by": dict(sorted(self.rules.items())), **total.plain(), "clients": clients}


@dataclass
class Tally:
    """What a part of the log adds up to. Parts are added in any order: the sums are the same."""

    tickets: int = 0
    events: int = 0
    faulty: int = 0
    """Tickets whose history or terms make no sense: they have no clocks."""
    places: dict[Place, Counts] = field(default_factory=dict)
    priorities: Priorities = field(default_factory=Priorities)

    def count(self, client: str, cycles: Iterable[Both]) -> None:
        """One ticket's cycles."""
        self.tickets += 1
        for both in cycles:
            counts = self.places.setdefault(Place(client, both.metric), Counts())
            if both.before is not None:
                counts.before[both.before.outcome] += 1
            if both.after is not None:
                counts.after[both.after.outcome] += 1
            change = both.change
            counts.gained += change == "gained"
            counts.lost += change == "lost"

    def add(self, other: Tally) -> None:
        self.tickets += other.tickets
        self.events += other.events
        self.faulty += other.faulty
        self.priorities.add(other.priorities)
        for place, counts in other.places.items():
            self.places.setdefault(place, Counts()).add(counts)

    def clients(self) -> list[dict[str, Any]]:
        """The figures by client and metric, in the order of names."""
        found: dict[str, list[dict[str, Any]]] = {}
        for place in sorted(self.places):
            found.setdefault(place.client, []).append({"metric": place.metric, **self.places[place].plain()})
        return [{"client": client, "metrics": metrics} for client, metrics in found.items()]

    def total(self) -> list[dict[str, Any]]:
        """The figures of all clients together, by metric."""
        sums: dict[Metric, Counts] = {}
        for place, counts in self.places.items():
            sums.setdefault(place.metric, Counts()).add(counts)
        return [{"metric": metric, **sums[metric].plain()} for metric in Metric if metric in sums]


def moved(reference: str, client: str, both: Both) -> dict[str, Any] | None:
    """A breach that was gained or lost, as a line of the result."""
    change = both.change
    if change is None:
        return None
    return {
        "ticket": reference,
        "client": client,
        "metric": both.metric,
        "change": change,
        "at": stamp(instant(both.moment)),
        "began": stamp(instant(both.started)),
        "before": _said(both.before),
        "after": _said(both.after),
    }


def _said(judged: Judged | None) -> dict[str, Any] | None:
    if judged is None:
        return None
    return {"outcome": judged.outcome, "due": _at(judged.due), "breached": _at(judged.breached_at)}


def _at(at: int | None) -> str | None:
    return None if at is None else stamp(instant(at))
