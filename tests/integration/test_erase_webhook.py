"""A message that a receiver has not taken yet is sent without the words of who was erased meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from uuid_utils.compat import uuid7

from contracts.envelope import Origin
from services.intake.edge import Stamp
from services.intake.erasure import erase
from services.kit.personal import ERASED
from services.kit.settings import Settings
from services.notification.hooks.pace import ALIVE_FAILURES_MAX
from services.notification.hooks.post import CONNECTIONS_MAX
from tests.conftest import PoolOf
from tests.integration.receiver import Message, receiver
from tests.integration.webhook_desk import QUICK, WebhookDesk, until, webhook_desk


@pytest.fixture
async def desk(database: Settings, pool_of: PoolOf) -> AsyncIterator[WebhookDesk]:
    async with webhook_desk(database, pool_of) as opened:
        yield opened


async def test_a_waiting_message_loses_its_words_and_arrives(desk: WebhookDesk) -> None:
    client = await desk.client()
    await desk.ticket(client)

    def answer(message: Message) -> int:
        return 204 if ERASED in message.body.decode() else 503

    async with receiver(answer) as target, desk.dispatching():
        await desk.hook(client, target, personal=True, types=["ticket.submitted", "person.erased"])
        await until(lambda: target.got)
        assert target.got[0].event["data"]["subject"] == "Printer on fire"
        await erased(desk, client)
        await until(lambda: target.taken)
        await until(lambda: any(message.event["type"] == "person.erased" for message in target.got))

    data = target.taken[0].event["data"]
    assert (data["subject"], data["body"]) == (ERASED, ERASED)
    told = next(message.event for message in target.got if message.event["type"] == "person.erased")
    assert told["data"] == {"person": str(desk.requesters[client])}, "it says who by an id, and nothing of them"


async def erased(desk: WebhookDesk, client: str) -> None:
    by = Stamp("token:t", Origin.LIVE, None, None)
    async with desk.intake.acquire() as connection:
        await erase(connection, person=desk.requesters[client], client=client, by=by, new_id=uuid7)


async def test_what_stands_in_line_while_a_receiver_rests_is_opened_when_it_leaves(desk: WebhookDesk) -> None:
    client = await desk.client()
    tickets = 12
    for _ in range(tickets):
        await desk.ticket(client)
    up = False
    slow = replace(QUICK, rest_first=timedelta(seconds=1), rest_last=timedelta(seconds=1))
    async with receiver(lambda _: 204 if up else 503) as target, desk.dispatching(pace=slow):
        hook = await desk.hook(client, target, personal=True, types=["ticket.submitted"])
        await until(lambda: probed(desk, hook))
        await erased(desk, client)
        known, up = len(target.got), True
        await until(lambda: len(target.taken) == tickets)

    # One probe may be under way meanwhile; the next one is a second later, in which the erasure is heard of.
    later = [message.event["data"]["subject"] for message in target.got[known + 1 :]]
    assert len(later) >= 3
    assert set(later) == {ERASED}


async def probed(desk: WebhookDesk, hook: dict[str, str]) -> bool:
    """Nothing is under way any more that was sent before the receiver rested."""
    return int((await desk.seen(hook))["failures"]) > CONNECTIONS_MAX + ALIVE_FAILURES_MAX
