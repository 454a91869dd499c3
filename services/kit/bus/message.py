"""Rows of the log <-> messages of the bus, CloudEvents in binary form: attributes in ce- headers, data as stored. Pure.

`Nats-Msg-Id` is <lane>:<position>. `ce-traceparent` is what the log holds; `traceparent` is the publisher's own span.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, cast
from urllib.parse import quote, unquote
from uuid import UUID

from contracts.catalogue import EVENTS, decode
from contracts.envelope import Recorded, cloud_attributes
from contracts.model import Event
from contracts.subjects import LANES

MESSAGE_ID = "Nats-Msg-Id"
TRACEPARENT = "traceparent"
BODY = "daybook-body"
IN_LOG = "log"
"""`daybook-body: log` on a message without a body: the event is too large for this server and is read from the log."""
FREE_TEXT = frozenset({"ce-actor", "ce-causationid"})  # the others are ids, numbers, times and names of our own
PLAIN = " !#$&'()*+,/:;<=>?@[\\]^`{|}~"  # what CloudEvents leaves as it is, besides letters, digits and -_.~


class NotAnEvent(ValueError):
    """A message on our subjects that no relay of ours has written."""


class Stored(NamedTuple):
    """One event with its data still as bytes: the columns of services/kit/log/sql/read.sql, in their order."""

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
    payload: bytes


def opened(stored: Stored) -> Recorded[Event]:
    """The event with its data. Raises UnknownEvent or pydantic's ValidationError."""
    data = decode(stored.type, stored.schema_version, stored.payload)
    new: Recorded[Event] = tuple.__new__(Recorded, (*stored[:9], data.schema_version, *stored[10:16], data))
    return new  # NamedTuple's own constructor would cost as much as decoding


def is_known(stored: Stored) -> bool:
    """Whether this program knows an event of this type and version; a newer one is for a newer program to judge."""
    model = EVENTS.get(stored.type)
    return model is not None and stored.schema_version <= model.schema_version


def decoded(found: Sequence[Stored]) -> tuple[list[Recorded[Event]], ValueError | KeyError | None]:
    """The events up to the first that cannot be decoded, and why it cannot."""
    events: list[Recorded[Event]] = []
    for stored in found:
        try:
            events.append(opened(stored))
        except (ValueError, KeyError) as error:
            return events, error
    return events, None


def message_id(lane: int, position: int) -> str:
    """What names an event on the bus."""
    return f"{lane}:{position}"


def place_of(headers: Mapping[str, str]) -> tuple[int, int]:
    """(lane, position) out of a message's id. Raises NotAnEvent."""
    lane, colon, position = headers.get(MESSAGE_ID, "").partition(":")
    if not (colon and lane.isdecimal() and position.isdecimal() and int(lane) < LANES):
        raise NotAnEvent("the message's Nats-Msg-Id is not <lane>:<position>")
    return int(lane), int(position)


def headers_of(stored: Stored) -> dict[str, str]:
    """The headers under which an event is published."""
    attributes = cloud_attributes(cast("Recorded[Event]", stored))  # it asks for everything but the data
    headers = {f"ce-{name}": str(value) for name, value in attributes.items()}
    for name in FREE_TEXT & headers.keys():
        headers[name] = _quoted(headers[name])
    headers[MESSAGE_ID] = message_id(stored.lane, stored.position)
    return headers


def _quoted(value: str) -> str:
    """A header's value as CloudEvents' HTTP binding has it: percent-encoded where it is not plain ASCII."""
    if value.isascii() and value.isprintable() and "%" not in value and '"' not in value and value == value.strip():
        return value
    return quote(value, safe=PLAIN.strip())


def stored_of(headers: Mapping[str, str], payload: bytes) -> Stored:
    """The event that a message carries, its data not yet looked at. Raises NotAnEvent."""
    lane, position = place_of(headers)
    try:
        number, causation = headers.get("ce-number"), headers.get("ce-causationid")
        return Stored(
            lane=lane,
            position=position,
            client=headers["ce-client"],
            sequence=int(headers["ce-sequence"]),
            number=None if number is None else int(number),
            stream=UUID(headers["ce-subject"]),
            version=int(headers["ce-streamversion"]),
            id=UUID(headers["ce-id"]),
            type=headers["ce-type"],
            schema_version=int(headers["ce-dataschema"].rpartition(".v")[2].removesuffix(".json")),
            actor=_unquoted(headers["ce-actor"]),
            causation=None if causation is None else _unquoted(causation),
            origin=headers["ce-origin"],
            occurred_at=datetime.fromisoformat(headers["ce-time"]),
            recorded_at=datetime.fromisoformat(headers["ce-recordedtime"]),
            trace=headers.get("ce-traceparent"),
            payload=payload,
        )
    except (KeyError, ValueError) as error:
        raise NotAnEvent(f"the message {message_id(lane, position)} lacks a header, or one cannot be read") from error


def _unquoted(value: str) -> str:
    return unquote(value) if "%" in value else value
