"""Parameters of the SLA's routes -> the range, instant and filters that are asked for. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.model import ClientId
from contracts.sla import Metric
from contracts.terms import Priority
from services.kit.access import Principal
from services.kit.web.problem import Problem
from services.reporting.asked import LIMIT, AsOfText, Limit, Short, clients_seen, instant

DAYS = 30  # without `from`: up to and with today
DAYS_MAX = 400

Group = Literal["client", "agent", "team", "category", "priority", "day"]
Outcome = Literal["met", "breached", "waived", "provisional", "moved", "spam", "duplicate", "merged"]
Breach = Literal["ran_out", "by_change", "promise", "pinned"]


class Range(BaseModel):
    """Days of UTC, both counted, as they stood at an instant."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    since: date | None = Field(None, alias="from", description=f"a day of UTC; absent: {DAYS} days up to `to`")
    to: date | None = Field(None, description="the last day that counts; absent: today, or the day of as_of")
    as_of: AsOfText | None = Field(None, description="an instant such as 2026-03-01T09:30:00Z")


class SlaParameters(Range):
    group: Group | None = Field(None, description="figures for each of these besides the whole")


class DeskSlaParameters(SlaParameters):
    client: ClientId | None = None


class PageOfRange(Range):
    client: ClientId | None = None
    limit: Limit = LIMIT
    cursor: str | None = Field(None, max_length=300)


class CycleParameters(PageOfRange):
    """Which clocks; each filter is one of the figures' own values."""

    metric: Metric | None = None
    outcome: Outcome | None = None
    breach: Breach | None = None
    agent: str | None = Field(None, max_length=40, description="an agent's id")
    team: Short | None = None
    category: Short | None = None
    priority: Priority | None = None


class PauseParameters(PageOfRange):
    questioned: bool = Field(False, description="only those after no question, or that went on after the answer")


@dataclass(frozen=True, slots=True)
class Span:
    """What to count: clients (None: all), [since, until), and by what was true at an instant."""

    clients: tuple[str, ...] | None
    since: datetime
    until: datetime
    at: datetime
    as_of: datetime | None

    @property
    def arguments(self) -> tuple[object, ...]:
        """As the queries take them."""
        return self.clients, self.since, self.until, self.at


def span_of(given: Range, client: str | None, caller: Principal, now: datetime) -> Span:
    """The range within the caller's rights. Raises Problem where it is none."""
    as_of = instant(given.as_of)
    at = as_of or now
    last = given.to or at.astimezone(UTC).date()
    try:
        first = given.since or last - timedelta(days=DAYS - 1)
        since, until = _midnight(first), _midnight(last) + timedelta(days=1)
    except OverflowError:
        raise Problem("invalid_field", "to lies at the end of all years: give an earlier day", field="to") from None
    if first > last:
        raise Problem("invalid_field", f"from {first} lies behind to {last}: turn them round", field="from")
    if (last - first).days >= DAYS_MAX:
        raise Problem("invalid_field", f"at most {DAYS_MAX} days at once: bring from and to nearer", field="from")
    return Span(clients_seen(client, caller), since, until, at, as_of)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
