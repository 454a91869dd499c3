"""A message that a receiver has not taken yet is sent without the words of who was erased meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from uuid_utils.compat import uuid7

from contracts.envelope import Origin
from services.intake.edge import Stamp
from services.intake.erasure import erase
from services.kit.personal import ERASED
from services.kit.settings import Settings
from tests.conftest import PoolOf
from tests.integration.receiver import Message, receiver
from tests.integration.webhook_desk import WebhookDesk, until, webhook_desk


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
        by = Stamp("token:t", Origin.LIVE, None, None)
        async with desk.intake.acquire() as connection:
            await erase(connection, person=desk.requesters[client], client=client, by=by, new_id=uuid7)
        await until(lambda: target.taken)
        await until(lambda: any(message.event["type"] == "person.erased" for message in target.got))

    data = target.taken[0].event["data"]
    assert (data["subject"], data["body"]) == (ERASED, ERASED)
    told = next(message.event for message in target.got if message.event["type"] == "person.erased")
    assert told["data"] == {"person": str(desk.requesters[client])}, "it says who by an id, and nothing of them"
