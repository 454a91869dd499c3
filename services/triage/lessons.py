"""Each lane's events in order -> lessons: the rules' judgement of each ticket, and what people made of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from contracts import tickets as tell
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.terms import Inputs
from services.kit.rules.facts import facts_of
from services.kit.rules.priority import priority_by
from services.kit.rules.priority_table import SHIPPED
from services.triage.learned import Lesson

TEACHING: Final = frozenset({"ticket.prioritised", "ticket.priority_set", "ticket.resolved"})


@dataclass
class Lessons:
    """Reads along, one lane after the other."""

    _found: list[tuple[datetime, int, int, Lesson]] = field(default_factory=list)
    _open: dict[UUID, Inputs] = field(default_factory=dict)
    _told: set[UUID] = field(default_factory=set)

    def in_order(self) -> list[Lesson]:
        """As people judged, whatever lane it was in."""
        return [lesson for *_, lesson in sorted(self._found, key=lambda one: one[:3])]

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
        self._found.append((event.recorded_at, event.lane, event.position, lesson))
        self._told.add(event.stream)
        del self._open[event.stream]
