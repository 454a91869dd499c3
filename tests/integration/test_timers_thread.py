"""The timers as processes run them: relay, bus, consumer, index and loop, and the facts in a real log."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from contracts.sla import ClockFact, SlaBreached
from services.kit.bus import provision_bus
from services.kit.settings import Settings
from services.triage import app as triage
from tests.bench.services import serving
from tests.conftest import PoolOf
from tests.integration.bus_tools import eventually, relay, running
from tests.integration.intake_desk import IntakeDesk, open_desk

ALWAYS: dict[str, Any] = {
    "zone": "Etc/UTC",
    "hours": {day: ["00:00-24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")},
}

RECORDED = """
SELECT stream, type, recorded_at, (convert_from(payload, 'UTF8')::jsonb ->> 'true_at')::timestamptz AS true_at
FROM log.events WHERE type = ANY ($1) AND client LIKE 'replica-%' ORDER BY stream, version
"""


@pytest.fixture
async def desk(bus: Settings, pool_of: PoolOf) -> AsyncIterator[IntakeDesk]:
    await provision_bus(bus)
    async with AsyncExitStack() as stack:
        for process in (relay(bus, await pool_of("relay")), triage.run(bus)):
            await stack.enter_async_context(running(process))
        yield await stack.enter_async_context(open_desk(bus))


async def test_a_ticket_that_nobody_answers_is_warned_of_and_breached_when_it_is_due(desk: IntakeDesk) -> None:
    for path, body in (("calendar", ALWAYS), ("policy", {"rows": [{"targets": {"first_reply": "1s"}}]})):
        answer = await desk.send("PUT", f"/clients/acme/{path}", body)
        assert answer.status_code == 201, answer.text
    ticket = (await desk.submit())["id"]

    async def breached() -> bool:
        return "sla.breached" in {event.type for event in await desk.events(ticket)}

    await eventually(breached, what="the first reply is late")
    events = await desk.events(ticket)
    facts = [event for event in events if event.type.startswith("sla.")]
    assert [event.type for event in facts] == ["sla.warned"] * 3 + ["sla.breached"]
    assert all(event.recorded_at >= event.data.true_at for event in facts if isinstance(event.data, ClockFact))
    late = facts[-1].data
    assert isinstance(late, SlaBreached)
    assert (late.true_at - events[0].occurred_at).total_seconds() == 1


async def test_a_replica_that_is_killed_loses_and_doubles_no_fact_of_its_lanes(
    desk: IntakeDesk, bus: Settings, pool_of: PoolOf
) -> None:
    clients = [f"replica-{number}" for number in range(12)]
    targets = {"first_reply": {"seconds": "2s", "warn_at": [0.5]}}
    for number, slug in enumerate(clients):
        terms = (
            ("", {"name": slug, "prefix": f"R{number}"}),
            ("/calendar", ALWAYS),
            ("/policy", {"rows": [{"targets": targets}]}),
        )
        for path, body in terms:
            assert (await desk.send("PUT", f"/clients/{slug}{path}", body)).status_code == 201
    pool = await pool_of("triage")

    async def shared() -> bool:
        query = "SELECT count(DISTINCT holder) FROM log.leases WHERE purpose = 'timers' AND expires_at > now()"
        return bool(await pool.fetchval(query) == 2)

    async def facts() -> list[Any]:
        return await pool.fetch(RECORDED, ["sla.warned", "sla.breached"])

    async with serving(bus, "triage") as other:
        await eventually(shared, what="both replicas hold lanes")
        tickets = [(await desk.submit(slug))["id"] for slug in clients * 3]

        async def some() -> bool:
            return len(await facts()) > len(tickets) // 2

        await eventually(some, what="some tickets are warned of")
        os.kill(other["triage"].pid, signal.SIGKILL)

        async def all_told() -> bool:
            return len(await facts()) >= 2 * len(tickets)

        await eventually(all_told, what="every ticket is warned of and breached")
    found = await facts()
    assert [(str(row["stream"]), row["type"]) for row in found] == [
        (ticket, kind) for ticket in sorted(tickets) for kind in ("sla.warned", "sla.breached")
    ]
    assert all(row["recorded_at"] >= row["true_at"] for row in found)
