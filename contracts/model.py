"""The two kinds of message and the marked personal value. Pure data.

Commands forbid unknown fields, so a misspelt field is refused by name; events ignore them, so yesterday's reader
survives tomorrow's field. A `Personal` value is either plain text or sealed with the key of the person it is about.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, SerializationInfo, StringConstraints


class Command(BaseModel):
    """Asks for something. Unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_serialization_defaults_required=True)


class Event(BaseModel):
    """Tells what happened. `type` is the name on the wire, `schema_version` only grows."""

    model_config = ConfigDict(frozen=True, extra="ignore", json_schema_serialization_defaults_required=True)

    type: ClassVar[str]
    schema_version: ClassVar[int] = 1


class Part(BaseModel):
    """A value inside an event. It ignores unknown fields, as the event around it does."""

    model_config = ConfigDict(frozen=True, extra="ignore", json_schema_serialization_defaults_required=True)


class Sealed(Part):
    """Text sealed with the key of one person: base64 of the nonce (12 bytes) and the AES-256-GCM ciphertext with its tag."""

    sealed: str
    person: UUID


Seal = Callable[[str], Sealed]
"""Seals one text; bound to the person whose key it takes."""


def _seal(value: str | Sealed, info: SerializationInfo) -> str | Sealed:
    """Seals plain text where the writer gave `seal` as context; what is sealed stays as it is."""
    if isinstance(value, str) and info.context is not None:
        seal: Seal = info.context["seal"]
        return seal(value)
    return value


Personal = Annotated[
    str | Sealed,
    Field(union_mode="left_to_right", json_schema_extra={"personal": True}),
    PlainSerializer(_seal, when_used="json"),
]
"""Personal data: names, addresses, free text, file names. Plain at the edges, sealed in log, bus, snapshots and exports."""

ClientId = Annotated[str, StringConstraints(pattern=r"^(_desk|[a-z0-9][a-z0-9-]{0,38})$")]
"""A client's slug; `_desk` is the desk itself and owns the desk-wide streams."""

Word = Annotated[str, StringConstraints(min_length=1, max_length=80)]
"""A short code or name: a category, a tag, a team. Never personal."""

DESK = "_desk"
