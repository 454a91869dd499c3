"""Webhooks whose process dies at any moment, or shares them with another: nothing is lost, one message comes again."""

from __future__ import annotations

import asyncio
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import generate_latest

from services.kit.metrics import Metrics
from services.kit.settings import Settings
from services.notification.hooks.address import EVERY
from services.notification.hooks.counts import HookCounts
from services.notification.hooks.desk import SQL, Lost
from services.notification.hooks.hook import Hook
from services.notification.hooks.post import Line, Ways
from services.notification.hooks.worker import Worker
from tests.conftest import PoolOf
from tests.integration.receiver import Message, receiver
from tests.integration.webhook_desk import PATIENCE, WebhookDesk, numbered, until, webhook_desk

DEATHS = 40
NOTES = 60
HELD = timedelta(seconds=60)


async def nobody_holds(desk: WebhookDesk) -> None:
    """As a while after a death."""
    await desk.owner.execute("UPDATE notification.webhooks SET held_until = '2000-01-01'")


@pytest.fixture
async def desk(database: Settings, pool_of: PoolOf) -> AsyncIterator[WebhookDesk]:
    async with webhook_desk(database, pool_of) as opened:
        yield opened


async def one_life(desk: WebhookDesk, steps: int) -> None:
    """A process that takes the webhooks, and dies after so many turns of its event loop, wherever it is then."""
    parts = desk.parts()
    await parts.growth.look()
    await nobody_holds(desk)
    rows = await desk.pool.fetch(SQL["look"])
    await desk.pool.execute(SQL["hold"], parts.holder, [row["webhook"] for row in rows], HELD, HELD / 2)
    task = asyncio.create_task(Worker(parts, Hook.of(rows[0])).run())
    for _ in range(steps):
        await asyncio.sleep(0.0002)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("moody", [False, True], ids=["a good receiver", "one that refuses every third message"])
async def test_a_process_that_dies_anywhere_loses_nothing_and_repeats_one(desk: WebhookDesk, moody: bool) -> None:
    client, chance = await desk.client(), random.Random(7)
    ticket = await desk.ticket(client, notes=NOTES)
    asked = 0

    def answer(_: Message) -> int:
        nonlocal asked
        asked += 1
        return 503 if moody and asked % 3 == 0 else 204

    async with receiver(answer) as target:
        hook = await desk.hook(client, target, types=["ticket"])
        for _ in range(DEATHS):
            await one_life(desk, chance.randrange(1, 60))
        await nobody_holds(desk)
        async with desk.dispatching():
            await until(lambda: settled(desk, hook))

    whole = await desk.live(client, types=("ticket.submitted", "ticket.checkpoint_promised", "ticket.note_added"))
    assert len(whole) == NOTES + 2
    assert {message.event["subject"] for message in target.taken} == {str(ticket)}
    firsts = list(dict.fromkeys(numbered(target.events(), whole)))
    assert firsts == list(range(len(whole)))  # all of them, in order
    repeated = Counter(target.events())
    assert sum(times - 1 for times in repeated.values()) <= DEATHS
    assert await desk.owner.fetchval("SELECT count(*) FROM notification.webhook_letters") == 0


async def settled(desk: WebhookDesk, hook: dict[str, Any]) -> bool:
    seen = await desk.seen(hook)
    return bool(seen["behind"] == seen["retries"] == 0)


async def test_two_processes_share_the_webhooks_and_send_nothing_twice(desk: WebhookDesk) -> None:
    client = await desk.client()
    async with receiver() as one, receiver() as two, desk.dispatching(), desk.dispatching():
        hooks = [await desk.hook(client, one), await desk.hook(client, two)]
        for _ in range(10):
            await desk.ticket(client, notes=2)
        for hook in hooks:
            await until(lambda hook=hook: settled(desk, hook))  # type: ignore[misc]
    log = sorted(await desk.live(client))
    assert sorted(one.events(taken=False)) == sorted(two.events(taken=False)) == log


async def test_who_was_held_up_too_long_writes_nothing_any_more(desk: WebhookDesk) -> None:
    """A frozen process wakes while another one has its webhook: what it sent comes again, its place counts not."""
    client = await desk.client()
    await desk.ticket(client)
    parts, thawed = desk.parts(), asyncio.Event()
    async with receiver() as target:
        hook = await desk.hook(client, target)
        rows = await desk.pool.fetch(SQL["look"])
        await desk.pool.execute(SQL["hold"], parts.holder, [rows[0]["webhook"]], HELD, HELD / 2)
        worker = Worker(parts, Hook.of(rows[0]))
        send = worker._receiver.send

        async def slowly(event: Any) -> Any:
            said = await send(event)
            await thawed.wait()
            return said

        worker._receiver.send = slowly  # type: ignore[method-assign]
        frozen = asyncio.create_task(worker.run())
        await until(lambda: target.got)
        await desk.owner.execute("UPDATE notification.webhooks SET holder = gen_random_uuid()")
        thawed.set()
        (error,) = await asyncio.gather(frozen, return_exceptions=True)
    assert isinstance(error, BaseExceptionGroup)
    assert error.subgroup(Lost)
    seen = await desk.seen(hook)
    assert (seen["delivered"], seen["after"]) == (0, "0")


async def test_a_name_that_turns_to_a_private_address_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the name was public when the webhook was made."""
    async with receiver() as target:

        def resolve(host: str, port: int, **_: Any) -> list[Any]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", target.port))]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        for url in (f"https://rebind.example:{target.port}/", f"http://rebind.example:{target.port}/"):
            line = Line(url, (), Ways())
            assert (await line.post({"webhook-id": "1"}, b"{}")).code == "private_address"
            await line.close()
    assert target.got == []


async def test_an_answer_without_end_and_one_that_is_no_http_are_refusals() -> None:
    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        try:
            while True:
                writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
                await writer.drain()
        except ConnectionError:
            writer.close()

    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        await writer.drain()
        writer.close()

    codes = []
    for serve in (endless, nonsense):
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        line = Line(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", EVERY, Ways(), seconds=PATIENCE)
        codes.append((await line.post({"webhook-id": "1"}, b"{}")).code)
        await line.close()
        server.close()
    assert codes == ["200", "broken_answer"]


async def test_the_metrics_name_every_subscriber_with_what_it_is_behind(desk: WebhookDesk) -> None:
    client = await desk.client()
    await desk.hook(client, "https://hooks.example/", name="billing")
    await desk.owner.execute(
        "INSERT INTO log.outside_subscribers (lane, kind, name, client, waiting) VALUES (0, 'nats', 'erp', $1, 3)",
        client,
    )
    metrics = Metrics("notification")
    HookCounts(metrics).subscribers(await desk.pool.fetch(SQL["counted"]))
    text = generate_latest(metrics.registry).decode()
    await desk.owner.execute("DELETE FROM log.outside_subscribers")

    assert f'daybook_subscriber_behind{{client="{client}",kind="webhook",subscriber="billing"}} 2.0' in text
    assert f'daybook_subscriber_retries{{client="{client}",kind="nats",subscriber="erp"}} 3.0' in text
