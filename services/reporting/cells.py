"""Kept counts -> totals, counts of each filter's values, and by which way a page is had cheapest. Pure.

A cell is (status, priority). The counts know how many tickets each facet (a category, an assignee, a tag) leaves in
each cell; of a combination of facets they only say what to expect if facets do not know of each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from contracts.terms import Status
from services.reporting.asked import Asked

Cell = tuple[str, str]
Cells = Mapping[Cell, float]


@dataclass(frozen=True, slots=True)
class Kept:
    """The kept counts of a question's clients: of all their tickets, and under each facet asked for."""

    every: Cells
    facets: tuple[Cells, ...]

    @property
    def exact(self) -> bool:
        """Whether `expected` is what counting would give."""
        return len(self.facets) <= 1

    def expected(self) -> dict[Cell, float]:
        """How many tickets all facets together leave in each cell."""
        found: dict[Cell, float] = {}
        for cell, every in self.every.items():
            share = 1.0
            for facet in self.facets:
                share *= facet.get(cell, 0) / every
            if share:
                found[cell] = every * share
        return found


def wanted(cells: Mapping[Cell, float], asked: Asked) -> float:
    """How many of these fit the statuses and priorities asked for."""
    return sum(
        tickets
        for (status, priority), tickets in cells.items()
        if status in asked.statuses and (asked.priorities is None or priority in asked.priorities)
    )


def few_fit(kept: Kept, asked: Asked) -> bool:
    """Whether fetching all rows that fit costs less than walking an index until a page is full of them.

    Walking reads, for each status, as many rows as it takes to find a page of fitting ones, at worst all.
    """
    if not kept.facets and asked.priorities is None:
        return False
    expected = kept.expected()
    walked = 0.0
    for status in asked.statuses:
        every = sum(tickets for (state, _), tickets in kept.every.items() if state == status)
        fitting = wanted({cell: tickets for cell, tickets in expected.items() if cell[0] == status}, asked)
        walked += min(every, (asked.limit + 1) * every / fitting if fitting else every)
    return wanted(expected, asked) < walked


def by_value(cells: Mapping[Cell, float], asked: Asked) -> dict[str, dict[str, int]]:
    """For each dimension its counts under all the other filters: what a click on one of its values would show."""
    statuses: Counter[str] = Counter({status.value: 0 for status in Status})
    priorities: Counter[str] = Counter()
    for (status, priority), tickets in cells.items():
        if asked.priorities is None or priority in asked.priorities:
            statuses[status] += round(tickets)
        if status in asked.statuses:
            priorities[priority or "none"] += round(tickets)
    return {"status": dict(statuses), "priority": dict(priorities)}


def kept_of(rows: Iterable[tuple[str, str, str, int]], facets: Iterable[str]) -> Kept:
    """Rows of (facet, status, priority, tickets) as counts; the facet of all tickets is empty."""
    found: dict[str, dict[Cell, float]] = {"": {}, **{facet: {} for facet in facets}}
    for facet, status, priority, tickets in rows:
        found[facet][status, priority] = tickets
    every = found.pop("")
    return Kept(every, tuple(found.values()))
