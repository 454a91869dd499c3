"""What is asked of webhooks, and what is answered. Pure data."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from contracts.model import ClientId, Command, Word

Name = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$")]
Url = Annotated[str, StringConstraints(min_length=8, max_length=2_000)]
EventType = Annotated[str, StringConstraints(min_length=1, max_length=80)]
Text = Annotated[str, StringConstraints(max_length=8_000)]

AFTER = "where to begin: `beginning`, `now`, a client's sequence, or a place that GET /events has told"


class MakeWebhook(Command):
    """A new webhook. It is for one client, or without one for all that the caller may see, which must be everybody."""

    name: Name
    url: Url
    client: ClientId | None = None
    types: tuple[EventType, ...] = Field(default=(), max_length=50, description="types or families; none: all")
    categories: tuple[Word, ...] = Field(default=(), max_length=50)
    personal: bool = Field(default=False, description="personal text opened; the caller needs the scope `personal`")
    after: Text = Field(default="now", description=AFTER)


class ChangeWebhook(Command):
    """What is left out stays as it is."""

    name: Name | None = None
    url: Url | None = None
    types: tuple[EventType, ...] | None = Field(default=None, max_length=50)
    categories: tuple[Word, ...] | None = Field(default=None, max_length=50)
    personal: bool | None = None


class ReplayWebhook(Command):
    """Send again everything behind a place, or with `now` skip what was not sent yet."""

    after: Text = Field(description=AFTER)


class ReplayDeadLetters(Command):
    """One dead letter by its `position`, as it was listed; without it all of them."""

    position: Annotated[str, StringConstraints(max_length=24)] | None = None


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class Webhook(Answer):
    id: UUID
    name: str
    url: str
    client: str | None
    types: list[str]
    categories: list[str]
    personal: bool
    state: str = Field(description="active, resting (its receiver fails again and again) or paused")
    pause_reason: str | None = Field(
        description="asked, gone (the receiver said 410), or rights_ended (of the token or person that made it)"
    )
    after: str = Field(description="the place up to which everything was sent or put aside")
    behind: int = Field(description="events behind that place, whether they are wanted or not")
    retries: int = Field(description="messages that were refused, or wait behind one of their ticket")
    dead_letters: int
    delivered: int
    failures: int = Field(description="since the last success")
    last_success_at: datetime | None
    last_failure_at: datetime | None
    last_code: str | None
    made_at: datetime


class MadeWebhook(Webhook):
    secret: str | None = Field(
        description="signs the messages; shown this once, and under the same Idempotency-Key until it signs no more"
    )


class Webhooks(Answer):
    items: list[Webhook]


class NewSecret(Answer):
    secret: str | None = Field(description="shown this once, and under the same Idempotency-Key until it signs no more")
    old_valid_until: datetime = Field(description="until then messages bear the old secret's signature, too")


class Tested(Answer):
    taken: bool
    code: str
    seconds: float


class DeadMessage(Answer):
    position: str = Field(description="the client's sequence; of a webhook for all clients <lane>:<position>")
    subject: UUID
    event: UUID
    type: str
    attempts: int
    code: str
    failed_at: datetime


class DeadMessages(Answer):
    items: list[DeadMessage]


class Asked(Answer):
    replayed: int


class DeadEvent(Answer):
    position: str
    subject: UUID
    type: str
    error: str
    attempts: int
    failed_at: datetime


class DeadEvents(Answer):
    items: list[DeadEvent]
