"""Letters against a real database and a real mail server: each is sent once, whatever happens in between."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import count
from uuid import UUID

import asyncpg
import pytest
from uuid_utils.compat import uuid7

from contracts import tickets as tell
from contracts.deliveries import DeliveryFailed, DeliverySent
from contracts.envelope import Origin
from contracts.model import Event
from contracts.subjects import lane_of
from contracts.terms import Channel
from services.kit.clock import SystemClock
from services.kit.log.read import heads, read_lane
from services.kit.metrics import Metrics
from services.kit.postgres import Pool
from services.kit.settings import Settings
from services.notification import sender as sending
from services.notification.counts import Counts
from services.notification.drafts import Drafts, House
from services.notification.handler import Notification
from services.notification.letters import Letters
from services.notification.post import Post, Server, Unreachable
from services.notification.sender import Sender, Times
from tests.conftest import PoolOf
from tests.integration.mail_server import HANG_UP, MailServer, mail_server
from tests.integration.small_desk import NOON, SmallDesk, promise, vault_on

NAMES = count(1)
AT_ONCE = Times(retry_first=timedelta(), claim=timedelta(seconds=30), attempt=timedelta(milliseconds=1))
"""A claim runs out before anybody can look, so what a dead sender held is due at once."""


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


def post_to(server: MailServer) -> Post:
    return Post(Server("127.0.0.1", server.port, tls=False, username=None, password=None))


def sender_on(pool: Pool, database: Settings, post: Post | None = None, times: Times = AT_ONCE) -> Sender:
    house = House("https://desk.example", "desk.example", database.session_secret_bytes)
    drafts = Drafts(vault_on(pool, database), Letters(), house)
    counts = Counts(Metrics("notification"))
    return Sender(pool, drafts, post, SystemClock(), holder=uuid7(), counts=counts, log_time=False, times=times)


async def a_ticket(desk: SmallDesk, pool: Pool, *, origin: Origin = Origin.LIVE, language: str | None = None) -> UUID:
    """A ticket of a client and person of its own, and its events handed to notification."""
    slug = f"acme-{next(NAMES)}"
    await desk.client(slug)
    person = await desk.person(slug, f"ada@{slug}.example")
    ticket = await desk.submit(slug, person, origin=origin, language=language)
    await desk.feed(Notification(lambda: None), pool, lane_of(ticket), limit=10_000)
    return ticket


async def deliveries(pool: Pool, ticket: UUID) -> list[Event]:
    """What the log says of a ticket's letters."""
    events = await read_lane(pool, lane_of(ticket), 0, 100_000)
    return [
        event.data
        for event in events
        if isinstance(event.data, DeliverySent | DeliveryFailed) and event.data.ticket == ticket
    ]


async def state_of(pool: Pool, ticket: UUID) -> asyncpg.Record:
    row = await pool.fetchrow("SELECT state, attempts, doubts, code FROM notification.outbox WHERE ticket = $1", ticket)
    assert row is not None
    return row


async def until_quiet(sender: Sender) -> None:
    while await sender.round():
        pass


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


async def test_reporting_reads_letters_but_neither_the_outbox_nor_the_table(pool_of: PoolOf) -> None:
    reporting = await pool_of("reporting")
    for table in ("notification.outbox", "notification.mailbox"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reporting.fetch(f"SELECT 1 FROM {table}")


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


async def test_a_letter_that_is_deferred_goes_again(
    desk: SmallDesk, pool: Pool, database: Settings, smtp: MailServer
) -> None:
    ticket = await a_ticket(desk, pool)
    smtp.answers.extend(["451 later", "421 busy"])
    await until_quiet(sender_on(pool, database, post_to(smtp)))
    assert dict(await state_of(pool, ticket)) == {"state": "sent", "attempts": 3, "doubts": 0, "code": None}
    assert len(smtp.letters) == len(await deliveries(pool, ticket)) == 1


async def test_a_letter_that_is_refused_for_good_fails_once(
    desk: SmallDesk, pool: Pool, database: Settings, smtp: MailServer
) -> None:
    ticket = await a_ticket(desk, pool)
    smtp.answers.append("550 no such user")
    await until_quiet(sender_on(pool, database, post_to(smtp)))
    (failed,) = await deliveries(pool, ticket)
    assert isinstance(failed, DeliveryFailed)
    assert (failed.code, failed.attempts) == ("550", 1)


async def test_a_letter_fails_after_the_last_attempt(
    desk: SmallDesk, pool: Pool, database: Settings, smtp: MailServer
) -> None:
    ticket = await a_ticket(desk, pool)
    smtp.answers.extend(["452 full"] * sending.ATTEMPTS_MAX)
    await until_quiet(sender_on(pool, database, post_to(smtp)))
    (failed,) = await deliveries(pool, ticket)
    assert isinstance(failed, DeliveryFailed)
    assert (failed.code, failed.attempts) == ("452", sending.ATTEMPTS_MAX)


async def test_a_connection_that_breaks_after_the_letter_leaves_a_doubt_and_the_same_message_id(
    desk: SmallDesk, pool: Pool, database: Settings, smtp: MailServer
) -> None:
    ticket = await a_ticket(desk, pool)
    smtp.answers.append(HANG_UP)
    await until_quiet(sender_on(pool, database, post_to(smtp)))
    assert dict(await state_of(pool, ticket)) == {"state": "sent", "attempts": 2, "doubts": 1, "code": None}
    assert len({letter["Message-ID"] for letter in smtp.letters}) == 1
    assert len(await deliveries(pool, ticket)) == 1


async def test_a_mail_server_that_is_away_is_waited_for(desk: SmallDesk, pool: Pool, database: Settings) -> None:
    ticket = await a_ticket(desk, pool)
    async with mail_server() as gone:
        away = post_to(gone)
    sender = sender_on(pool, database, away)
    with pytest.raises(Unreachable):
        await sender.round()
    state = await state_of(pool, ticket)
    assert (state["state"], state["attempts"], state["doubts"]) == ("waiting", 0, 0)
    async with mail_server() as back:
        await until_quiet(sender_on(pool, database, post_to(back)))
        assert len(back.letters) == 1


async def test_a_commit_that_fails_after_the_server_took_the_letter_is_made_up_for(
    desk: SmallDesk, pool: Pool, database: Settings, smtp: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = await a_ticket(desk, pool)
    sender = sender_on(pool, database, post_to(smtp))

    async def away(*_: object, **__: object) -> None:
        raise OSError("the database is away")

    with monkeypatch.context() as broken:
        broken.setattr(sending, "end", away)
        with pytest.raises(OSError, match="away"):
            await sender.round()
    await until_quiet(sender)
    assert len(smtp.letters) == len(await deliveries(pool, ticket)) == 1
    assert (await state_of(pool, ticket))["doubts"] == 0


async def test_a_person_without_address_and_an_erased_one_get_nothing_and_the_log_says_why(
    desk: SmallDesk, pool: Pool, database: Settings, pool_of: PoolOf
) -> None:
    await desk.client("nobody")
    mute = await desk.submit("nobody", await desk.person("nobody", None, "No Address"))
    gone_person = await desk.person("nobody", "gone@nobody.example")
    gone = await desk.submit("nobody", gone_person)
    await (await pool_of("owner")).execute("DELETE FROM personal.people WHERE person = $1", gone_person)
    await desk.feed(Notification(lambda: None), pool, lane_of(mute), limit=10_000)
    await until_quiet(sender_on(pool, database))
    codes = [
        event.code
        for ticket in (mute, gone)
        for event in await deliveries(pool, ticket)
        if isinstance(event, DeliveryFailed)
    ]
    assert codes == ["no_address", "erased"]


async def test_two_senders_share_the_letters_and_send_each_once(
    desk: SmallDesk, pool: Pool, database: Settings, smtp: MailServer
) -> None:
    tickets = [await a_ticket(desk, pool) for _ in range(40)]
    times = Times(retry_first=timedelta())
    await asyncio.gather(*(until_quiet(sender_on(pool, database, post_to(smtp), times)) for _ in range(3)))
    assert len(smtp.letters) == len({letter["Message-ID"] for letter in smtp.letters}) == len(tickets)


@pytest.mark.parametrize("by_smtp", [False, True])
async def test_a_sender_that_dies_anywhere_loses_no_letter_and_doubles_none_in_silence(
    desk: SmallDesk, pool: Pool, database: Settings, smtp: MailServer, monkeypatch: pytest.MonkeyPatch, by_smtp: bool
) -> None:
    monkeypatch.setattr(sending, "STOP_SECONDS", 0.0)
    tickets = [await a_ticket(desk, pool) for _ in range(30)]
    for turns in range(60):
        task = asyncio.create_task(sender_on(pool, database, post_to(smtp) if by_smtp else None).round())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await pool.execute(
            "UPDATE notification.outbox SET claimed_until = now() - interval '1 s' WHERE state = 'sending'"
        )
    await until_quiet(sender_on(pool, database, post_to(smtp) if by_smtp else None))
    for ticket in tickets:
        (sent,) = await deliveries(pool, ticket)
        assert isinstance(sent, DeliverySent)
        copies = [letter for letter in smtp.letters if letter["Message-ID"] == sent.message_id]
        state = await state_of(pool, ticket)
        assert state["state"] == "sent"
        assert not by_smtp or 1 <= len(copies) <= 1 + state["doubts"], "a copy more is a doubt that was counted"
    if not by_smtp:
        assert await pool.fetchval("SELECT count(*) FROM notification.mailbox") == len(tickets)


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
