"""Tickets of one lane, one after the other -> their tally, and a line for each breach and priority that moved. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from contracts.envelope import Recorded
from contracts.model import Event
from contracts.tickets import PrioritySet, TicketPrioritised, TicketSubmitted
from services.kit.rules.clocks import RunsBackwards
from services.kit.rules.open_time import us
from services.kit.rules.policies import NoCalendar
from services.reporting.whatif.asked import WhatifQuestion, stamp
from services.reporting.whatif.books import Books, Shelf
from services.reporting.whatif.outcomes import Both, Range, judged, side_by_side, without_recorded
from services.reporting.whatif.priorities import Rejudged, rejudged
from services.reporting.whatif.tally import Tally, moved

History = Sequence[Recorded[Event]]


class Part:
    """Replays tickets. `of_client` gives a client's stream of configuration; it is asked once for each client."""

    def __init__(self, asked: WhatifQuestion, shelf: Shelf, of_client: Mapping[str, History], span: Range) -> None:
        self.tally = Tally()
        self._asked, self._shelf, self._span = asked, shelf, span
        self._of_client = of_client
        self._books: dict[str, tuple[Books, Books]] = {}

    def ticket(self, history: History, erased: Callable[[TicketSubmitted], bool]) -> Iterator[dict[str, Any]]:
        """Counts one ticket; gives what moved. A history or terms that make no sense cost that ticket its clocks."""
        first = history[0]
        born = first.data
        if not isinstance(born, TicketSubmitted):
            return
        reference = f"{born.prefix}-{first.number}"
        self.tally.events += len(history)
        lived = history
        if self._asked.rules is not None:
            again = rejudged(history, self._asked.rules)
            if self._counts(first) and (line := self._priority(reference, first.client, again, erased(born))):
                yield line
            lived = history if erased(born) else again.history
        cycles = self._cycles(first.client, history, lived)
        self.tally.count(first.client, cycles)
        for both in cycles:
            moved_line = moved(reference, first.client, both)
            if moved_line is not None:
                yield moved_line

    def _cycles(self, client: str, history: History, lived: History) -> list[Both]:
        """Both judgements. A ticket that nothing would have been different for is folded once."""
        before, after = self._books_of(client)
        try:
            was = judged(history, before, self._span)
            same = lived is history and not self._concerned(history)
            would = was if same else judged(without_recorded(lived), after, self._span)
        except (RunsBackwards, NoCalendar):
            self.tally.faulty += 1
            return []
        return side_by_side(was, would)

    def _concerned(self, history: History) -> bool:
        """Whether a ticket may have another clock: single targets of a priority concern those that ever had it."""
        asked = self._asked
        if asked.policy is not None or asked.calendars:
            return True
        if any(setting.priority is None for setting in asked.set):
            return True
        wanted = {setting.priority for setting in asked.set}
        return any(
            isinstance(event.data, TicketPrioritised | PrioritySet) and event.data.priority in wanted
            for event in history
        )

    def _counts(self, first: Recorded[Event]) -> bool:
        return self._span.start <= us(first.occurred_at) < self._span.end

    def _priority(self, reference: str, client: str, again: Rejudged, gone: bool) -> dict[str, Any] | None:
        counts = self.tally.priorities.of(client)
        if again.rules is None:
            counts.unjudged += 1
            return None
        self.tally.priorities.rules[again.rules] += 1
        if gone:
            counts.erased += 1
            return {"ticket": reference, "client": client, "change": "not_rejudged"}
        counts.by_person += again.by_person
        assert again.before is not None and again.after is not None  # noqa: S101, PT018  somebody has judged it
        counts.moves[again.before, again.after] += 1
        if again.before is again.after or again.moment is None:
            return None
        at = stamp(again.moment.occurred_at)
        change = "raised" if again.after < again.before else "lowered"
        return {
            "ticket": reference,
            "client": client,
            "change": change,
            "at": at,
            "before": again.before,
            "after": again.after,
        }

    def _books_of(self, client: str) -> tuple[Books, Books]:
        found = self._books.get(client)
        if found is None:
            before = self._shelf.before(self._of_client.get(client, ()))
            found = self._books[client] = before, self._shelf.after(before)
        return found
