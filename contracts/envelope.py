"""What the log knows of an event besides its data, its bytes for the hash chain, and its CloudEvents 1.0 form. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from contracts.model import Event

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

TWO, FOUR, SIXTEEN = (length.to_bytes(4, "big") for length in (2, 4, 16))

E_co = TypeVar("E_co", bound=Event, covariant=True)


class Origin(StrEnum):
    """Where an event comes from. Only `live` acts outside the desk; the others build views, clocks and reports."""

    LIVE = "live"
    IMPORT = "import"
    DEMO = "demo"
    PRACTICE = "practice"


class Actor(NamedTuple):
    """Who did it: kind is requester, agent, token or system; id is a person's or token's id, or a service's name."""

    kind: str
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> Actor:
        """Reads `kind:id`. Raises ValueError where the colon is missing."""
        kind, colon, identifier = text.partition(":")
        if not colon:
            raise ValueError(f"actor {text!r} is not of the form kind:id")
        return cls(kind, identifier)


class Recorded(NamedTuple, Generic[E_co]):
    """One event as the log holds it.

    Positions count 1, 2, 3 … inside a lane, sequences inside a client, versions inside a stream, none with gaps.
    `number` is the client's running ticket number, given at append to `ticket.submitted` alone.
    """

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
    occurred_at: datetime
    recorded_at: datetime
    trace: str | None
    data: E_co


def head_bytes(  # noqa: PLR0913 - these ten fields are what is hashed
    *,
    event_id: UUID,
    client: str,
    stream: UUID,
    version: int,
    event_type: str,
    schema_version: int,
    actor: str,
    causation: str | None,
    origin: str,
    trace: str | None,
) -> bytes:
    """The part of the hashed envelope that the writer knows: ten fields, each behind its length in four bytes."""
    return b"".join(
        (
            SIXTEEN, event_id.bytes, _known_text(client), SIXTEEN, stream.bytes, FOUR, version.to_bytes(4, "big"),
            _known_text(event_type), TWO, schema_version.to_bytes(2, "big"), _known_text(actor), _text(causation or ""),
            _known_text(origin), _text(trace or ""),
        )
    )  # fmt: skip


def _text(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(4, "big") + encoded


_known_text = lru_cache(maxsize=4_096)(_text)  # clients, types, actors: the same ones again and again


def microseconds(at: datetime) -> int:
    """Microseconds from 2000-01-01 UTC to an aware instant, exactly."""
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def chain_hash(
    previous: bytes,
    head: bytes,
    *,
    position: int,
    sequence: int,
    number: int | None,
    occurred_us: int,
    recorded_us: int,
    payload: bytes,
) -> bytes:
    """SHA-256(previous, length-prefixed envelope, payload).

    Numbers are 8 bytes big-endian, times are microseconds since 2000-01-01 UTC (`microseconds`).

    The envelope is the writer's head followed by what the append assigns: position, sequence, number (0 for none),
    occurred and recorded time.
    """
    tail = b"".join(
        value.to_bytes(8, "big", signed=True) for value in (position, sequence, number or 0, occurred_us, recorded_us)
    )
    envelope = head + tail
    return sha256(previous + len(envelope).to_bytes(4, "big") + envelope + payload).digest()


class CloudEvent(BaseModel):
    """An event as outsiders see it: CloudEvents 1.0, structured. `sequence` is contiguous within `client`."""

    model_config = ConfigDict(extra="ignore", json_schema_serialization_defaults_required=True)

    specversion: str = "1.0"
    id: UUID
    source: str = Field(description="/clients/<client>")
    type: str = Field(description="family.event, such as ticket.submitted")
    subject: UUID = Field(description="the stream: a ticket's, incident's or person's id")
    time: AwareDatetime = Field(description="when it happened")
    datacontenttype: str = "application/json"
    dataschema: str = Field(description="/schemas/<type>.v<version>.json")
    sequence: str = Field(description="the event's number within its client, contiguous from 1, as a decimal string")
    client: str
    streamversion: int
    recordedtime: AwareDatetime = Field(description="when the log took it in")
    actor: str
    origin: Origin
    number: int | None = None
    causationid: str | None = None
    traceparent: str | None = None
    cursor: str | None = Field(
        default=None, description="where a reader of several clients goes on behind this event: hand it back as `after`"
    )
    data: dict[str, Any]


def cloud_attributes(event: Recorded[Event]) -> dict[str, Any]:
    """The CloudEvents attributes of an event, without its data; absent ones are left out."""
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(event.id),
        "source": f"/clients/{event.client}",
        "type": event.type,
        "subject": str(event.stream),
        "time": event.occurred_at.isoformat(),
        "datacontenttype": "application/json",
        "dataschema": f"/schemas/{event.type}.v{event.schema_version}.json",
        "sequence": str(event.sequence),
        "client": event.client,
        "streamversion": event.version,
        "recordedtime": event.recorded_at.isoformat(),
        "actor": event.actor,
        "origin": event.origin,
    }
    if event.number is not None:
        attributes["number"] = event.number
    if event.causation is not None:
        attributes["causationid"] = event.causation
    if event.trace is not None:
        attributes["traceparent"] = event.trace
    return attributes
