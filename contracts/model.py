"""The two kinds of message and the marked personal value. Pure data.

Commands forbid unknown fields, so a misspelt field is refused by name; events ignore them, so yesterday's reader
survives tomorrow's field. A `Personal` value is either plain text or sealed with the key of the person it is about.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, SerializationInfo, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError


class Command(BaseModel):
    """Asks for something. Unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_serialization_defaults_required=True)


class Event(BaseModel):
    """Tells what happened. `type` is the name on the wire, `schema_version` only grows."""

    model_config = ConfigDict(frozen=True, extra="ignore", json_schema_serialization_defaults_required=True)

    type: ClassVar[str]
    schema_version: ClassVar[int] = 1


def contradiction(field: str, sentence: str) -> PydanticCustomError:
    """What a model refuses as a whole, where two fields do not go together: with the one to mend, and the remedy."""
    return PydanticCustomError("contradiction", "{sentence}", {"field": field, "sentence": sentence})


class Part(BaseModel):
    """A value inside an event. It ignores unknown fields, as the event around it does."""

    model_config = ConfigDict(frozen=True, extra="ignore", json_schema_serialization_defaults_required=True)


class Sealed(Part):
    """Text sealed with one person's key: base64 of the nonce (12 bytes) and the AES-256-GCM ciphertext with its tag."""

    sealed: str
    person: UUID


Seal = Callable[[str], dict[str, str]]
"""Seals one text with the key of the person to whom the function is bound, and gives a Sealed's JSON form."""


def refuse_plain(_: str) -> dict[str, str]:
    """The seal of who has none: personal text does not leave in the open."""
    raise ValueError("a personal value has nobody's seal")


def _seal(value: str | Sealed, info: SerializationInfo) -> Any:
    """Seals plain text where the writer gave `seal` as context; what is sealed stays as it is.

    The answer is not typed on purpose: checking it against `str | Sealed` takes longer than sealing.
    """
    if info.context is not None and isinstance(value, str):
        return info.context["seal"](value)
    return value


SCHEMA_OF_SEALED = {
    "title": "Sealed",
    "description": "Text sealed with one person's key: base64 of nonce, AES-256-GCM ciphertext and tag.",
    "type": "object",
    "properties": {"sealed": {"type": "string"}, "person": {"type": "string", "format": "uuid"}},
    "required": ["sealed", "person"],
}

Personal = Annotated[
    str | Sealed,
    Field(union_mode="left_to_right"),
    PlainSerializer(_seal, when_used="json"),
    WithJsonSchema({"anyOf": [{"type": "string"}, SCHEMA_OF_SEALED], "personal": True}),
]
"""Names, addresses, free text, file names. Plain at the edges, sealed in log, bus, snapshots and exports."""

ClientId = Annotated[str, StringConstraints(pattern=r"^(_desk|[a-z0-9][a-z0-9-]{0,38})$")]
"""A client's slug; `_desk` is the desk itself and owns the desk-wide streams."""

Word = Annotated[str, StringConstraints(min_length=1, max_length=80)]
"""A short code or name: a category, a tag, a team. Never personal."""

DESK = "_desk"
