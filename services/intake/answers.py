"""What a command is answered: the models of the API, and the few bytes that are kept so that a repetition is answered
the same. The kept bytes hold no personal data and no secret. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from contracts.clients import Tier
from contracts.incident import IncidentStatus
from contracts.people import Level, Role
from contracts.routes import RouteRow, Use
from contracts.sla import Metric
from contracts.terms import Status
from contracts.ticket_state import Held


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class TicketAnswer(Answer):
    """Where a ticket stands after a command."""

    id: UUID
    reference: str = Field(examples=["ACME-1042"])
    status: Status
    version: int = Field(description="what If-Match takes")
    position: str = Field(
        description="of the last event, what as_of=@… takes: lane:position, or for a token of some clients the client's"
        " sequence",
        examples=["3:1042", "1042"],
    )
    next_update_by: AwareDatetime | None = Field(description="the promised next checkpoint, while the ticket is open")


class SubmittedAnswer(TicketAnswer):
    track_url: str = Field(description="opens the ticket to its requester without a login")
    reply_expected_by: AwareDatetime


class IncidentAnswer(Answer):
    """Where an incident stands after a command. `other`: the one that it went into, or that was split off."""

    id: UUID
    status: IncidentStatus
    version: int
    tickets: int
    other: UUID | None = None


class ClientAnswer(Answer):
    id: str
    name: str
    prefix: str
    zone: str
    tier: Tier
    languages: tuple[str, ...]
    practice: bool
    version: int


class PreviewLine(Answer):
    """What a ticket of one row would be due, if it came late next Friday."""

    row: int
    tickets: str
    metric: Metric
    asked_at: AwareDatetime
    due_at: AwareDatetime | None
    zone: str
    sentence: str


class ConfiguredAnswer(Answer):
    """A calendar or policy. Version and instant are absent where it was in force already."""

    client: str
    name: str
    version: int | None
    holds_from: AwareDatetime | None
    preview: list[PreviewLine] = Field(description="when tickets would be due by what is in force now")


class RoutesAnswer(Answer):
    """By which routes a client's tickets go. The version is absent where they were in force already."""

    client: str
    version: int | None
    use: Use
    routes: list[RouteRow] = Field(description="those that are in force now: the client's own, or the desk's")


class CorrectedAnswer(Answer):
    """A version of a calendar that was wrong for a while."""

    client: str
    name: str
    version: int
    wrong_from: AwareDatetime
    wrong_to: AwareDatetime


class PreviewAnswer(Answer):
    client: str
    preview: list[PreviewLine]


class AgentAnswer(Answer):
    id: UUID
    role: Role
    level: Level
    version: int


class LoggedIn(Answer):
    id: UUID
    name: str
    role: Role
    level: Level


class SessionAnswer(Answer):
    token: str
    expires_at: AwareDatetime
    agent: LoggedIn


class ErasedAnswer(Answer):
    """`unreadable_by`: until then a process may still hold what it has opened before."""

    id: UUID
    erased_at: AwareDatetime
    unreadable_by: AwareDatetime
    position: str


class ClockAnswer(Answer):
    now: AwareDatetime
    position: str


class Outcome(NamedTuple):
    """What a ticket command came to, before the log has given it a position and a number."""

    status_code: int
    stream: UUID
    version: int
    status: Status
    due_at: datetime | None


def outcome(status_code: int, ticket: Held) -> Outcome:
    ended = ticket.status in {Status.RESOLVED, Status.CLOSED}
    due_at = None if ended or ticket.promise is None else ticket.promise.due_at
    return Outcome(status_code, ticket.id, ticket.version, ticket.status, due_at)


def keep(result: Outcome) -> bytes:
    """The bytes that the log keeps beside the command's id."""
    return orjson.dumps([result.status_code, str(result.stream), result.version, result.status, result.due_at])


def kept(answer: bytes) -> Outcome:
    """The outcome in kept bytes."""
    code, stream, version, status, due = orjson.loads(answer)
    return Outcome(code, UUID(stream), version, Status(status), None if due is None else datetime.fromisoformat(due))
