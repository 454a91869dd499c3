"""What a writer asks of the log, what it is answered, and why it may be refused. Pure data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contracts.envelope import Origin
from contracts.model import Event, Seal


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to append. `version` is its number in the stream; `occurred_at` is None for what happens now."""

    id: UUID
    stream: UUID
    version: int
    data: Event
    actor: str
    seal: Seal | None = None
    causation: str | None = None
    origin: Origin = Origin.LIVE
    occurred_at: datetime | None = None
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """A command's id within its scope (token and client), its body's fingerprint, and what to answer ever after."""

    scope: str
    id: str
    fingerprint: bytes
    answer: bytes


@dataclass(frozen=True, slots=True)
class Append:
    """The events of one command: one client, so one lane; written together or not at all."""

    client: str
    events: Sequence[NewEvent]
    command: Command | None = None


@dataclass(frozen=True, slots=True)
class Appended:
    """Where an append's last event stands. `number` is the new ticket's, where one was born."""

    lane: int
    position: int
    sequence: int
    number: int | None
    recorded_at: datetime


class NotAppended(Exception):
    """An append that was not written. Nothing of it is in the log."""


class Conflict(NotAppended):
    """The stream has grown since it was read: read and decide again."""


class Backwards(NotAppended):
    """An event says that it happened before the last one of its stream."""


class CommandDone(NotAppended):
    """The command was done before; `answer` is what it was answered."""

    def __init__(self, answer: bytes) -> None:
        super().__init__("the command was done before")
        self.answer = answer


class CommandReused(NotAppended):
    """The command's id was used before with another body."""


class Overloaded(NotAppended):
    """More events wait than the process keeps; try again later."""
