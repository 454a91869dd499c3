"""Letters against a real database and a real mail server: who gets which, and what it says."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
from uuid_utils.compat import uuid7

from contracts import tickets as tell
from contracts.calendars import Calendar, CalendarSet, Weekday
from contracts.deliveries import DeliverySent
from contracts.envelope import Origin
from contracts.subjects import client_stream, lane_of
from contracts.terms import Channel
from services.kit.log.append import NewEvent
from services.kit.log.read import heads, read_lane
from services.kit.postgres import Pool
from services.kit.settings import Settings
from services.notification.handler import Notification
from tests.conftest import PoolOf
from tests.integration.correspondence import a_ticket, deliveries, post_to, sender_on, state_of, until_quiet
from tests.integration.mail_server import MailServer, mail_server
from tests.integration.small_desk import NOON, SmallDesk, promise, vault_on


@pytest.fixture
async def pool(pool_of: PoolOf) -> Pool:
    return await pool_of("notification")


@pytest.fixture
async def desk(pool_of: PoolOf, database: Settings) -> AsyncIterator[SmallDesk]:
    intake = await pool_of("intake")
    yield SmallDesk(intake, vault_on(intake, database), dict(await heads(intake)))
    owner = await pool_of("owner")
    await owner.execute("TRUNCATE notification.outbox, notification.mailbox")


@pytest.fixture
async def smtp() -> AsyncIterator[MailServer]:
    async with mail_server() as server:
        yield server


async def test_a_receipt_is_kept_sealed_and_the_log_knows_it(
    desk: SmallDesk, pool: Pool, database: Settings, pool_of: PoolOf
) -> None:
    ticket = await a_ticket(desk, pool, language="de")
    await until_quiet(sender_on(pool, database))

    (sent,) = await deliveries(pool, ticket)
    assert isinstance(sent, DeliverySent)
    assert sent.via == "mailbox"
    reporting = await pool_of("reporting")
    row = await reporting.fetchrow("SELECT * FROM notification.mailbox_read WHERE ticket = $1", ticket)
    assert row is not None
    assert (row["message_id"], row["letter"], row["language"]) == (sent.message_id, "receipt", "de")
    assert "Printer" not in str(row["content"])
    letter = await vault_on(reporting, database).open_json(row["content"])
    assert letter["to"].startswith("ada@acme-")
    assert letter["subject"] == f"[{row['reference']}] Ihre Anfrage ist bei uns: Printer on fire"
    assert "Mittwoch, 4. März 2026, 16:00 Uhr (Europe/Berlin)" in letter["text"]
    assert f"https://desk.example/portal/{row['client']}/tickets/{row['reference']}?key=" in letter["html"]
    assert row["headers"]["Auto-Submitted"] == "auto-generated"


async def test_a_receipt_says_when_the_desk_is_open(
    desk: SmallDesk, pool: Pool, database: Settings, pool_of: PoolOf
) -> None:
    await desk.client("hours")
    week = Calendar(zone="Europe/Berlin", hours={Weekday.MON: (("09:00", "17:00"),)}, public_holidays=("DE",))
    hours = CalendarSet(client="hours", name="default", version=1, calendar=week, holds_from=NOON)
    await desk.append("hours", [NewEvent(uuid7(), client_stream("hours"), 2, hours, "token:test", occurred_at=NOON)])
    ticket = await desk.submit("hours", await desk.person("hours", "ada@hours.example"))
    await desk.feed(Notification(lambda: None), pool, lane_of(ticket), limit=10_000)
    await until_quiet(sender_on(pool, database))
    reporting = await pool_of("reporting")
    row = await reporting.fetchrow("SELECT * FROM notification.mailbox_read WHERE ticket = $1", ticket)
    assert row is not None
    letter = await vault_on(reporting, database).open_json(row["content"])
    assert "Our hours: Monday 09:00–17:00 (Europe/Berlin), closed on public holidays." in letter["text"]
    assert "Wednesday, 4 March 2026, 16:00 (Europe/Berlin)" in letter["text"]


async def test_reporting_reads_kept_letters_and_changes_none_and_sees_no_outbox(pool_of: PoolOf) -> None:
    reporting = await pool_of("reporting")
    for refused in ("SELECT 1 FROM notification.outbox", "DELETE FROM notification.mailbox"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reporting.execute(refused)


async def test_an_event_that_is_delivered_again_brings_no_second_letter(
    desk: SmallDesk, pool: Pool, database: Settings
) -> None:
    ticket = await a_ticket(desk, pool)
    await until_quiet(sender_on(pool, database))
    desk.again(lane_of(ticket))
    await desk.feed(Notification(lambda: None), pool, lane_of(ticket), limit=10_000)
    await until_quiet(sender_on(pool, database))
    assert len(await deliveries(pool, ticket)) == 1
    assert await pool.fetchval("SELECT count(*) FROM notification.outbox WHERE ticket = $1", ticket) == 1


async def test_a_letter_that_the_log_knows_of_is_not_sent_again_even_if_the_outbox_forgot_it(
    desk: SmallDesk, pool: Pool, database: Settings, pool_of: PoolOf, smtp: MailServer
) -> None:
    ticket = await a_ticket(desk, pool)
    await until_quiet(sender_on(pool, database, post_to(smtp)))
    await (await pool_of("owner")).execute("TRUNCATE notification.outbox")
    desk.again(lane_of(ticket))
    await desk.feed(Notification(lambda: None), pool, lane_of(ticket), limit=10_000)
    await until_quiet(sender_on(pool, database, post_to(smtp)))
    assert len(smtp.letters) == len(await deliveries(pool, ticket)) == 1
    assert (await state_of(pool, ticket))["state"] == "sent"


@pytest.mark.parametrize("origin", [Origin.IMPORT, Origin.PRACTICE])
async def test_imports_and_practice_write_no_letters(
    desk: SmallDesk, pool: Pool, database: Settings, origin: Origin
) -> None:
    ticket = await a_ticket(desk, pool, origin=origin)
    assert not await sender_on(pool, database).round()
    assert await deliveries(pool, ticket) == []


async def test_a_sandbox_client_gets_no_mail(desk: SmallDesk, pool: Pool, database: Settings, smtp: MailServer) -> None:
    await desk.client("sandbox", practice=True)
    ticket = await desk.submit("sandbox", await desk.person("sandbox", "a@sandbox.example"))
    await desk.feed(Notification(lambda: None), pool, lane_of(ticket), limit=10_000)
    await until_quiet(sender_on(pool, database, post_to(smtp)))
    assert smtp.letters == []
    assert (await state_of(pool, ticket))["state"] == "muted"
    assert await deliveries(pool, ticket) == []


async def test_a_receipt_goes_out_by_smtp_over_a_connection_that_is_kept(
    desk: SmallDesk, pool: Pool, database: Settings, smtp: MailServer
) -> None:
    tickets = [await a_ticket(desk, pool) for _ in range(12)]
    post = post_to(smtp)
    await until_quiet(sender_on(pool, database, post))
    await post.close()
    assert len(smtp.letters) == len(tickets)
    assert smtp.connections <= 4
    for ticket in tickets:
        (sent,) = await deliveries(pool, ticket)
        assert isinstance(sent, DeliverySent)
        assert (sent.via, dict(await state_of(pool, ticket))) == (
            "smtp",
            {"state": "sent", "attempts": 1, "doubts": 0, "code": None},
        )
        (letter,) = [letter for letter in smtp.letters if letter["Message-ID"] == sent.message_id]
        assert letter["Auto-Submitted"] == "auto-generated"
        assert str(letter["From"]).startswith("acme-")
        body = letter.get_body(("plain",))
        assert body is not None
        assert letter["X-Daybook-Ticket"] in body.get_content()


async def test_a_demos_letters_stay_at_the_desk_even_with_a_mail_server(
    desk: SmallDesk, pool: Pool, database: Settings, smtp: MailServer
) -> None:
    ticket = await a_ticket(desk, pool, origin=Origin.DEMO)
    await until_quiet(sender_on(pool, database, post_to(smtp)))
    (sent,) = await deliveries(pool, ticket)
    assert isinstance(sent, DeliverySent)
    assert (sent.via, smtp.letters) == ("mailbox", [])


async def test_a_public_answer_reaches_the_requester_in_the_thread_of_the_receipt(
    desk: SmallDesk, pool: Pool, database: Settings, smtp: MailServer
) -> None:
    ticket = await a_ticket(desk, pool)
    slug = (await read_lane(pool, lane_of(ticket), 0, 100_000))[-1].client
    await desk.tell(
        slug, ticket, tell.ReplySent(body="The cable was loose.\n\nWe fixed it."),
        promise(NOON + timedelta(days=1), "We watch it until then."), at=NOON + timedelta(hours=1),
    )  # fmt: skip
    await desk.tell(
        slug, ticket, tell.ReplySent(body="Said on the phone", channel=Channel.PHONE), at=NOON + timedelta(hours=2)
    )
    await desk.tell(slug, ticket, tell.TicketResolved(summary="A new cable."), at=NOON + timedelta(hours=3))
    await desk.feed(Notification(lambda: None), pool, lane_of(ticket), limit=10_000)
    await until_quiet(sender_on(pool, database, post_to(smtp)))

    by_effect = {str(letter["Message-ID"]).partition("@")[0].rpartition(".")[2]: letter for letter in smtp.letters}
    assert sorted(by_effect) == ["receipt", "reply", "resolution"]
    for effect in ("reply", "resolution"):
        assert by_effect[effect]["In-Reply-To"] == by_effect["receipt"]["Message-ID"]
        assert by_effect[effect]["Auto-Submitted"] is None
    reply, resolution = (by_effect[effect].get_body(("plain",)) for effect in ("reply", "resolution"))
    assert reply is not None
    assert resolution is not None
    assert "The cable was loose." in reply.get_content()
    assert "A new cable." in resolution.get_content()


async def test_log_lines_hold_nothing_of_a_person(
    desk: SmallDesk, pool: Pool, database: Settings, smtp: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await a_ticket(desk, pool)
    smtp.answers.extend(["550 <ada@acme.example> unknown"])
    await a_ticket(desk, pool)
    await until_quiet(sender_on(pool, database, post_to(smtp)))
    said = " ".join(
        f"{record.getMessage()} {record.__dict__.get('daybook')}"
        for record in caplog.records
        if record.name.startswith("daybook")
    )
    assert "letter" in said
    for word in ("ada@", "Ada", "Lovelace", "Printer", "fire"):
        assert word not in said
