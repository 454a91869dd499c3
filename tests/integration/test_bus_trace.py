"""One trace from the request through log and bus to the last effect."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from uuid_utils.compat import uuid7

from contracts.envelope import Recorded
from contracts.model import Event
from contracts.terms import Priority
from contracts.tickets import TicketPrioritised
from services.embedded.place import Place
from services.kit.log.append import Append, Appender, NewEvent, append_in
from services.kit.postgres import Connection
from services.kit.settings import Settings
from services.kit.telemetry import current_traceparent, setup_tracing, span
from tests.conftest import PoolOf
from tests.integration.bus_tools import (
    SEEN,
    Bus,
    Ledger,
    append_tickets,
    caught_up,
    consume,
    eventually,
    own_bus,
    relay,
    running,
    submitted,
    ticket_of,
)


@pytest.fixture
async def own(database: Settings, place: Place, tmp_path: Path, pool_of: PoolOf) -> AsyncIterator[Bus]:
    await (await pool_of("owner")).execute(SEEN)
    async with own_bus(database, place, tmp_path) as bus:
        yield bus


@pytest.fixture(scope="module")
def exporter(database: Settings) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    setup_tracing(database, "test", exporter)
    return exporter


class Judge(Ledger):
    """Answers a submission with a priority, in the consumer's transaction, as triage does."""

    async def handle(self, lane: int, events: Sequence[Recorded[Event]], connection: Connection) -> None:
        for event in events:
            if event.type == "ticket.submitted":
                data = TicketPrioritised(priority=Priority.P3, urgency=1, impact=1, reasons=(), rule_version="test")
                fact = NewEvent(uuid7(), event.stream, 2, data, "system:triage", trace=current_traceparent())
                await append_in(connection, [Append(event.client, [fact])])
        await super().handle(lane, events, connection)


class Viewer(Ledger):
    """Makes a span of its own around the last effect."""

    async def handle(self, lane: int, events: Sequence[Recorded[Event]], connection: Connection) -> None:
        with span(f"show {events[-1].type}"):
            await super().handle(lane, events, connection)


def ancestors(found: ReadableSpan, by_id: dict[int, ReadableSpan]) -> list[str]:
    """The names of a span's parents, nearest first."""
    names = []
    while found.parent is not None and found.parent.span_id in by_id:
        found = by_id[found.parent.span_id]
        names.append(found.name)
    return names


async def test_the_trace_of_a_request_reaches_the_last_effect(
    own: Bus, pool_of: PoolOf, exporter: InMemorySpanExporter
) -> None:
    pool = await pool_of("triage")
    judge, viewer = Judge("judge"), Viewer("viewer")
    subscribed = [asyncio.Event(), asyncio.Event()]
    async with (
        running(relay(own.settings, await pool_of("relay"))),
        running(consume(own.settings, judge, pool, started=subscribed[0].set)),
        running(consume(own.settings, viewer, await pool_of("reporting"), started=subscribed[1].set)),
    ):
        await asyncio.gather(*(event.wait() for event in subscribed))
        with span("POST /api/v1/tickets", kind=SpanKind.SERVER) as request:
            first = submitted(ticket_of("traced"), trace=current_traceparent())
            await Appender(await pool_of("intake")).append(Append("traced", [first]))
        await eventually(lambda: caught_up(pool, "judge"))
        await eventually(lambda: caught_up(pool, "viewer"))

    trace = request.get_span_context().trace_id
    spans = [found for found in exporter.get_finished_spans() if found.context and found.context.trace_id == trace]
    by_id = {found.context.span_id: found for found in spans if found.context}
    last = next(found for found in spans if found.name == "show ticket.prioritised")
    parents = ancestors(last, by_id)
    assert parents[0] == "digest viewer"
    assert parents[-1] == "POST /api/v1/tickets"
    assert [name for name in parents if name.startswith("digest judge")] == ["digest judge"]
    assert {"publish ticket.submitted", "publish ticket.prioritised"} <= {found.name for found in spans}
    kept = await pool.fetch("SELECT trace FROM log.events WHERE client = 'traced'")
    assert {row["trace"][3:35] for row in kept} == {f"{trace:032x}"}


async def test_a_batch_of_many_traces_is_linked_to_each_and_seen_in_each(
    own: Bus, pool_of: PoolOf, exporter: InMemorySpanExporter
) -> None:
    exporter.clear()
    intake, pool = await pool_of("intake"), await pool_of("triage")
    traces = set()
    for _ in range(5):
        with span("request") as request:
            traces.add(request.get_span_context().trace_id)
            one = submitted(ticket_of("linked"), trace=current_traceparent())
            await Appender(intake).append(Append("linked", [one]))
    async with running(consume(own.settings, Ledger("linker"), pool)):  # it finds all five in the log, in one batch
        await eventually(lambda: caught_up(pool, "linker"))
    batch = [found for found in exporter.get_finished_spans() if found.name == "digest linker"]
    linked = {link.context.trace_id for found in batch for link in found.links}
    assert traces <= linked
    seen = {
        found.context.trace_id
        for found in exporter.get_finished_spans()
        if found.context and found.name == "digest ticket.submitted"
    }
    assert traces <= seen


async def test_events_without_a_trace_travel_too(own: Bus, pool_of: PoolOf, exporter: InMemorySpanExporter) -> None:
    await append_tickets(await pool_of("intake"), 3)
    pool = await pool_of("triage")
    async with running(relay(own.settings, await pool_of("relay"))), running(consume(own.settings, Ledger("t"), pool)):
        await eventually(lambda: caught_up(pool, "t"))
