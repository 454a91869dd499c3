"""A desk that starts while NATS is down: tickets are taken, judged and shown from the log alone."""

from __future__ import annotations

from contextlib import AsyncExitStack
from uuid import UUID

from services.embedded.ports import claim
from services.kit.settings import Settings
from services.reporting import app as reporting
from services.triage import app as triage
from tests.conftest import PoolOf
from tests.integration.bus_tools import eventually, running
from tests.integration.intake_desk import open_desk


async def test_every_process_works_at_once_though_there_is_no_bus(database: Settings, pool_of: PoolOf) -> None:
    nobody = f"nats://127.0.0.1:{claim(0, 'no variable')}"
    settings = Settings.model_validate({**database.model_dump(), "nats_url": nobody})
    owner = await pool_of("owner")
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(open_desk(settings))
        for process in (triage.run(settings), reporting.run(settings)):
            await stack.enter_async_context(running(process))
        ticket = await desk.submit()

        async def shown() -> bool:
            types = [event.type for event in await desk.events(ticket["id"])]
            shown = "SELECT priority FROM reporting_queue.tickets WHERE ticket = $1"
            return "ticket.prioritised" in types and await owner.fetchval(shown, UUID(ticket["id"])) is not None

        await eventually(shown, seconds=60)
