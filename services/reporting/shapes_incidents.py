"""The answers of GET /incidents, for the OpenAPI document and for whoever reads it. Pure data."""

from __future__ import annotations

from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.incident import IncidentStatus
from contracts.terms import Priority, Status
from services.reporting.shape import Shape, Text


class IncidentClient(Shape):
    id: str
    name: str
    tickets: int


class GrowthPoint(Shape):
    at: AwareDatetime
    tickets: int
    clients: int


class IncidentLine(Shape):
    id: UUID
    status: IncidentStatus
    title: Text
    service: str | None
    opened_at: AwareDatetime | None = Field(description="when it was suspected or declared")
    first_seen_at: AwareDatetime | None = Field(description="its first ticket")
    confirmed_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    next_update_at: AwareDatetime | None
    merged_into: UUID | None
    clients: list[IncidentClient]
    ticket_count: int
    evidence: list[str] = Field(description="in words, the strongest first; none for a caller of some clients")
    growth: list[GrowthPoint]
    version: int | None = Field(description="what If-Match takes")


class IncidentsShape(Shape):
    items: list[IncidentLine]
    next_cursor: str | None
    counts: dict[str, int] = Field(description="by status")


class SignShape(Shape):
    kind: str
    word: Text
    clients: int
    tickets: int
    expected: float
    evidence: float = Field(description="-log10 of the chance of so many clients by accident")
    above: float = Field(description="above the threshold")


class IncidentTicket(Shape):
    id: UUID
    reference: str | None
    client: str
    client_name: str
    subject: Text
    status: Status | None
    priority: Priority | None
    at: AwareDatetime
    strength: float = Field(description="how surely it belongs to the incident, 0 to 1")


class IncidentUpdate(Shape):
    id: UUID
    at: AwareDatetime
    by: Text
    text: Text
    next_update_at: AwareDatetime | None
    public: bool = Field(description="whether it stands on the public status page")


class IncidentPublication(Shape):
    title: Text
    service: Text
    at: AwareDatetime


class IncidentEntry(Shape):
    at: AwareDatetime
    kind: str
    by: Text


class IncidentReport(Shape):
    began_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    seconds: int | None
    seconds_to_detect: int | None
    seconds_to_confirm: int | None
    clients: int
    tickets: int
    updates: int


class IncidentShape(IncidentLine):
    signs: list[SignShape]
    desk_clients: int | None
    tickets: list[IncidentTicket]
    updates: list[IncidentUpdate]
    timeline: list[IncidentEntry]
    published: IncidentPublication | None = Field(description="what the public status page calls it, where it is there")
    reason: Text
    summary: Text
    report: IncidentReport | None
