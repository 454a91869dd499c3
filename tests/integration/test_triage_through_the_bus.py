"""The services triage and notification as processes run them: relay, bus, consumers, and the log again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from email.message import EmailMessage

import aiosmtplib
import pytest

from contracts.subjects import lane_of
from contracts.terms import Urgency
from services.embedded.ports import claim
from services.intake.mail import door
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
async def services(bus: Settings, pool_of: PoolOf) -> AsyncIterator[Settings]:
    """The desk's processes but the web, and the settings that lead to them."""
    await provision_bus(bus)
    settings = Settings.model_validate({**bus.model_dump(), "smtp_port": claim(0, "no variable")})
    processes = relay(bus, await pool_of("relay")), triage.run(bus), notification.run(bus), door.run(settings)
    async with AsyncExitStack() as stack:
        for process in processes:
            await stack.enter_async_context(running(process))
        yield settings


async def test_tickets_are_prioritised_and_confirmed_once_each(
    services: Settings, database: Settings, pool_of: PoolOf
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


async def test_a_mail_comes_back_as_a_receipt(services: Settings, database: Settings, pool_of: PoolOf) -> None:
    intake, reporting = await pool_of("intake"), await pool_of("reporting")
    await SmallDesk(intake, vault_on(intake, database)).client("by-mail", languages=("it",))
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "Ada <ada@by-mail.example>", "Stampante"
    mail.set_content("Non stampa.")

    async def taken() -> bool:
        try:
            await aiosmtplib.send(
                mail, hostname="127.0.0.1", port=services.smtp_port, recipients=["by-mail@desk.example"]
            )
        except aiosmtplib.SMTPConnectError:
            return False
        return True

    async def answered() -> bool:
        return bool(await reporting.fetchval("SELECT count(*) FROM notification.mailbox_read WHERE client = 'by-mail'"))

    await eventually(taken, what="the door takes mails")
    await eventually(answered, what="the receipt lies in the mailbox")
    row = await reporting.fetchrow("SELECT content FROM notification.mailbox_read WHERE client = 'by-mail'")
    assert row is not None
    letter = await vault_on(reporting, database).open_json(row["content"])
    assert letter["to"] == "ada@by-mail.example"
    assert "Abbiamo ricevuto la Sua richiesta: Stampante" in letter["subject"]
