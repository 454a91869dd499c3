"""Tickets that are told into the log in memory, and the handlers under test: what they fold, append and choke on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from contracts.catalogue import encode
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.subjects import lane_of, stamp_lane
from contracts.terms import Channel
from contracts.ticket import INITIAL, evolve
from contracts.tickets import NoteAdded, TicketClassified, TicketReopened, TicketResolved, TicketSubmitted
from services.kit.bus.message import Stored
from tests.chaos.sim.database import Database, Session
from tests.chaos.sim.loop import PROCESS, VirtualLoop

CLIENTS: Final = {"acme": 0, "globex": 1, "initech": 3}  # and their lanes
PERSON = UUID(int=7)
START = datetime(2026, 3, 1, tzinfo=UTC)

BIRTH = TicketSubmitted(prefix="ACME", requester=PERSON, subject="", body="", channel=Channel.API)
LATER: Final = (NoteAdded(body="x"), TicketResolved(), TicketReopened())
REACTION = TicketClassified(category="mail", confidence=1.0, rule_version="1")
PAYLOADS: Final = {data.type: encode(data) for data in (BIRTH, *LATER, REACTION)}

EFFECTS, FOLD, REACT = "effects", "fold", "react"
"""What the handlers ask of the database, by names of their own."""


def tell(db: Database, session: Session, client: str, stream: UUID, data: Event) -> None:
    """Appends one event in a transaction that holds its lane's lock."""
    lane = lane_of(stream)
    before = [*db.log[lane], *(stored for at, stored in session.writes.appended if at == lane)]
    version = 1 + sum(stored.stream == stream for stored in before)
    position = len(before) + 1
    at = START + timedelta(seconds=position)
    number = 1 if version == 1 else None
    told = Stored(
        lane, position, client, position, number, stream, version, UUID(int=lane << 64 | position), data.type,
        data.schema_version, "system:sim", None, "live", at, at, None, PAYLOADS[data.type],
    )  # fmt: skip
    session.writes.appended.append((lane, told))


@dataclass
class Troubles:
    """Streams that no handler can digest, and events that kill whoever digests them, until they are mended."""

    poison: set[UUID] = field(default_factory=set)
    deadly: set[UUID] = field(default_factory=set)
    """Ids of events."""
    killed: set[UUID] = field(default_factory=set)
    """Their streams."""


def effects(db: Database, session: Session, name: str, lane: int, events: Sequence[Recorded[Event]]) -> None:
    session.writes.effects.extend((name, lane, event.position) for event in events)


def fold(db: Database, session: Session, name: str, events: Sequence[Recorded[Event]]) -> None:
    """A view: each ticket as it stands after these events."""
    rows = session.writes.rows
    for event in events:
        key = name, event.stream
        rows[key] = evolve(rows.get(key) or db.tables.rows.get(key, INITIAL), event)


async def react(db: Database, session: Session, lane: int, events: Sequence[Recorded[Event]]) -> None:
    """Appends an event for each that asks for one, as triage does."""
    await db.lock(session, ("lane", lane))
    for event in events:
        tell(db, session, event.client, event.stream, REACTION)


STORY_MEANINGS: Final[Mapping[str, Callable[..., Any]]] = {EFFECTS: effects, FOLD: fold, REACT: react}


@dataclass
class Follower:
    """A handler lane by lane."""

    name: str
    loop: VirtualLoop
    troubles: Troubles
    reacts: bool

    async def handle(self, lane: int, events: Sequence[Recorded[Event]], connection: Any) -> Callable[[], None] | None:
        await connection.execute(EFFECTS, self.name, lane, events)
        for event in events:
            if event.id in self.troubles.deadly:
                self.loop.kill(PROCESS.get())
                await self.loop.create_future()
            if event.stream in self.troubles.poison:
                raise ValueError("this stream cannot be digested")
        await connection.execute(FOLD, self.name, events)
        births = [event for event in events if self.reacts and event.type == BIRTH.type]
        if births:
            await connection.execute(REACT, lane, births)
        return None


class LanesFollower(Follower):
    """The same for several lanes in one transaction."""

    async def handle_lanes(
        self, batch: Mapping[int, Sequence[Recorded[Event]]], connection: Any
    ) -> Callable[[], None] | None:
        for lane, events in batch.items():
            await self.handle(lane, events, connection)
        return None


def new_ticket(bits: int, lane: int) -> UUID:
    """A stream's id of some lane."""
    return stamp_lane(UUID(int=bits), lane)
