"""GET /tickets/{…}/clocks: the log, folded by the rules that the timers use, and every second explained. I/O."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import FastAPI, Response
from pydantic import AwareDatetime, Field

from contracts.sla import Metric
from services.kit.access import Caller
from services.kit.configuration import read_books
from services.kit.log.read import Instant
from services.kit.rules.clock_facts import wake_at
from services.kit.rules.clock_words import explain
from services.kit.rules.clocks import clocks
from services.reporting.asked import AsOfText
from services.reporting.find import as_of_given, find_ticket
from services.reporting.opened import json
from services.reporting.shape import Shape

if TYPE_CHECKING:
    from services.reporting.edge import Edge

Asked = Annotated[str, Field(max_length=80)]


class ClockPart(Shape):
    """A piece of a clock's time. The open time of all pieces is the clock's whole open time, exactly."""

    kind: str = Field(description="run, pause or resolved")
    from_at: AwareDatetime
    to_at: AwareDatetime
    event: UUID = Field(description="what it began with")
    open_microseconds: int = Field(description="open time of the clock's calendar within it")
    counts: bool = Field(description="whether it is used up of the target")


class ClockMark(Shape):
    what: str = Field(description="activate, pause, resume, stop, fulfil, cancel, apply; warned:0.75, breached …")
    at: AwareDatetime
    event: UUID | None = Field(description="what caused it, or what recorded it; absent where nothing did")


class ClockShape(Shape):
    """One cycle of one clock."""

    metric: Metric
    cycle: str = Field(examples=["resolution/1"])
    state: str = Field(description="running, paused, stopped, fulfilled or cancelled")
    outcome: str = Field(description="open, met, provisional, breached, waived or not_counted")
    policy_version: str
    row: int | None = Field(description="of the policy, from 1")
    calendar_version: str
    target_seconds: int | None
    started_at: AwareDatetime
    ended_at: AwareDatetime | None
    due_at: AwareDatetime | None = Field(description="absent while a pause leaves it open")
    pinned: bool
    breached_at: AwareDatetime | None
    breached_by_change: bool
    breached_promise: bool = Field(description="an update that was due by a promise before its own target")
    waived_by: UUID | None
    consumed_microseconds: int
    paused_microseconds: int
    overdue_seconds: int
    parts: list[ClockPart]
    marks: list[ClockMark]
    sentence: str = Field(description="what a customer would understand")


class ClocksShape(Shape):
    id: UUID
    reference: str
    client: str
    now: AwareDatetime = Field(description="the instant at which the clocks are read")
    as_of: str | None
    next_at: AwareDatetime | None = Field(description="when the next threshold comes; absent where none will")
    clocks: list[ClockShape]


def add_clock_routes(app: FastAPI, edge: Edge) -> None:
    @app.get("/tickets/{ticket}/clocks", responses={200: {"model": ClocksShape}})
    async def ticket_clocks(caller: Caller, ticket: Asked, as_of: AsOfText | None = None) -> Response:
        """Every clock of a ticket: what it goes by, each start, pause, resume and stop with its event, and its due
        time."""
        at = as_of_given(as_of, caller)
        reader = edge.reading(caller)
        held, events = await find_ticket(reader, ticket, caller, at)
        books = await read_books(reader, held.client)
        last = events[-1].occurred_at
        now = at.at if isinstance(at, Instant) else last if at else max(edge.clock.now(), last)
        state = clocks(events, books.policies, books.calendars, now)
        shown: dict[str, Any] = {
            "id": held.id,
            "reference": held.reference,
            "client": held.client,
            "now": now,
            "as_of": as_of,
            "next_at": wake_at(state),
            "clocks": [asdict(cycle) for cycle in explain(state)],
        }
        return json(shown)
