"""What the API tells of incidents, as far as the screens need it. Pure data."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from services.desk.shapes import Shape, Text


class Client(Shape):
    id: str
    name: str
    tickets: int


class Growth(Shape):
    at: datetime
    tickets: int
    clients: int


class IncidentLine(Shape):
    id: UUID
    status: str
    title: Text = None
    opened_at: datetime | None = None
    first_seen_at: datetime | None = None
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None
    next_update_at: datetime | None = None
    merged_into: UUID | None = None
    clients: tuple[Client, ...] = ()
    ticket_count: int = 0
    evidence: tuple[str, ...] = ()
    growth: tuple[Growth, ...] = ()

    @property
    def name(self) -> str:
        """Its title; a suspicion is called by its strongest evidence's words."""
        if self.title:
            return self.title
        quoted = self.evidence[0].partition("“")[2].partition("”")[0] if self.evidence else ""
        return f"“{quoted}”" if quoted else "Several clients at once"


class Incidents(Shape):
    items: tuple[IncidentLine, ...] = ()
    next_cursor: str | None = None
    counts: dict[str, int] = Field(default_factory=dict)


class IncidentTicket(Shape):
    id: UUID
    reference: str | None = None
    client: str
    client_name: str
    subject: Text = None
    status: str | None = None
    priority: str | None = None
    at: datetime
    strength: float


class Update(Shape):
    at: datetime
    by: Text = None
    text: Text = None
    next_update_at: datetime | None = None
    public: bool = False


class Publication(Shape):
    """What the public status page calls it."""

    title: Text = None
    service: Text = None
    at: datetime


class Entry(Shape):
    at: datetime
    kind: str
    by: Text = None


class Report(Shape):
    began_at: datetime | None = None
    ended_at: datetime | None = None
    seconds: int | None = None
    seconds_to_detect: int | None = None
    seconds_to_confirm: int | None = None
    clients: int = 0
    tickets: int = 0
    updates: int = 0


class Incident(IncidentLine):
    desk_clients: int | None = None
    tickets: tuple[IncidentTicket, ...] = ()
    updates: tuple[Update, ...] = ()
    timeline: tuple[Entry, ...] = ()
    reason: Text = None
    summary: Text = None
    report: Report | None = None
    published: Publication | None = None
