"""(Case, Map, who is who) -> the events of one imported ticket. Pure; it bypasses decide and keeps the source's states.

Every row leaves at least one event, with the source's own word for the state and the row's time. Ids follow from the
source's name, the ticket's and the row's time, so the same row makes the same event in every run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

from contracts import tickets
from contracts.envelope import Actor, microseconds
from contracts.model import Event
from contracts.subjects import stamp_lane
from contracts.terms import Channel, Priority, Source, Status
from services.importing.cases import NAME_CHARACTERS_MAX, Case, Clockwork, Line, state_word
from services.importing.map import BRACED, UNCHANGED, Map

SYSTEM = str(Actor("system", "import"))
SUBJECT_CHARACTERS_MAX = 500
REOPENINGS_MAX = 100  # told by one row; a count that jumps further is a mistake of the source
ENDED = frozenset({Status.RESOLVED, Status.CLOSED})


class Draft(NamedTuple):
    """An event of an imported ticket before it has its version. `row` is the row that it comes from."""

    id: UUID
    row: int
    at: datetime
    actor: str
    data: Event


class Parties(NamedTuple):
    """Who is who: the client's prefix, the requester's id, and agents' ids by name."""

    prefix: str
    requester: UUID
    agents: Mapping[str, UUID]


def ticket_stream(system: str, case: str, lane: int) -> UUID:
    """The ticket's id: the source's name and the ticket's, stamped with the lane of its client."""
    return stamp_lane(uuid5(NAMESPACE_URL, f"daybook:import:{system}:{case}"), lane)


def ends(drafts: Sequence[Draft]) -> bool:
    """Whether the source has solved or closed the ticket in the end."""
    for draft in reversed(drafts):
        match draft.data:
            case tickets.TicketResolved() | tickets.TicketClosed():
                return True
            case tickets.StatusChanged(status=status):
                return status in ENDED
            case tickets.TicketReopened():
                return False
            case _:
                pass
    return False


@dataclass(frozen=True)
class Translation:
    """A map made ready for the columns of one file."""

    source: Map
    place: Mapping[str, int]
    clockwork: Clockwork

    def cell(self, line: Line, column: str | None) -> str:
        return "" if column is None else line.cells[self.place[column]]

    def place_of(self, column: str | None) -> int | None:
        return None if column is None else self.place[column]

    def client(self, case: Case) -> str:
        """The name of the ticket's client: its first one."""
        name = self.source.client.of(case.first(self.place_of(self.source.client.column)))
        return (name or "Imported")[:NAME_CHARACTERS_MAX].strip()

    def requester(self, case: Case) -> tuple[str, str | None]:
        """The name of the ticket's requester, the first that it has, and their address where the source has one."""
        requester = self.source.requester
        name = requester.of(case.first(self.place_of(requester.column))) or "Unknown requester"
        return name, case.first(self.place_of(requester.address)) or None

    def born_at(self, case: Case) -> datetime:
        """When the ticket was opened, as the source says; the first row's time where that is earlier or alone."""
        first = case.lines[0]
        opened = self.clockwork.read(self.cell(first, self.source.opened)) if self.source.opened else None
        return min(opened, first.at) if opened else first.at

    def agents(self, case: Case) -> Iterator[tuple[str, datetime]]:
        """Names of the desk's people in the case, with the instant of each row."""
        for line in case.lines:
            for part in (self.source.actor, self.source.agent):
                name = part.of(self.cell(line, part.column)) if part else None
                if name:
                    yield name, line.at

    def events(self, case: Case, stream: UUID, parties: Parties) -> list[Draft]:
        """The ticket's whole life, in order."""
        return [
            Draft(uuid5(stream, key), line.row, at, actor, data)
            for line, key, at, actor, data in Life(self, case, parties).events()
        ]


Told = tuple[Line, str, datetime, str, Event]
"""A row, what makes the event's id within its ticket, when it happened, who did it, and the event."""


class Life:
    """Walks through the rows of one ticket and tells what changed."""

    def __init__(self, translation: Translation, case: Case, parties: Parties) -> None:
        self._t = translation
        self._case = case
        self._parties = parties
        self._status = Status.NEW
        self._reopened = 0
        self._priority: Priority | None = None
        self._category: str | None = None
        self._had: tuple[UUID | None, str | None] = (None, None)
        self._note = ""

    def events(self) -> Iterator[Told]:
        first = self._case.lines[0]
        born_at = self._t.born_at(self._case)
        yield first, "submitted", born_at, str(Actor("requester", str(self._parties.requester))), self._born(born_at)
        for line in self._case.lines:
            actor = self._actor(line)
            key = f"{microseconds(line.at)}:{line.nth}"
            said = line is first and born_at == line.at and self._meaning(line) is Status.NEW
            for kind, data in self._row(line, said_at_birth=said):
                yield line, f"{key}:{kind}", line.at, actor, data

    def _actor(self, line: Line) -> str:
        part = self._t.source.actor
        name = part.of(self._t.cell(line, part.column)) if part else None
        return str(Actor("agent", str(self._parties.agents[name]))) if name else SYSTEM

    def _word(self, line: Line) -> str:
        return state_word(line.cells, [self._t.place[column] for column in self._t.source.state.column])

    def _meaning(self, line: Line) -> Status:
        meaning = self._t.source.state.meaning(self._word(line))
        return self._status if meaning is None or meaning == UNCHANGED else Status(meaning)

    def _born(self, born_at: datetime) -> tickets.TicketSubmitted:
        source, first = self._t.source, self._case.lines[0]
        cell = self._t.cell
        self._category = source.category.of(cell(first, source.category.column)) if source.category else None
        return tickets.TicketSubmitted(
            prefix=self._parties.prefix,
            requester=self._parties.requester,
            subject=self._filled(source.subject)[:SUBJECT_CHARACTERS_MAX],
            body=self._filled(source.body),
            channel=(source.channel.of(cell(first, source.channel.column)) if source.channel else None) or Channel.API,
            category=self._category,
            answers={name: text for name, column in source.answers.items() if (text := cell(first, column))},
            urgency=source.urgency.of(cell(first, source.urgency.column)) if source.urgency else None,
            source=Source(
                system=source.system,
                reference=self._case.name,
                status=self._word(first) if born_at == first.at else None,
                row=first.row,
            ),
        )

    def _filled(self, template: str) -> str:
        first = self._case.lines[0]
        return BRACED.sub(lambda braced: self._t.cell(first, braced[1]) or "–", template)

    def _row(self, line: Line, *, said_at_birth: bool) -> Iterator[tuple[str, Event]]:
        """What one row changed. A reopening comes first, the state last: a ticket is given away before it is closed."""
        source, cell = self._t.source, self._t.cell
        status, word = self._meaning(line), self._word(line) or None
        reopenings = self._reopenings(line, status)
        for nth in range(reopenings):
            yield f"reopened:{nth}", tickets.TicketReopened(source_status=word)
        if reopenings:
            self._status = Status.OPEN
        if source.category and (category := source.category.of(cell(line, source.category.column))):
            if category != self._category:
                yield "category", tickets.CategorySet(category=category)
            self._category = category
        if source.priority and (priority := source.priority.of(cell(line, source.priority.column))):
            if priority != self._priority:
                yield "priority", tickets.PrioritySet(priority=priority)
            self._priority = priority
        if self._had != (has := self._has(line)):
            yield "assigned", tickets.TicketAssigned(agent=has[0], team=has[1])
            self._had = has
        if (note := cell(line, source.note)) and note != self._note:
            yield "note", tickets.NoteAdded(body=note)
            self._note = note
        if not said_at_birth and not (reopenings and status is Status.OPEN):
            yield "state", self._state(status, word)
        self._status = status

    def _reopenings(self, line: Line, status: Status) -> int:
        """How often the row says that the ticket was reopened: by the source's own count, or by leaving an end."""
        column = self._t.source.reopened
        if column is None:
            return int(self._status in ENDED and status not in ENDED)
        count = self._t.cell(line, column)
        more = int(count) - self._reopened if count.isdecimal() else 0
        more = min(max(more, 0), REOPENINGS_MAX)
        self._reopened += more
        return more

    def _has(self, line: Line) -> tuple[UUID | None, str | None]:
        source, cell = self._t.source, self._t.cell
        agent, team = self._had
        if source.agent and (not source.agent.when or self._word(line) in source.agent.when):
            name = source.agent.of(cell(line, source.agent.column))
            agent = self._parties.agents[name] if name else None
        if source.team:
            team = source.team.of(cell(line, source.team.column))
        return agent, team

    def _state(self, status: Status, word: str | None) -> Event:
        """An end is told as such when it is reached; a state that the row only repeats is told as a state."""
        if status is Status.RESOLVED and self._status not in ENDED:
            return tickets.TicketResolved(source_status=word)
        if status is Status.CLOSED and self._status is not Status.CLOSED:
            return tickets.TicketClosed(source_status=word)
        return tickets.StatusChanged(status=status, source_status=word)
