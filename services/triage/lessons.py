"""Each lane's events in order -> lessons: what the rules said of each ticket, and what people made of it. Pure.

A priority's lesson is whole: it was judged from numbers. A category's names the ticket, whose text others open.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from contracts import tickets as tell
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.terms import Inputs
from services.kit.rules.facts import facts_of
from services.kit.rules.priority import priority_by
from services.kit.rules.priority_table import SHIPPED
from services.triage.learned import Lesson
from services.triage.taxonomy_learn import LESSONS_MAX

TEACHING: Final = frozenset(
    {"ticket.prioritised", "ticket.priority_set", "ticket.classified", "ticket.category_set", "ticket.resolved"}
)

Place = tuple[datetime, int, int]
"""When something was told, and where: lane and position."""


@dataclass
class Lessons:
    """Reads along, one lane after the other."""

    _found: list[tuple[Place, Lesson]] = field(default_factory=list)
    _open: dict[UUID, Inputs] = field(default_factory=dict)
    _told: set[UUID] = field(default_factory=set)

    def in_order(self) -> list[Lesson]:
        """As people judged, whatever lane it was in."""
        return [lesson for _, lesson in sorted(self._found, key=lambda one: one[0])]

    def read(self, event: Recorded[Event]) -> None:
        """A ticket teaches once: when a person first sets its priority, or when it is resolved as it was judged."""
        match event.data:
            case tell.TicketPrioritised(inputs=Inputs() as inputs) if event.stream not in self._told:
                self._open[event.stream] = inputs.model_copy(update={"learned": None})
            case tell.PrioritySet(priority=priority) if event.stream in self._open:
                self._teach(event, Lesson(event.client, self._open[event.stream], priority))
            case tell.TicketResolved() if event.stream in self._open:
                inputs = self._open[event.stream]
                self._teach(event, Lesson(event.client, inputs, priority_by(facts_of(inputs), SHIPPED)))
            case _:
                pass

    def _teach(self, event: Recorded[Event], lesson: Lesson) -> None:
        self._found.append((_place(event), lesson))
        self._told.add(event.stream)
        del self._open[event.stream]


class Kept(NamedTuple):
    """The category that people kept, or `set_by_person`, for a ticket of a lane."""

    lane: int
    ticket: UUID
    client: str
    wanted: str
    set_by_person: bool


@dataclass
class Categories:
    """Reads along, one lane after the other, and keeps the newest."""

    _found: dict[UUID, tuple[Place, Kept]] = field(default_factory=dict)
    _open: dict[UUID, str | None] = field(default_factory=dict)

    def in_order(self) -> list[Kept]:
        """As people judged, whatever lane it was in."""
        return [kept for _, kept in sorted(self._found.values())[-LESSONS_MAX:]]

    def read(self, event: Recorded[Event]) -> None:
        """A ticket teaches once: what a person last set, or else what it was classified as when it was resolved."""
        ticket = event.stream
        match event.data:
            case tell.TicketClassified(category=category):
                self._open.setdefault(ticket, category)
            case tell.CategorySet(category=category) if ticket in self._open or ticket in self._found:
                if not event.actor.startswith("system:"):
                    self._teach(event, category, set_by_person=True)
            case tell.TicketResolved() if ticket in self._open:
                category = self._open[ticket]
                if category is not None:
                    self._teach(event, category, set_by_person=False)
            case _:
                pass

    def _teach(self, event: Recorded[Event], category: str, *, set_by_person: bool) -> None:
        kept = Kept(event.lane, event.stream, event.client, category, set_by_person)
        self._found[event.stream] = _place(event), kept
        self._open.pop(event.stream, None)
        if len(self._found) > 2 * LESSONS_MAX:
            self._found = dict(sorted(self._found.items(), key=lambda one: one[1][0])[-LESSONS_MAX:])


def _place(event: Recorded[Event]) -> Place:
    return event.recorded_at, event.lane, event.position
