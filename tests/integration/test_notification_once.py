"""Letters are sent once, whatever the mail server, the database or the sender's own death do in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from uuid_utils.compat import uuid7

from contracts.deliveries import DeliveryFailed, DeliverySent
from contracts.subjects import lane_of
from services.kit.log.read import heads
from services.kit.postgres import Pool
from services.kit.settings import Settings
from services.notification import sender as sending
from services.notification.handler import Notification
from services.notification.post import Unreachable
from services.notification.sender import Times
from tests.conftest import PoolOf
from tests.integration.correspondence import a_ticket, deliveries, post_to, sender_on, state_of, until_quiet
from tests.integration.mail_server import HANG_UP, MailServer, mail_server
from tests.integration.small_desk import SmallDesk, vault_on


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
async def test_a_letter_that_cannot_be_written_holds_no_other_and_fails_in_the_end(
    desk: SmallDesk, pool: Pool, database: Settings, smtp: MailServer, by_smtp: bool
) -> None:
    before, bad, after = [await a_ticket(desk, pool) for _ in range(3)]
    await pool.execute("UPDATE notification.outbox SET event = $2 WHERE ticket = $1", bad, uuid7())
    await pool.execute("UPDATE notification.outbox SET effect = 'reply' WHERE ticket = $1", bad)
    sender = sender_on(pool, database, post_to(smtp) if by_smtp else None)
    await sender.round()
    assert [(await state_of(pool, ticket))["state"] for ticket in (before, bad, after)] == ["sent", "waiting", "sent"]
    await until_quiet(sender)
    (failed,) = await deliveries(pool, bad)
    assert isinstance(failed, DeliveryFailed)
    assert (failed.code, failed.attempts) == ("fault", sending.ATTEMPTS_MAX)


async def test_an_address_that_mail_cannot_carry_fails_at_once_and_holds_no_other(
    desk: SmallDesk, pool: Pool, database: Settings, smtp: MailServer
) -> None:
    await desk.client("odd")
    odd = [await desk.submit("odd", await desk.person("odd", address)) for address in ("a@[1", "a>@b.c", '"@b')]
    good = await desk.submit("odd", await desk.person("odd", "ada@odd.example"))
    await desk.feed(Notification(lambda: None), pool, lane_of(good), limit=10_000)
    await until_quiet(sender_on(pool, database, post_to(smtp)))
    assert smtp.recipients == ["ada@odd.example"]
    for ticket in odd:
        (failed,) = await deliveries(pool, ticket)
        assert isinstance(failed, DeliveryFailed)
        assert (failed.code, failed.attempts) == ("bad_address", 1)


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
