"""Events of some lanes -> triage's answers, appended in the cursors' transaction. I/O; `judgements` thinks.

The usual ticket is judged from its submission alone, without reading anything of it: if its stream has grown meanwhile
the append says so, and the ticket is read and judged again, now under the lane's lock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from uuid import UUID, uuid5

from contracts.clients import ClientChanged, ClientRegistered, Tier
from contracts.envelope import Origin, Recorded
from contracts.model import Event, Seal
from contracts.subjects import client_stream, lane_of
from contracts.tickets import TicketSubmitted
from services.kit.bus import AfterCommit
from services.kit.log.append import Append, NewEvent, NotAppended, append_in
from services.kit.log.read import recorded
from services.kit.personal import Vault
from services.kit.postgres import Connection, queries
from services.kit.rules.priority import Evidence
from services.triage.judgements import NEW_FACTS, Answer, answers
from services.triage.phrases import evidence_in

SQL = queries("services/triage/sql/triage.sql")

ACTOR = "system:triage"
ACTING = frozenset({Origin.LIVE, Origin.DEMO, Origin.PRACTICE})
"""Imports bring the priorities of the desk that they come from."""

History = Sequence[Recorded[Event]]


class Triage:
    """The consumer `triage`."""

    name = "triage"

    def __init__(self, vault: Vault, *, log_time: bool, committed: Callable[[Iterable[int]], None]) -> None:
        self._vault = vault
        self._log_time = log_time
        self._committed = committed

    async def handle(self, lane: int, events: History, connection: Connection) -> AfterCommit | None:
        """Answers the new facts of one lane."""
        return await self.handle_lanes({lane: events}, connection)

    async def handle_lanes(self, batch: Mapping[int, History], connection: Connection) -> AfterCommit | None:
        """Answers the new facts of a batch in one append; what had grown meanwhile is read and answered once more."""
        events = [event for lane in batch.values() for event in lane]
        causes = _causes(events)
        if not causes:
            return None
        tiers = await _tiers(connection, {event.client for event in events if event.stream in causes})
        words = await self._words(events)
        histories = await _histories(connection, events, causes)
        again = await self._append(connection, histories, causes, tiers, words)
        if again:  # the lanes' locks are ours from the first append on, so nothing grows any more
            left = await self._append(connection, await _read(connection, again), causes, tiers, words)
            if left:
                raise RuntimeError(f"{len(left)} tickets were refused by the log twice")
        lanes = {lane_of(ticket) for ticket in causes}
        return lambda: self._committed(lanes)

    async def _words(self, events: History) -> Mapping[UUID, tuple[Evidence, ...]]:
        """The phrases of urgency in what was submitted, by ticket. An erased person's text says nothing."""
        submitted = [
            (event.stream, event.data)
            for event in events
            if isinstance(event.data, TicketSubmitted) and event.origin in ACTING
        ]
        await self._vault.load({data.requester for _, data in submitted})
        return {
            ticket: evidence_in(self._vault.shown(data.subject), self._vault.shown(data.body))
            for ticket, data in submitted
        }

    async def _append(
        self,
        connection: Connection,
        histories: Mapping[UUID, History],
        causes: Mapping[UUID, set[int]],
        tiers: Mapping[str, Callable[[int], Tier]],
        words: Mapping[UUID, tuple[Evidence, ...]],
    ) -> list[UUID]:
        """Appends the answers of these histories. Returns the tickets whose streams have grown since."""
        appends = []
        for ticket, history in histories.items():
            found = answers(history, causes[ticket], tiers[history[0].client], words.get(ticket, ()))
            if found:
                appends.append(Append(history[0].client, self._events(history, found)))
        if not appends:
            return []
        results = await append_in(connection, appends)
        return [
            append.events[0].stream
            for append, result in zip(appends, results, strict=True)
            if isinstance(result, NotAppended)
        ]

    def _events(self, history: History, found: Sequence[Answer]) -> list[NewEvent]:
        last = history[-1]
        seal = self._seal(history)
        return [
            NewEvent(
                id=uuid5(cause.id, fact.type),
                stream=last.stream,
                version=last.version + number,
                data=fact,
                actor=ACTOR,
                seal=seal,
                causation=str(cause.id),
                origin=Origin(cause.origin),
                occurred_at=max(cause.occurred_at, last.occurred_at) if self._log_time else None,
                trace=cause.trace,
            )
            for number, (cause, fact) in enumerate(found, start=1)
        ]

    def _seal(self, history: History) -> Seal | None:
        """Seals to the requester. Only a submission of this batch brings plain words, and then their key is at hand."""
        born = history[0].data
        if not isinstance(born, TicketSubmitted):
            return None
        try:
            return self._vault.sealer(born.requester)
        except KeyError:
            return None


def _causes(events: History) -> dict[UUID, set[int]]:
    """The versions to answer, by ticket."""
    found: dict[UUID, set[int]] = defaultdict(set)
    for event in events:
        if event.type in NEW_FACTS and event.origin in ACTING:
            found[event.stream].add(event.version)
    return found


async def _histories(connection: Connection, events: History, causes: Mapping[UUID, set[int]]) -> dict[UUID, History]:
    """The streams with new facts: of a new ticket what the batch holds, of others all that the log holds."""
    held = _by_stream(event for event in events if event.stream in causes)
    found = {ticket: history for ticket, history in held.items() if causes[ticket] == {1}}
    old = [ticket for ticket in causes if ticket not in found]
    if old:
        found.update(await _read(connection, old))
    return found


async def _read(connection: Connection, tickets: Sequence[UUID]) -> dict[UUID, History]:
    lanes = [lane_of(ticket) for ticket in tickets]
    return _by_stream(recorded(await connection.fetch(SQL["histories"], lanes, tickets)))


def _by_stream(events: Iterable[Recorded[Event]]) -> dict[UUID, History]:
    found: dict[UUID, list[Recorded[Event]]] = defaultdict(list)
    for event in events:
        found[event.stream].append(event)
    return dict(found)


async def _tiers(connection: Connection, clients: set[str]) -> dict[str, Callable[[int], Tier]]:
    """For each client the tier that it had at a position of its lane, so that a replay finds the same one."""
    streams = [client_stream(client) for client in clients]
    rows = await connection.fetch(SQL["terms"], [lane_of(stream) for stream in streams], streams)
    steps: dict[str, list[tuple[int, Tier]]] = {client: [] for client in clients}
    for event in recorded(rows):
        if isinstance(event.data, ClientRegistered | ClientChanged):
            steps[event.client].append((event.position, event.data.tier))
    return {client: _stairs(found) for client, found in steps.items()}


def _stairs(steps: Sequence[tuple[int, Tier]]) -> Callable[[int], Tier]:
    def at(position: int) -> Tier:
        return next((tier for since, tier in reversed(steps) if since <= position), Tier.STANDARD)

    return at
