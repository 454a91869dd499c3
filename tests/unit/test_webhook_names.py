"""Names that lead nowhere: a resolver that is silent holds up nobody but who asks for that name."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any, cast

import pytest

from services.notification.hooks import webhooks
from services.notification.hooks.address import EVERY
from services.notification.hooks.names import Names
from services.notification.hooks.post import CONNECTIONS_MAX, Line, Ways
from services.notification.hooks.webhooks import Webhooks
from tests.integration.receiver import receiver

DEAD = "dead.example"
ASKED: Counter[str] = Counter()


@pytest.fixture(autouse=True)
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A resolver that says nothing about one name until it is let go."""
    let_go, real = threading.Event(), socket.getaddrinfo
    ASKED.clear()

    def look_up(host: str, *given: Any, **named: Any) -> Any:
        ASKED[host] += 1
        if host == DEAD:
            let_go.wait(60)
            raise socket.gaierror("no such name")
        return real(host, *given, **named)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield let_go
    let_go.set()


async def test_a_name_that_does_not_resolve_delays_no_other_receiver() -> None:
    ways = Ways()
    dead = [Line(f"http://{DEAD}/{nth}", EVERY, ways, seconds=60) for nth in range(3)]
    stuck = [asyncio.create_task(line.post({}, b"{}")) for line in dead for _ in range(CONNECTIONS_MAX)]
    async with receiver() as target:
        while not ASKED[DEAD]:
            await asyncio.sleep(0.001)
        well = Line(target.url.replace("127.0.0.1", "localhost"), EVERY, ways, seconds=30)
        said = await well.post({"webhook-id": "1", "webhook-timestamp": "1", "webhook-signature": "v1,x"}, b"{}")
        await well.close()
    assert not any(task.done() for task in stuck)
    assert said.taken
    assert ASKED[DEAD] == 1, "whoever asks for the same name waits for the same look-up"
    for task in stuck:
        task.cancel()
    await asyncio.gather(*stuck, return_exceptions=True)


async def test_who_waits_for_a_name_is_told_what_became_of_it(silent: threading.Event) -> None:
    names = Names()
    waiting = [asyncio.create_task(names.addresses(DEAD, 443)) for _ in range(4)]
    await asyncio.sleep(0)
    waiting[0].cancel()  # one who gives up takes nothing from the others
    silent.set()
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(error) for error in errors[1:]] == [socket.gaierror] * 3
    with pytest.raises(socket.gaierror):
        await names.addresses(DEAD, 443)
    assert ASKED[DEAD] == 2, "nothing is remembered"


async def test_a_webhook_can_be_made_though_its_name_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "RESOLVE_SECONDS", 0.01)
    nothing = cast(Any, None)
    hooks = Webhooks(nothing, nothing, (), nothing, nothing, nothing, Ways(Names(at_once=1)))
    await hooks.check_target(f"https://{DEAD}/")
    await hooks.check_target("https://another.example/")  # one name at once here, and no thread more
    assert ASKED == {DEAD: 1}
