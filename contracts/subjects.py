"""A client's lane and the subject of each message on the bus. Pure.

Subjects read `daybook.<lane>.<client>.<family>.<event>.<stream id>`; a client's slug and an event's name hold no dot.
"""

from __future__ import annotations

from hashlib import sha256
from uuid import NAMESPACE_URL, UUID, uuid5

LANES = 16
"""Fixed when a desk is created: ids, positions and the hash chain depend on it."""

STREAM = "DAYBOOK"
ALL = "daybook.>"


def lane_of_client(client: str) -> int:
    """The lane, 0 to 15, that holds every event of a client."""
    return sha256(client.encode()).digest()[0] % LANES


def stamp_lane(identifier: UUID, lane: int) -> UUID:
    """The same id with the lane in its last four bits."""
    return UUID(int=identifier.int & ~0xF | lane)


def lane_of(stream: UUID) -> int:
    """The lane that a stream's id carries."""
    return stream.int & 0xF


def named_stream(client: str, family: str, name: str) -> UUID:
    """The id of a stream that has a name and no birth: a client's own, the desk's clock, the effect of an event."""
    return stamp_lane(uuid5(NAMESPACE_URL, f"daybook:{client}:{family}:{name}"), lane_of_client(client))


def client_stream(client: str) -> UUID:
    """The stream that holds a client's own configuration."""
    return named_stream(client, "client", client)


def subject(lane: int, client: str, event_type: str, stream: UUID) -> str:
    """The subject of one event; `event_type` is "family.event"."""
    return f"daybook.{lane}.{client}.{event_type}.{stream.hex}"


def lane_subjects(lane: int) -> str:
    """The filter for everything of one lane."""
    return f"daybook.{lane}.>"


POKES = "poke.daybook.*"
"""All pokes."""


def poke(lane: int) -> str:
    """Where a writer says, after a commit, that a lane has grown. Plain NATS; losing one costs a poll. Where a commit
    went to several lanes the payload names them all: `3,7`."""
    return f"poke.daybook.{lane}"


def poked(subject: str, payload: bytes) -> set[int]:
    """The lanes that a poke names."""
    named = (subject.rpartition(".")[2].encode(), *payload.split(b","))
    return {lane for name in named if name.isdigit() and (lane := int(name)) < LANES}
