"""A reporting desk whose clients have the terms of `office`, and whose triage records the facts of clocks. I/O."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from contracts import tickets
from contracts.envelope import Recorded
from contracts.model import DESK, Event
from contracts.subjects import client_stream
from services.cli.clients import read as read_clients
from services.cli.terms import Terms, explained, shipped
from services.kit.configuration import read_books
from services.kit.log.append import NewEvent
from services.kit.log.read import read_stream
from services.kit.rules.clock_facts import facts
from services.kit.rules.clocks import Clocks, clocks
from services.kit.rules.open_time import instant
from services.kit.settings import Settings
from tests.integration.reporting_desk import ReportingDesk, reporting_desk
from tests.integration.reporting_history import START, Writer

ANNA, BRUNO = UUID(int=0xA), UUID(int=0xB)
"""Agents who answer."""


class Spoken(Writer):
    """Answers and notes are written by people, messages by requesters: a program's answer stops no clock."""

    def _event(self, stream: UUID, at: datetime | None, event: Event, person: UUID | None) -> NewEvent:
        made = super()._event(stream, at, event, person)
        match event:
            case tickets.ReplySent():
                return replace(made, actor=f"agent:{ANNA}")
            case tickets.MessageReceived() | tickets.TicketSubmitted():
                return replace(made, actor=f"requester:{person}")
            case _:
                return made


@asynccontextmanager
async def sla_desk(settings: Settings, seed: int, clients: Sequence[str]) -> AsyncIterator[ReportingDesk]:
    async with reporting_desk(settings, seed, clients) as desk:
        desk.writer = Spoken(desk.writer.appenders, desk.writer.vault, desk.writer.versions)
        terms = Terms.model_validate(read_clients(shipped(Path("office"))).desk)
        _, told = explained(DESK, terms, (), START - timedelta(days=1))
        for event in told[1:]:
            await desk.writer.write(DESK, client_stream(DESK), [(event.occurred_at, event.data, None)])
        yield desk


async def clocks_of(desk: ReportingDesk, ticket: UUID, now: datetime) -> tuple[Clocks, list[Recorded[Event]]]:
    """The clocks of a ticket by the fold, and its events."""
    events = await read_stream(desk.reporting, ticket)
    books = await read_books(desk.reporting, events[0].client)
    return clocks(events, books.policies, books.calendars, now), events


async def record_facts(desk: ReportingDesk, ticket: UUID, now: datetime) -> int:
    """What triage's timers append: everything that came true until now, each at its time or after the last event."""
    state, events = await clocks_of(desk, ticket, now)
    due = facts(state)
    for fact in due:
        at = max(instant(fact.true_at), events[-1].occurred_at)
        await desk.writer.write(events[0].client, ticket, [(at, fact.event, None)])
    return len(due)
