"""The services triage and notification as processes run them: relay, bus, consumers, and the log again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from contracts.subjects import lane_of
from contracts.terms import Urgency
from services.kit.bus import provision_bus
from services.kit.log.read import read_lane
from services.kit.settings import Settings
from services.notification import app as notification
from services.triage import app as triage
from tests.conftest import PoolOf
from tests.integration.bus_tools import eventually, relay, running
from tests.integration.small_desk import SmallDesk, vault_on

TICKETS = 60


@pytest.fixture
async def services(bus: Settings, pool_of: PoolOf) -> AsyncIterator[None]:
    await provision_bus(bus)
    async with AsyncExitStack() as stack:
        for service in (relay(bus, await pool_of("relay")), triage.run(bus), notification.run(bus)):
            await stack.enter_async_context(running(service))
        yield


async def test_tickets_are_prioritised_and_confirmed_once_each(
    services: None, database: Settings, pool_of: PoolOf
) -> None:
    intake = await pool_of("intake")
    desk = SmallDesk(intake, vault_on(intake, database))
    tickets = []
    for number in range(TICKETS):
        slug = f"walk-{number % 7}"
        if number < 7:
            await desk.client(slug)
        person = await desk.person(slug, f"p{number}@{slug}.example")
        tickets.append(await desk.submit(slug, person, urgency=Urgency.HIGH))

    async def types() -> list[str]:
        lanes = sorted({lane_of(ticket) for ticket in tickets})
        return [event.type for lane in lanes for event in await read_lane(intake, lane, 0, 10_000)]

    async def done() -> bool:
        found = await types()
        return found.count("ticket.prioritised") == found.count("delivery.sent") == TICKETS

    await eventually(done, what="every ticket has its priority and its receipt")
    found = await types()
    assert (found.count("ticket.prioritised"), found.count("delivery.sent")) == (TICKETS, TICKETS)
    reporting = await pool_of("reporting")
    assert await reporting.fetchval("SELECT count(*) FROM notification.mailbox_read") == TICKETS
