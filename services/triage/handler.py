"""Events of some lanes -> triage's answers, appended in the cursors' transaction. I/O; `judgements` thinks.

The usual ticket is judged from its submission alone, without reading anything of it: if its stream has grown meanwhile
the append says so, and the ticket is read and judged again, now under the lane's lock. Text is opened here and read
once (`reading`); what is appended holds numbers, codes and words sealed to the requester.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from contracts.clients import ClientChanged, ClientRegistered, Tier
from contracts.envelope import Origin, Recorded
from contracts.model import Event, Seal, Sealed
from contracts.subjects import client_stream, lane_of
from contracts.tickets import MessageReceived, TicketSubmitted
from services.kit.bus import AfterCommit
from services.kit.log.append import Append, NewEvent, NotAppended, append_in
from services.kit.log.read import recorded
from services.kit.personal import Vault
from services.kit.postgres import Connection, queries
from services.triage.claim_rows import ClaimsAt, claims_before, write_claims
from services.triage.claims import ANSWERING, Claim, claims_in
from services.triage.judgements import NEW_FACTS, Answer, Given, answers
from services.triage.models import Models, Now
from services.triage.reading import Reading, read_message, read_ticket, unquoted
from services.triage.tone import Table

SQL = queries("services/triage/sql/triage.sql")

ACTOR = "system:triage"
ACTING = frozenset({Origin.LIVE, Origin.DEMO, Origin.PRACTICE})
"""Imports bring the priorities of the desk that they come from."""

History = Sequence[Recorded[Event]]


@dataclass(frozen=True)
class _Known:
    """What a batch is answered with, beside the tickets' own histories."""

    readings: Mapping[UUID, Reading]
    tables: Mapping[str, Table]
    tiers: Mapping[str, Callable[[int], Tier]]
    claims: Mapping[str, ClaimsAt]
    models: Now

    def of(self, client: str) -> Given:
        return Given(
            self.readings, self.tables, self.tiers[client], self.claims.get(client, _none), self.models.priority
        )


def _none(_: int) -> tuple[int, int]:
    return 0, 0


class Triage:
    """The consumer `triage`."""

    name = "triage"

    def __init__(
        self,
        vault: Vault,
        *,
        tables: Mapping[str, Table],
        log_time: bool,
        committed: Callable[[Iterable[int]], None],
        words_secret: bytes = b"",
    ) -> None:
        self._vault = vault
        self._models = Models(words_secret)
        self._tables = tables
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
        histories = await _histories(connection, events, causes)
        await write_claims(connection, _claims(events, histories))
        models = await self._models.now(connection)
        known = _Known(
            await self._readings(events, histories, models),
            self._tables,
            await _tiers(connection, {event.client for event in events if event.stream in causes}),
            await claims_before(connection, [history[0] for history in histories.values() if history[0].version == 1]),
            models,
        )
        again = await self._append(connection, histories, causes, known)
        if again:  # the lanes' locks are ours from the first append on, so nothing grows any more
            left = await self._append(connection, await _read(connection, again), causes, known)
            if left:
                raise RuntimeError(f"{len(left)} tickets were refused by the log twice")
        lanes = {lane_of(ticket) for ticket in causes}
        return lambda: self._committed(lanes)

    async def _readings(self, events: History, histories: Mapping[UUID, History], models: Now) -> dict[UUID, Reading]:
        """What the new texts say, by event. An erased person's text says nothing."""
        new = [
            event
            for event in events
            if event.origin in ACTING and isinstance(event.data, TicketSubmitted | MessageReceived)
        ]
        people = {sealed.person for event in new for sealed in _sealed_in(event.data)}
        born = (histories[event.stream][0].data for event in new if event.stream in histories)
        await self._vault.load(people | {data.requester for data in born if isinstance(data, TicketSubmitted)})
        found = {}
        for event in new:
            reading = self._read(event, models)
            sealed = event.stream in histories and self._seal(histories[event.stream]) is not None
            found[event.id] = reading if sealed else unquoted(reading)
        return found

    def _read(self, event: Recorded[Event], models: Now) -> Reading:
        shown = self._vault.shown
        match event.data:
            case TicketSubmitted() as data:
                fields = {name: shown(said) for name, said in data.answers.items()}
                return read_ticket(
                    shown(data.subject),
                    shown(data.body),
                    self._tables,
                    chosen=data.category,
                    answers=fields,
                    taught=models.taught(event.client, self._models.secret),
                )
            case MessageReceived() as data:
                return read_message(shown(data.body), self._tables)
            case _:
                raise TypeError(f"{event.type} holds no text of a requester")

    async def _append(
        self,
        connection: Connection,
        histories: Mapping[UUID, History],
        causes: Mapping[UUID, set[int]],
        known: _Known,
    ) -> list[UUID]:
        """Appends the answers of these histories. Returns the tickets whose streams have grown since."""
        appends = []
        for ticket, history in histories.items():
            found = answers(history, causes[ticket], known.of(history[0].client))
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
        """Seals to the requester. Only a text of this batch brings plain words, and then their key is at hand."""
        born = history[0].data
        if not isinstance(born, TicketSubmitted):
            return None
        try:
            return self._vault.sealer(born.requester)
        except KeyError:
            return None  # erased, or nothing to seal: `_readings` quotes nothing then


def _sealed_in(data: Event) -> list[Sealed]:
    """The texts of an event that are read here."""
    match data:
        case TicketSubmitted():
            texts = [data.subject, data.body, *data.answers.values()]
        case MessageReceived():
            texts = [data.body]
        case _:
            return []
    return [text for text in texts if isinstance(text, Sealed)]


def _claims(events: History, histories: Mapping[UUID, History]) -> list[Claim]:
    """What these events say of stated urgencies."""
    answering: dict[UUID, set[int]] = defaultdict(set)
    for event in events:
        if event.type in ANSWERING and event.origin in ACTING and event.stream in histories:
            answering[event.stream].add(event.version)
    return [claim for ticket, versions in answering.items() for claim in claims_in(histories[ticket], versions)]


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
