"""The timers as processes run them: relay, bus, consumer, index and loop, and the facts in a real log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from contracts.sla import SlaBreached
from services.kit.bus import provision_bus
from services.kit.settings import Settings
from services.triage import app as triage
from tests.conftest import PoolOf
from tests.integration.bus_tools import eventually, relay, running
from tests.integration.intake_desk import IntakeDesk, open_desk

ALWAYS: dict[str, Any] = {
    "zone": "Etc/UTC",
    "hours": {day: ["00:00-24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")},
}


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
    assert all(event.recorded_at >= event.data.true_at for event in facts)
    late = facts[-1].data
    assert isinstance(late, SlaBreached)
    assert (late.true_at - events[0].occurred_at).total_seconds() == 1
