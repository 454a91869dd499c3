"""Webhooks against receivers of every temper: each event arrives, signed, in its ticket's order, whoever is slow."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from contracts.envelope import Origin
from contracts.people import Role
from services.kit.access.tokens import revoke_token
from services.kit.settings import Settings
from tests.conftest import PoolOf
from tests.integration.receiver import Message, receiver
from tests.integration.webhook_desk import QUICK, WebhookDesk, until, webhook_desk


@pytest.fixture
async def desk(database: Settings, pool_of: PoolOf) -> AsyncIterator[WebhookDesk]:
    async with webhook_desk(database, pool_of) as opened:
        yield opened


async def test_every_event_arrives_once_signed_and_in_order(desk: WebhookDesk) -> None:
    client = await desk.client()
    for _ in range(3):
        await desk.ticket(client, notes=4)
    async with receiver() as target, desk.dispatching():
        hook = await desk.hook(client, target)
        await until(lambda: len(target.taken) >= 20)
        await desk.ticket(client)
        await until(lambda: len(target.taken) >= 22)
        await until(lambda: settled(desk, hook))

    log = await desk.live(client)
    assert sorted(target.events()) == sorted(log)
    for subject in {message.event["subject"] for message in target.taken}:
        versions = [message.event["streamversion"] for message in target.taken if message.event["subject"] == subject]
        assert versions == sorted(versions)
    message = target.taken[0]
    assert message.is_signed_by(hook["secret"])
    assert message.headers["content-type"] == "application/cloudevents+json"
    assert message.event["specversion"] == "1.0"
    seen = await desk.seen(hook)
    assert (seen["delivered"], seen["state"], seen["last_code"]) == (22, "active", "204")
    assert "secret" not in seen


async def settled(desk: WebhookDesk, hook: dict[str, str]) -> bool:
    seen = await desk.seen(hook)
    return bool(seen["behind"] == seen["retries"] == 0)


async def test_only_live_events_of_the_wanted_kinds_are_told(desk: WebhookDesk) -> None:
    client = await desk.client()
    await desk.ticket(client, origin=Origin.IMPORT)
    await desk.ticket(client, origin=Origin.DEMO)
    await desk.ticket(client, notes=2, category="network")
    await desk.ticket(client, notes=3, category="printing")
    async with receiver() as target, desk.dispatching():
        hook = await desk.hook(client, target, types=["ticket.note_added"], categories=["network"])
        await until(lambda: len(target.taken) >= 2)
        await until(lambda: settled(desk, hook))

    assert [message.event["type"] for message in target.taken] == ["ticket.note_added"] * 2
    assert {message.event["origin"] for message in target.taken} == {"live"}


@pytest.mark.parametrize("personal", [False, True])
async def test_text_is_opened_for_a_webhook_that_may_have_it(desk: WebhookDesk, personal: bool) -> None:
    client = await desk.client()
    await desk.ticket(client)
    async with receiver() as target, desk.dispatching():
        await desk.hook(client, target, personal=personal, types=["ticket.submitted"])
        await until(lambda: target.taken)

    subject = target.taken[0].event["data"]["subject"]
    assert subject == "Printer on fire" if personal else set(subject) == {"sealed", "person"}


async def test_a_ticket_waits_behind_what_was_refused_and_the_others_go_on(desk: WebhookDesk) -> None:
    client = await desk.client()
    stuck, other = await desk.ticket(client, notes=2), await desk.ticket(client, notes=2)
    open_now = False

    def answer(message: Message) -> int:
        return 500 if message.event["subject"] == str(stuck) and not open_now else 204

    async with receiver(answer) as target, desk.dispatching():
        hook = await desk.hook(client, target, types=["ticket"])
        await until(lambda: sum(m.event["subject"] == str(other) for m in target.taken) == 4)
        assert {m.event["streamversion"] for m in target.got if m.event["subject"] == str(stuck)} == {1}
        await until(lambda: waiting(desk, hook, 4))
        open_now = True
        await until(lambda: sum(m.event["subject"] == str(stuck) for m in target.taken) == 4)
        await until(lambda: settled(desk, hook))

    assert [m.event["streamversion"] for m in target.taken if m.event["subject"] == str(stuck)] == [1, 2, 3, 4]


async def waiting(desk: WebhookDesk, hook: dict[str, str], count: int) -> bool:
    return bool((await desk.seen(hook))["retries"] == count)


async def test_a_receiver_that_hangs_or_fails_delays_no_other(desk: WebhookDesk) -> None:
    client = await desk.client()
    for _ in range(4):
        await desk.ticket(client)
    async with receiver(lambda _: None) as silent, receiver(lambda _: 503) as broken, receiver() as well:
        async with desk.dispatching(post_seconds=30.0):
            for target in (silent, broken, well):
                await desk.hook(client, target)
            await until(lambda: silent.got and broken.got)
            await desk.ticket(client)
            await until(lambda: len(well.taken) == 12)
        assert silent.taken == broken.taken == []


async def test_a_receiver_that_comes_back_gets_everything_it_missed(desk: WebhookDesk) -> None:
    client, up = await desk.client(), False
    async with receiver(lambda _: 204 if up else 502) as target, desk.dispatching():
        hook = await desk.hook(client, target)
        for _ in range(30):
            await desk.ticket(client, notes=1)
        await until(lambda: resting(desk, hook))
        up = True
        await until(lambda: settled(desk, hook))

    assert sorted(target.events()) == sorted(await desk.live(client))
    assert not [identifier for identifier, times in Counter(target.events()).items() if times > 1]


async def resting(desk: WebhookDesk, hook: dict[str, str]) -> bool:
    seen = await desk.seen(hook)
    return bool(seen["state"] == "resting" and seen["failures"] > 5 and seen["last_code"] == "502")


async def test_after_its_time_a_message_is_a_dead_letter_that_can_be_listed_and_replayed(desk: WebhookDesk) -> None:
    client = await desk.client()
    ticket = await desk.ticket(client, notes=1)
    good = False

    def answer(message: Message) -> int:
        return 400 if message.event["streamversion"] == 1 and not good else 204

    brief = replace(QUICK, trying=timedelta(milliseconds=80))
    async with receiver(answer) as target, desk.dispatching(pace=brief):
        hook = await desk.hook(client, target, types=["ticket"])
        await until(lambda: len(target.taken) == 2)  # the ticket goes on without it
        path = f"/webhooks/{hook['id']}/dead-letters"
        (dead,) = (await desk.http.get(path)).json()["items"]
        assert (dead["subject"], dead["type"], dead["code"]) == (str(ticket), "ticket.submitted", "400")
        assert dead["attempts"] >= 2
        sequence = await desk.owner.fetchval("SELECT sequence FROM log.events WHERE id = $1::text::uuid", dead["event"])
        assert dead["position"] == str(sequence), "a lane's position would tell how much the neighbours do"
        refused = await desk.http.post(f"{path}/replay", json={"position": "3:1"})
        assert (refused.status_code, refused.json()["field"]) == (422, "position")
        assert (await desk.do(hook, "dead-letters/replay", {"position": str(sequence + 1)})) == {"replayed": 0}
        good = True
        assert (await desk.do(hook, "dead-letters/replay", {"position": dead["position"]})) == {"replayed": 1}
        await until(lambda: len(target.taken) == 3)
        await until(lambda: settled(desk, hook))
        assert (await desk.http.get(path)).json()["items"] == []
    assert {message.id for message in target.got if message.event["streamversion"] == 1} == {dead["event"]}


async def test_pause_resume_replay_and_skip(desk: WebhookDesk) -> None:
    client = await desk.client()
    await desk.ticket(client)
    async with receiver() as target, desk.dispatching():
        hook = await desk.hook(client, target)
        await until(lambda: settled(desk, hook))
        assert (await desk.do(hook, "pause"))["state"] == "paused"
        await until(lambda: let_go(desk, hook))
        before = len(target.got)
        ticket = await desk.ticket(client, notes=3)
        await until(lambda: behind(desk, hook, 5))
        assert len(target.got) == before
        await desk.do(hook, "resume")
        await until(lambda: settled(desk, hook))
        assert len(target.taken) == before + 5
        last = int((await desk.seen(hook))["after"])
        await desk.do(hook, "replay", {"after": str(last - 2)})
        await until(lambda: len(target.taken) == before + 7)
        await desk.do(hook, "pause")
        await desk.note(client, ticket)
        await desk.do(hook, "replay", {"after": "now"})
        await desk.do(hook, "resume")
        await until(lambda: settled(desk, hook))
    assert len(target.taken) == before + 7
    assert target.events()[-2:] == target.events()[-4:-2]  # the same ids


async def let_go(desk: WebhookDesk, hook: dict[str, str]) -> bool:
    """Its worker has heard that it ends."""
    held = "SELECT held_until < clock_timestamp() FROM notification.webhooks WHERE webhook = $1::text::uuid"
    return bool(await desk.owner.fetchval(held, hook["id"]))


async def behind(desk: WebhookDesk, hook: dict[str, str], count: int) -> bool:
    return bool((await desk.seen(hook))["behind"] == count)


async def test_for_a_day_both_secrets_sign(desk: WebhookDesk) -> None:
    client = await desk.client()
    async with receiver() as target, desk.dispatching():
        hook = await desk.hook(client, target)
        fresh = await desk.do(hook, "secret")
        await until(lambda: settled(desk, hook))
        count = len(target.taken)
        await desk.ticket(client)
        await until(lambda: len(target.taken) == count + 2)
        assert target.taken[-1].is_signed_by(hook["secret"])
        assert target.taken[-1].is_signed_by(fresh["secret"])
        await desk.owner.execute("UPDATE notification.webhook_secrets SET ends_at = now() WHERE ends_at IS NOT NULL")
        await desk.do(hook, "pause")
        await desk.do(hook, "resume")
        await desk.ticket(client)
        await until(lambda: len(target.taken) == count + 4)
    assert not target.taken[-1].is_signed_by(hook["secret"])
    assert target.taken[-1].is_signed_by(fresh["secret"])
    kept = await desk.owner.fetch("SELECT wrapped FROM notification.webhook_secrets")
    assert fresh["secret"].encode() not in b"".join(row["wrapped"] for row in kept)


async def test_a_receiver_that_is_gone_for_good_is_asked_no_more(desk: WebhookDesk) -> None:
    client = await desk.client()
    await desk.ticket(client)
    async with receiver(lambda _: 410) as target, desk.dispatching():
        hook = await desk.hook(client, target)
        await until(lambda: paused(desk, hook))
    seen = await desk.seen(hook)
    assert (seen["pause_reason"], seen["behind"] > 0) == ("gone", True)
    assert len(target.got) <= 3


async def paused(desk: WebhookDesk, hook: dict[str, str]) -> bool:
    return bool((await desk.seen(hook))["state"] == "paused")


async def test_a_test_message_is_sent_at_once_and_tells_what_was_said(desk: WebhookDesk) -> None:
    async with receiver() as target:
        hook = await desk.hook(await desk.client(), target)
        assert (await desk.do(hook, "test"))["code"] == "204"
        target.answer = lambda _: 302  # where a redirect leads is nobody's business
        target.more_headers = b"location: http://127.0.0.1/elsewhere\r\n"
        said = await desk.do(hook, "test")
    assert (said["taken"], said["code"]) == (False, "302")
    assert [message.event["type"] for message in target.got] == ["webhook.tested"] * 2
    assert target.got[0].is_signed_by(hook["secret"])
    assert {message.path for message in target.got} == {"/hook"}


async def test_a_webhook_ends_with_the_token_that_made_it(desk: WebhookDesk) -> None:
    client = await desk.client()
    token, headers = await desk.token(Role.SUBSCRIBER, client)
    async with receiver() as target, desk.dispatching():
        asked = {"name": "theirs", "url": target.url, "client": client}
        made = await desk.http.post("/webhooks", json=asked, headers=headers)
        assert made.status_code == 201, made.text
        await desk.ticket(client)
        await until(lambda: len(target.taken) == 2)
        await revoke_token(desk.intake, token)
        await until(lambda: let_go(desk, made.json()))
        seen = await desk.seen(made.json())
        assert (seen["state"], seen["pause_reason"]) == ("paused", "rights_ended")
        await desk.ticket(client)
        async with receiver() as witness:
            await desk.hook(client, witness)
            await until(lambda: len(witness.taken) >= 4)
    assert len(target.taken) == 2


async def test_what_a_subscriber_may_not(desk: WebhookDesk) -> None:
    mine, other = await desk.client(), await desk.client()
    _, headers = await desk.token(Role.SUBSCRIBER, mine)
    theirs = await desk.hook(other, "https://hooks.example/x")
    asked = {"name": "n", "url": "https://hooks.example/", "client": mine}
    answers = [
        await desk.http.post("/webhooks", json={**asked, **more}, headers=headers)
        for more in ({"client": None}, {"client": other}, {"personal": True}, {"types": ["no.such"]}, {"after": "x"})
    ]
    assert [answer.status_code for answer in answers] == [422, 404, 403, 422, 422]
    for method, path in (("GET", ""), ("DELETE", ""), ("PATCH", ""), ("POST", "/pause"), ("POST", "/test")):
        body: dict[str, str] | None = {} if method in ("PATCH", "POST") else None
        answer = await desk.http.request(method, f"/webhooks/{theirs['id']}{path}", json=body, headers=headers)
        assert answer.status_code == 404, (method, path)
    assert (await desk.http.get("/webhooks", headers=headers)).json() == {"items": []}
    assert (await desk.http.get("/subscribers/reporting/dead-letters", headers=headers)).status_code == 403


async def test_a_webhook_is_changed_and_its_name_is_its_own(desk: WebhookDesk) -> None:
    client = await desk.client()
    await desk.ticket(client)
    async with receiver() as first, receiver() as second, desk.dispatching():
        hook = await desk.hook(client, first, name="the name", after="now")
        taken = {"name": "the name", "url": first.url, "client": client}
        assert (await desk.http.post("/webhooks", json=taken)).json()["code"] == "exists"
        changed = await desk.http.patch(f"/webhooks/{hook['id']}", json={"url": second.url, "types": ["ticket"]})
        assert (changed.json()["url"], changed.json()["types"]) == (second.url, ["ticket"])
        await desk.ticket(client)
        await until(lambda: len(second.taken) == 2)
        assert (await desk.http.delete(f"/webhooks/{hook['id']}")).status_code == 204
        assert (await desk.http.get(f"/webhooks/{hook['id']}")).status_code == 404
    assert first.got == []


async def test_all_clients_are_told_to_one_receiver(desk: WebhookDesk) -> None:
    clients = [await desk.client() for _ in range(4)]
    async with receiver() as target, desk.dispatching():
        hook = await desk.hook(None, target, after="now")
        for client in clients:
            await desk.ticket(client)
        await until(lambda: len(target.taken) == 8)
        await until(lambda: settled(desk, hook))
    assert Counter(message.event["client"] for message in target.taken) == dict.fromkeys(clients, 2)
