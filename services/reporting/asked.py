"""A request's parameters -> what the queue is asked for: filters, order, and where the page before ended. Pure."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Annotated, Literal, NamedTuple
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from contracts.envelope import microseconds
from contracts.model import ClientId
from contracts.terms import Priority, Status
from services.kit.access import Principal
from services.kit.log.read import Instant, parse_as_of
from services.kit.web.problem import Problem
from services.reporting.line import ACTIVE

LIMIT = 50
LIMIT_MAX = 200
WORDS_MAX = 200  # characters of a search
DAY_MICROSECONDS = 86_400 * 1_000_000

Sort = Literal["deadline", "newest", "oldest", "priority", "relevance"]
Limit = Annotated[int, Field(ge=1, le=LIMIT_MAX)]
Short = Annotated[str, StringConstraints(min_length=1, max_length=80)]
AsOfText = Annotated[str, StringConstraints(min_length=2, max_length=40)]

BIGINT_MAX = (1 << 63) - 1
FIRST = UUID(int=0)
LAST = UUID(int=(1 << 128) - 1)


Ranges = tuple[int | None, int | None, int | None]
"""Sort keys: due before, opened from, and opened before; each None where it is not asked for."""


class Cursor(NamedTuple):
    """The last row of a page: its sort key and ticket. New rows before it do not move what follows."""

    sort: str
    key: int
    ticket: UUID


class Place(NamedTuple):
    """A row of the page: where it stands in the order, and which version of it is meant (None: the current one)."""

    lane: int
    ticket: UUID
    key: int
    past: datetime | None


class QueueParameters(BaseModel):
    """The parameters of GET /queue. Lists may be given as repeated parameters or with commas."""

    model_config = ConfigDict(extra="forbid")

    status: list[str] = Field(default_factory=list, description="new, open, waiting_for_customer, …; none given: all")
    priority: list[str] = Field(default_factory=list, description="P1 to P4")
    client: ClientId | None = None
    assignee: str | None = Field(None, max_length=40, description="an agent's id, `me` or `none`")
    category: Short | None = None
    tag: Short | None = None
    q: Annotated[str, StringConstraints(max_length=WORDS_MAX)] | None = Field(
        None, description="words (any of them, the best match first), a reference, or an address"
    )
    overdue: bool = Field(
        False, description="only those whose next deadline has passed, promise or clock, at as_of or now"
    )
    opened_on: date | None = Field(None, description="only those that were opened on a day, of UTC as in the dashboard")
    sort: Sort | None = Field(None, description="deadline; with q: relevance")
    limit: Limit = LIMIT
    cursor: str | None = Field(None, max_length=200)
    as_of: AsOfText | None = Field(None, description="an instant such as 2026-03-01T09:30:00Z")


class DashboardParameters(BaseModel):
    model_config = ConfigDict(extra="forbid")

    as_of: AsOfText | None = Field(None, description="an instant such as 2026-03-01T09:30:00Z")


class PageParameters(BaseModel):
    """The parameters of a plain list."""

    model_config = ConfigDict(extra="forbid")

    limit: Limit = LIMIT
    cursor: str | None = Field(None, max_length=200)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller may see and wants to see. `clients` None: all; `agent` counts where `unassigned` is not."""

    statuses: tuple[str, ...]
    priorities: tuple[str, ...] | None
    clients: tuple[str, ...] | None
    category: str | None
    agent: UUID | None
    unassigned: bool
    tag: str | None
    words: str
    sort: Sort
    limit: int
    cursor: Cursor | None
    at: datetime | None
    now: datetime
    ranges: Ranges = (None, None, None)

    @property
    def narrowed(self) -> bool:
        """Whether a range is asked for, of which nobody keeps counts."""
        return any(bound is not None for bound in self.ranges)

    @property
    def facets(self) -> list[tuple[str, str]]:
        """The filters besides client, status and priority, as they are counted."""
        found = []
        if self.category is not None:
            found.append(("category", self.category))
        if self.unassigned or self.agent is not None:
            found.append(("assignee", "" if self.unassigned else str(self.agent)))
        if self.tag is not None:
            found.append(("tag", self.tag))
        return found


def asked_of(given: QueueParameters, caller: Principal, now: datetime) -> Asked:
    """The question within the caller's rights. Raises Problem (invalid_field) for a value that is none."""
    words = (given.q or "").strip()
    sort: Sort = given.sort or ("relevance" if words else "deadline")
    if sort == "relevance" and not words:
        sort = "deadline"
    agent, unassigned = _assignee(given.assignee, caller)
    at = instant(given.as_of)
    statuses = _choices("status", given.status, [status.value for status in Status]) or tuple(Status)
    return Asked(
        statuses=tuple(status for status in statuses if status in ACTIVE) if given.overdue else statuses,
        priorities=_choices("priority", given.priority, [priority.value for priority in Priority]) or None,
        clients=clients_seen(given.client, caller),
        category=given.category,
        agent=agent,
        unassigned=unassigned,
        tag=given.tag,
        words=words,
        sort=sort,
        limit=given.limit,
        cursor=read_cursor(given.cursor, sort) if given.cursor else None,
        at=at,
        now=now,
        ranges=_ranges(given, at or now),
    )


def _ranges(given: QueueParameters, at: datetime) -> Ranges:
    due = microseconds(at) if given.overdue else None
    if given.opened_on is None:
        return due, None, None
    begin = microseconds(datetime.combine(given.opened_on, time(), UTC))
    return due, begin, begin + DAY_MICROSECONDS


def clients_seen(client: str | None, caller: Principal) -> tuple[str, ...] | None:
    """The clients to look into; an empty tuple where the caller may not see the one asked for."""
    if client is None:
        return None if caller.clients is None else tuple(sorted(caller.clients))
    return (client,) if caller.may_see(client) else ()


def instant(text: str | None) -> datetime | None:
    """The instant of `as_of`; a position names one lane, and queue and dashboard are of all."""
    if text is None:
        return None
    try:
        as_of = parse_as_of(text)
    except ValueError as error:
        raise Problem("invalid_field", str(error), field="as_of") from None
    if not isinstance(as_of, Instant):
        raise Problem("invalid_field", "a position stands for one lane: give an instant here", field="as_of")
    return as_of.at.astimezone(UTC)


def _choices(field: str, given: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    values = tuple(dict.fromkeys(part.strip() for text in given for part in text.split(",") if part.strip()))
    for value in values:
        if value not in known:
            raise Problem("invalid_field", f"{field}: {value!r} is none of {', '.join(known)}", field=field)
    return values


def _assignee(text: str | None, caller: Principal) -> tuple[UUID | None, bool]:
    match text:
        case None | "":
            return None, False
        case "none":
            return None, True
        case "me":
            return caller.agent or FIRST, False
        case _:
            try:
                return UUID(text), False
            except ValueError:
                detail = "assignee: give an agent's id, `me` or `none`"
                raise Problem("invalid_field", detail, field="assignee") from None


def write_cursor(cursor: Cursor) -> str:
    """A cursor as callers carry it. What it holds is nobody's business and may change."""
    packed = orjson.dumps([cursor.sort, cursor.key, cursor.ticket.hex])
    return urlsafe_b64encode(packed).decode().rstrip("=")


def read_cursor(text: str, sort: str) -> Cursor:
    """The cursor that `write_cursor` wrote. Raises Problem where it is broken, or of another order."""
    try:
        kind, key, ticket = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        cursor = Cursor(str(kind), int(key), UUID(ticket))
    except (ValueError, TypeError, AttributeError):
        raise Problem("invalid_field", "the cursor is not one of ours: begin without one", field="cursor") from None
    if cursor.sort != sort or abs(cursor.key) > BIGINT_MAX:
        raise Problem("invalid_field", "the cursor belongs to another order: begin without one", field="cursor")
    return cursor
