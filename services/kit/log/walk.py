"""(Events as they are stored, in order) -> what is wrong with each. Pure: a database and an export are judged alike.

It holds one number a stream and client of one lane, so its memory grows with streams, not with events.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple
from uuid import UUID

from contracts.envelope import chain_hash, head_bytes
from contracts.subjects import lane_of, lane_of_client

GENESIS: Final = bytes(32)
"""What the first event of a lane is chained to."""

NO_LANE: Final = -1
"""Where a fault is that belongs to the desk and to none of its lanes."""

KNOWN: Final = frozenset({"person.registered", "agent.registered"})
"""What tells of a person who has a key until `person.erased`."""


class Stored(NamedTuple):
    """One event as the log holds it, not decoded. Times are microseconds since 2000-01-01 UTC, as they are hashed."""

    lane: int
    position: int
    client: str
    sequence: int
    number: int | None
    stream: UUID
    version: int
    id: UUID
    type: str
    schema_version: int
    actor: str
    causation: str | None
    origin: str
    occurred_us: int
    recorded_us: int
    trace: str | None
    payload: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that must not be: where it stands and what is wrong, in a sentence. Position 0: the lane as a whole."""

    lane: int
    position: int
    what: str


@dataclass(slots=True)
class Walk:
    """What is remembered between two events of a lane."""

    lane: int
    position: int = 0
    hash: bytes | None = GENESIS
    """The hash of the event before; None where it can't be known."""
    recomputed: bytes | None = None
    """The hash that the event before should have had, where it has another."""
    recorded_us: int | None = None
    sequences: dict[str, int] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    streams: dict[UUID, tuple[int, int]] = field(default_factory=dict)
    """{stream: (its last version, when that happened)}"""
    people: dict[UUID, int] = field(default_factory=dict)
    """{person or agent: the position at which they became known}"""
    erased: dict[UUID, int] = field(default_factory=dict)

    def step(self, event: Stored, previous: bytes | None = None) -> list[Fault]:
        """What is wrong with the next event. `previous` is the hash before it where the lane's other clients are left
        out: then positions may jump."""
        part = previous is not None
        where = event.position
        faults = [] if part else self._gap(event)
        if part:
            self.hash, self.recomputed = previous, None
        found = [*self._order(event), *self._stream(event), *shape(event), *self._chain(event)]
        self._go_on(event)
        return [*faults, *(Fault(self.lane, where, what) for what in found)]

    def skip(self, position: int) -> None:
        """An event is there and can't be read."""
        self.position, self.hash, self.recomputed = position, None, None

    def end(self, position: int, hash_: bytes) -> list[Fault]:
        """What is wrong with the lane's head, once its last event was seen."""
        if self.position < position:
            return [Fault(self.lane, self.position + 1, f"events up to position {position} are missing")]
        if self.hash is not None and self.hash != hash_:
            return [Fault(self.lane, position, "the lane's head has another hash than its last event")]
        return []

    def _gap(self, event: Stored) -> list[Fault]:
        first, last = self.position + 1, event.position - 1
        if first > last:
            return []
        self.hash = self.recomputed = None
        missing = f"event {first} is" if first == last else f"events {first} to {last} are"
        return [Fault(self.lane, first, f"{missing} missing")]

    def _chain(self, event: Stored) -> list[str]:
        """An event whose stored hash was changed is told once, not again by the event that is chained to it."""
        if self.hash is None:
            self.recomputed = None
            return []
        expected = hash_of(self.hash, event)
        if expected != event.hash and self.recomputed is not None:
            expected = hash_of(self.recomputed, event)
        self.recomputed = None if expected == event.hash else expected
        return [] if expected == event.hash else ["its bytes are not those that were chained"]

    def _order(self, event: Stored) -> list[str]:
        client, faults = event.client, []
        before, number = self.sequences.get(client, 0), self.numbers.get(client, 0)
        if event.sequence != before + 1:
            faults.append(f"sequence {event.sequence} of {client} follows {before}")
        if event.number is not None and event.number != number + 1:
            faults.append(f"ticket number {event.number} of {client} follows {number}")
        if event.lane != self.lane or lane_of_client(client) != self.lane or lane_of(event.stream) != self.lane:
            faults.append("its client or stream belongs to another lane")
        if self.recorded_us is not None and event.recorded_us < self.recorded_us:
            faults.append("it was recorded before the event before it")
        return faults

    def _stream(self, event: Stored) -> list[str]:
        version, occurred_us = self.streams.get(event.stream, (0, event.occurred_us))
        faults = []
        if event.version != version + 1:
            faults.append(f"version {event.version} of its stream follows {version}")
        if event.occurred_us < occurred_us:
            faults.append("it happened before the event before it in its stream")
        return faults

    def _go_on(self, event: Stored) -> None:
        """From what the event says, right or wrong, so that one fault is told once."""
        self.position, self.hash, self.recorded_us = event.position, event.hash, event.recorded_us
        self.sequences[event.client] = event.sequence
        self.streams[event.stream] = (event.version, event.occurred_us)
        if event.number is not None:
            self.numbers[event.client] = event.number
        if event.type in KNOWN:
            self.people[event.stream] = event.position
        elif event.type == "person.erased":
            self.erased[event.stream] = event.position


def shape(event: Stored) -> list[str]:
    """What the hash can't tell apart: an absent text and an empty one. No writer leaves an empty one."""
    return [
        f"its {name} is empty instead of absent"
        for name, text in (("causation", event.causation), ("trace", event.trace))
        if text == ""
    ]


def hash_of(previous: bytes, event: Stored) -> bytes | None:
    """The hash that an event must have behind `previous`; None where it holds numbers that no event can have."""
    try:
        head = head_bytes(
            event_id=event.id,
            client=event.client,
            stream=event.stream,
            version=event.version,
            event_type=event.type,
            schema_version=event.schema_version,
            actor=event.actor,
            causation=event.causation,
            origin=event.origin,
            trace=event.trace,
        )
    except OverflowError:
        return None
    return chain_hash(
        previous,
        head,
        position=event.position,
        sequence=event.sequence,
        number=event.number,
        occurred_us=event.occurred_us,
        recorded_us=event.recorded_us,
        payload=event.payload,
    )
