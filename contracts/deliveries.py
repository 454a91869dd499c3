"""What became of a letter. Pure data.

The stream's id follows from the causing event and the effect, so one effect has one stream.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from contracts.model import Event


class Letter(StrEnum):
    RECEIPT = "receipt"
    REPLY = "reply"
    NOTICE = "notice"
    """To one of the desk's own people, about a clock."""


class DeliverySent(Event):
    """Handed to the mail server (`smtp`), or kept in the desk's own mailbox (`mailbox`)."""

    type: ClassVar[str] = "delivery.sent"
    letter: Letter
    ticket: UUID
    person: UUID
    via: str
    message_id: str


class DeliveryFailed(Event):
    """It goes nowhere any more. `person` is absent where the letter could not even be written."""

    type: ClassVar[str] = "delivery.failed"
    letter: Letter
    ticket: UUID
    person: UUID | None = None
    code: str
    attempts: int


class DeliveryBounced(Event):
    type: ClassVar[str] = "delivery.bounced"
    letter: Letter
    ticket: UUID
    person: UUID
    status: str
    hard: bool
