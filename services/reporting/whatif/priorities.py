"""(A ticket's history, another table of rules) -> its priority by that table, and the history that it makes. Pure.

Each recorded judgement holds the numbers that it was made from, so no text is opened. Between them exchanges and
reopenings are counted on; a tone or a matter that changed comes in with the judgement that it brought about. As live:
up at once, never down by itself, never against a person's word, unless an incident outranked it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from contracts import tickets as tell
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.terms import Priority
from services.kit.rules.clock_rules import ENDED
from services.kit.rules.facts import NOBODY, Facts, facts_of
from services.kit.rules.priority import exchange_points, priority_by
from services.kit.rules.priority_table import PriorityTable

History = Sequence[Recorded[Event]]


@dataclass
class Rejudged:
    """What became of one ticket. `moment` is when the two priorities part for the first time."""

    table: PriorityTable
    history: list[Recorded[Event]] = field(default_factory=list)
    before: Priority | None = None
    after: Priority | None = None
    by_person: bool = False
    rules: str | None = None
    """The version of the rules that judged it last."""
    moment: Recorded[Event] | None = None
    _facts: Facts | None = None
    _ended: bool = False

    def take(self, event: Recorded[Event]) -> None:
        """One more event. Its judgements are left out and their likes by the other table put in."""
        match event.data:
            case tell.TicketPrioritised() as told:
                self._recorded(event, told)
            case tell.PrioritySet() as told:
                self.before = self.after = told.priority
                self.by_person = True
                self.history.append(event)
            case other:
                self.history.append(event)
                self._fact(event, other)
        if self.moment is None and self.before is not self.after:
            self.moment = event

    def _fact(self, event: Recorded[Event], told: Event) -> None:
        match told:
            case tell.PrioritySuggested() if told.inputs is not None:
                self._facts = facts_of(told.inputs)
                self._judge(event)
            case tell.MessageReceived() | tell.ReplySent():
                self._exchange(event)
            case tell.TicketReopened():
                self._ended = False
                if self._facts is not None:
                    self._facts = replace(self._facts, reopened_by=(*self._facts.reopened_by, NOBODY))
                    self._judge(event)
            case tell.TicketResolved() | tell.TicketClosed():
                self._ended = True
            case tell.StatusChanged():
                self._ended = told.status in ENDED
            case _:
                pass

    def _recorded(self, event: Recorded[Event], told: tell.TicketPrioritised) -> None:
        """A recorded judgement stands where an incident made it against a person's word."""
        self.rules, self.before = told.rule_version, told.priority
        if self.by_person or told.inputs is None:
            self.after = told.priority
            self.history.append(event)
            return
        self._facts = facts_of(told.inputs)
        self._judge(event)

    def _exchange(self, event: Recorded[Event]) -> None:
        facts = self._facts
        if facts is None:
            return
        self._facts = replace(facts, exchanges=facts.exchanges + 1)
        if exchange_points(facts.exchanges, self.table) != exchange_points(facts.exchanges + 1, self.table):
            self._judge(event)

    def _judge(self, event: Recorded[Event]) -> None:
        if self.by_person or self._facts is None or (self._ended and self.after is not None):
            return
        found = priority_by(self._facts, self.table)
        if self.after is None or found < self.after:
            self.after = found
            data = tell.PrioritySet.model_construct(priority=found)
            self.history.append(event._replace(type=tell.PrioritySet.type, data=data))


def rejudged(history: History, table: PriorityTable) -> Rejudged:
    """One ticket by another table."""
    found = Rejudged(table)
    for event in history:
        found.take(event)
    return found
