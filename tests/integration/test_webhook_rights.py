"""A webhook has no more rights than who made it has today, and no more room than its client's share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import replace
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from contracts.model import DESK, Event
from contracts.people import AgentChanged, AgentDeactivated, AgentRegistered, Level, Role
from services.kit.access.tokens import NewToken, make_token
from services.kit.log.append import NewEvent
from services.kit.log.read import read_client
from services.kit.settings import Settings
from services.notification.hooks import webhooks
from services.notification.hooks.desk import BYTES_MAX, BYTES_OF_ALL_MAX, RIGHTS_ENDED, SQL, Lost, Room
from services.notification.hooks.hook import Hook
from services.notification.hooks.receiver import Receiver
from tests.conftest import PoolOf
from tests.integration.receiver import receiver
from tests.integration.webhook_desk import WebhookDesk, until, webhook_desk


@pytest.fixture
async def desk(database: Settings, pool_of: PoolOf) -> AsyncIterator[WebhookDesk]:
    async with webhook_desk(database, pool_of) as opened:
        yield opened


def changed(*clients: str, role: Role = Role.MANAGER) -> AgentChanged:
    return AgentChanged(name="Eve", address="eve@desk.example", role=role, level=Level.L1, clients=clients)


async def tell(desk: WebhookDesk, agent: UUID, version: int, data: Event) -> None:
    vault = desk.desk.vault
    await vault.load([agent])
    await desk.desk.append(DESK, [NewEvent(uuid7(), agent, version, data, "token:test", vault.sealer(agent))])


async def manager(desk: WebhookDesk, *clients: str) -> tuple[UUID, dict[str, str]]:
    """A manager of some clients who is signed in."""
    agent, _ = await desk.desk.vault.find_or_make(DESK, f"{uuid7()}@desk.example")
    facts = AgentRegistered.model_validate(changed(*clients).model_dump(exclude={"type"}))
    await tell(desk, agent, 1, facts)
    new = NewToken(id=uuid7(), name="", role=Role.MANAGER, clients=clients or None, agent=agent, session=True)
    return agent, {"Authorization": f"Bearer {await make_token(desk.intake, new)}"}


@pytest.mark.parametrize("lost", ["client", "role", "login"])
async def test_a_webhook_ends_with_the_rights_of_the_person_who_made_it(desk: WebhookDesk, lost: str) -> None:
    client, other = await desk.client(), await desk.client()
    agent, headers = await manager(desk, client, other)
    events: dict[str, Event] = {
        "client": changed(other), "role": changed(client, other, role=Role.AGENT), "login": AgentDeactivated()
    }  # fmt: skip
    async with receiver() as target, desk.dispatching():
        asked = {"name": "theirs", "url": target.url, "client": client, "personal": True}
        made = (await desk.http.post("/webhooks", json=asked, headers=headers)).json()
        await desk.ticket(client)
        await until(lambda: len(target.taken) == 2)
        await tell(desk, agent, 2, changed(client))  # fewer clients, and still this one
        await tell(desk, agent, 3, events[lost])
        await until(lambda: ended(desk, made))
        await desk.ticket(client)
        resumed = await desk.do(made, "resume")  # an administrator takes it over, and nothing is lost
        assert (resumed["state"], resumed["pause_reason"]) == ("active", None)
        await until(lambda: len(target.taken) == 4)


async def ended(desk: WebhookDesk, hook: dict[str, str]) -> bool:
    seen = await desk.seen(hook)
    return bool((seen["state"], seen["pause_reason"]) == ("paused", RIGHTS_ENDED))


async def test_a_client_leaves_room_for_the_others(desk: WebhookDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "OF_CLIENT_MAX", 2)
    mine, other = await desk.client(), await desk.client()
    for _ in range(2):
        await desk.hook(mine, "https://hooks.example/")
    asked = {"name": "one more", "url": "https://hooks.example/", "client": mine}
    refused = await desk.http.post("/webhooks", json=asked)
    assert (refused.json()["code"], refused.json()["detail"]) == ("too_many_webhooks", "the client has 2 webhooks")
    await desk.hook(other, "https://hooks.example/")


async def test_an_old_address_that_is_gone_does_not_end_the_new_one(desk: WebhookDesk) -> None:
    client = await desk.client()
    await desk.ticket(client)
    async with receiver(lambda _: 410) as target:
        made = await desk.hook(client, target)
        parts = desk.parts()
        await desk.pool.execute("UPDATE notification.webhooks SET holder = $1, held_until = 'infinity'", parts.holder)
        (row,) = await desk.pool.fetch(SQL["look"])
        old = Receiver(parts, replace(Hook.of(row), version=row["version"] - 1))  # a person has changed it since
        await old.load()
        (event,) = await read_client(desk.pool, client, 0, 1)
        with pytest.raises(Lost):
            await old.send(event)
        await old.close()
    assert (await desk.seen(made))["state"] == "active"


def test_many_webhooks_read_ahead_no_more_than_a_few() -> None:
    room = Room()
    with ExitStack() as stack:
        stack.enter_context(room.reading())
        assert room.bytes_max == BYTES_MAX
        for _ in range(199):
            stack.enter_context(room.reading())
        assert room.bytes_max * 200 <= BYTES_OF_ALL_MAX


async def test_a_key_makes_one_webhook_and_one_new_secret_however_often_it_comes(desk: WebhookDesk) -> None:
    client = await desk.client()
    body = {"name": "keyed", "url": "https://receiver.example/x", "client": client}
    key = {"Idempotency-Key": "make-1"}
    answers = await asyncio.gather(*(desk.http.post("/webhooks", json=body, headers=key) for _ in range(4)))
    assert [answer.status_code for answer in answers] == [201] * 4, answers[-1].text
    (made,) = {(answer.json()["id"], answer.json()["secret"]) for answer in answers}
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 3
    other = await desk.http.post("/webhooks", json=body | {"name": "other"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    bad = await desk.http.post("/webhooks", json=body, headers={"Idempotency-Key": "x" * 201})
    assert (bad.status_code, bad.json()["field"]) == (400, "Idempotency-Key")
    assert made[1] is not None
    for number in range(2):
        rotated = [
            (await desk.http.post(f"/webhooks/{made[0]}/secret", json={}, headers={"Idempotency-Key": f"{number}"}))
            for _ in range(2)
        ]
        assert len({answer.text for answer in rotated}) == 1
        assert rotated[1].headers["idempotency-replayed"] == "true"
    # The first secret signs no more: nobody is told it again, and nothing is made again.
    again = await desk.http.post("/webhooks", json=body, headers=key)
    assert (again.json()["id"], again.json()["secret"]) == (made[0], None)
    await desk.http.delete(f"/webhooks/{made[0]}")
    assert (await desk.http.post("/webhooks", json=body, headers=key)).status_code == 404
