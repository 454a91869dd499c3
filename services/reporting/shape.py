"""What the answers of the query API have in common. Pure data."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from contracts.model import Sealed

Text = str | Sealed | None
"""Personal text: opened, or sealed where the caller may not read it. What an erased person wrote reads [erased]."""


POSITION = "of the last event, what as_of=@… takes: lane:position, or for a token of some clients the client's sequence"


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_serialization_defaults_required=True)
