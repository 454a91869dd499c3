"""A desk that starts while NATS is down: tickets are taken, judged, confirmed and shown from the log alone."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from uuid import UUID

from services.embedded.ports import claim
from services.intake.mail import door
from services.kit.settings import Settings
from services.notification import app as notification
from services.reporting import app as reporting
from services.triage import app as triage
from tests.conftest import PoolOf
from tests.integration.bus_tools import eventually, running
from tests.integration.intake_desk import open_desk


async def test_every_process_works_at_once_though_there_is_no_bus(database: Settings, pool_of: PoolOf) -> None:
    nobody = f"nats://127.0.0.1:{claim(0, 'no variable')}"
    more = {"nats_url": nobody, "smtp_port": claim(0, "no variable")}
    settings = Settings.model_validate({**database.model_dump(), **more})
    owner = await pool_of("owner")
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(open_desk(settings))
        for process in (triage.run(settings), reporting.run(settings), notification.run(settings), door.run(settings)):
            await stack.enter_async_context(running(process))
        ticket = UUID((await desk.submit())["id"])

        async def shown() -> bool:
            types = [event.type for event in await desk.events(ticket)]
            priority = await owner.fetchval("SELECT priority FROM reporting_queue.tickets WHERE ticket = $1", ticket)
            return "ticket.prioritised" in types and priority is not None

        async def confirmed() -> bool:
            letter = await owner.fetchval("SELECT state FROM notification.outbox WHERE ticket = $1", ticket)
            return bool(letter == "sent")

        await eventually(shown, seconds=60)
        await eventually(confirmed, seconds=60)
        await eventually(lambda: greeted(settings.smtp_port), seconds=60)


async def greeted(port: int) -> bool:
    """Whether the mail door is open."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    said = await reader.readline()
    writer.close()
    return said.startswith(b"220 ")
