"""Every service has a user of its own on the bus; each tries what it must not do, and so does whoever has no key."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import nats
import pytest
from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig
from uuid_utils.compat import uuid7

from contracts.people import Role
from contracts.subjects import STREAM
from services.cli import bus_accounts, token
from services.cli.app import Stop
from services.cli.bus_accounts import NoAccounts, services_text, share_accounts
from services.cli.provision import provision_first
from services.embedded import nats as embedded_nats
from services.embedded.place import Place
from services.embedded.ports import claim
from services.embedded.process import Child
from services.kit.bus import connect, provision_bus
from services.kit.bus.accounts import RIGHTS, USERS, Subscriber, inbox_of
from services.kit.bus.census import answer_census
from services.kit.bus.connect import QuickClient
from services.kit.bus.nkey import Nkey
from services.kit.metrics import Metrics
from services.kit.settings import Settings
from tests.conftest import PoolOf
from tests.integration.bus_tools import SEEN, Ledger, append_tickets, caught_up, consume, eventually, relay, running


@pytest.fixture(scope="module")
async def guarded(
    database: Settings, place: Place, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Settings]:
    """A bus with accounts, as the embedded desk has it."""
    port = claim(0, "no variable")
    data = Path(mkdtemp(prefix="guarded-bus-", dir=place.data))
    if place.account:
        shutil.chown(data, place.account.user, place.account.group)
    settings = Settings.model_validate({**database.model_dump(), "nats_url": f"nats://127.0.0.1:{port}"})
    program = embedded_nats.program(replace(place, data=data), port, accounts=services_text(settings))
    child = Child(program, tmp_path_factory.mktemp("logs"))
    child.spawn()
    await child.wait_ready()
    await provision_bus(settings)
    yield settings
    await child.stop()


class Watched:
    """A connection of one user, and what the server refused it."""

    def __init__(self, client: QuickClient, refusals: list[str]) -> None:
        self.client = client
        self._refusals = refusals

    async def refused(self) -> bool:
        """Whether something was, or will be in a moment, since the last question."""
        await self.client.flush()
        for _ in range(200):
            if self._refusals:
                self._refusals.clear()
                return True
            await asyncio.sleep(0.01)
        return False


async def login(settings: Settings, user: str) -> Watched:
    refusals: list[str] = []

    async def note(error: Exception) -> None:
        refusals.append(str(error))

    return Watched(await connect(settings, f"{user}-trying", error_cb=note), refusals)


async def test_whoever_has_no_key_or_another_one_does_not_get_in(guarded: Settings) -> None:
    stranger = Nkey(b"a stranger's thirty-two bytes !!")
    strange = QuickClient()
    for connecting in (
        nats.connect(guarded.bus_url, allow_reconnect=False),
        nats.connect(guarded.bus_url, user="relay", password="relay", allow_reconnect=False),
        strange.connect(guarded.bus_url, allow_reconnect=False, **strange.know(stranger)),
    ):
        with pytest.raises(nats.errors.Error, match=r"(?i)authorization"):
            await connecting


@pytest.mark.parametrize("user", USERS)
async def test_what_a_user_may_neither_say_nor_hear(guarded: Settings, user: str) -> None:
    watched = await login(guarded, user)
    may_say = RIGHTS[user].publish  # type: ignore[index]
    for subject in (
        "daybook.3.acme.ticket.submitted.0", "feed.x.acme.ticket.submitted.0", "poke.daybook.3", "census.daybook",
        f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.stranger", f"$JS.API.STREAM.DELETE.{STREAM}",
        f"$JS.API.CONSUMER.CREATE.{STREAM}", f"$JS.ACK.{STREAM}.stranger.1.1.1.1.1", "$SYS.REQ.SERVER.x.RELOAD",
        "_INBOX_relay.answer", "anything",
    ):  # fmt: skip
        await watched.client.publish(subject, b"forged")
        if not any(matches(subject, allowed) for allowed in may_say):
            assert await watched.refused(), f"{user} may publish to {subject}"
    for subject in (">", "daybook.>", "feed.>", "$JS.API.>", "$JS.ACK.>", "$SYS.>", "_INBOX.>", "_INBOX_owner.>"):
        if not subject.startswith(inbox_of(user)):
            await watched.client.subscribe(subject)
            assert await watched.refused(), f"{user} may subscribe to {subject}"
    await watched.client.close()


def matches(subject: str, allowed: str) -> bool:
    """NATS' wildcards: * is one word, > is all that follow."""
    words, pattern = subject.split("."), allowed.split(".")
    if pattern[-1] == ">":
        return len(words) >= len(pattern) and all(p in ("*", w) for w, p in zip(words, pattern[:-1], strict=False))
    return len(words) == len(pattern) and all(p in ("*", w) for w, p in zip(words, pattern, strict=True))


@pytest.mark.parametrize("user", ["intake", "triage", "notification", "reporting"])
async def test_a_service_reads_by_its_own_durable_only(guarded: Settings, user: str) -> None:
    watched = await login(guarded, user)
    jetstream = watched.client.jetstream(timeout=0.1)  # what is refused is never answered
    other = "triage" if user != "triage" else "notification"
    asked: dict[str, Any] = {
        "another's durable": jetstream.consumer_info(STREAM, other),
        "a durable in another's name": jetstream.add_consumer(STREAM, ConsumerConfig(durable_name=other)),
        "an ephemeral one": jetstream.add_consumer(STREAM, ConsumerConfig(name="mine", filter_subject="daybook.>")),
        "the stream": jetstream.stream_info(STREAM),
        "a message": jetstream.get_msg(STREAM, 1),
        "another stream": jetstream.add_stream(name="MINE", subjects=["mine.>"]),
        "its purge": jetstream.purge_stream(STREAM),
    }
    for what, asking in asked.items():
        with pytest.raises((nats.errors.Error, TimeoutError)):
            await asking
        assert await watched.refused(), f"{user} may ask for {what}"
    if user != "intake":
        assert (await watched.client.jetstream().consumer_info(STREAM, user)).name == user
    await watched.client.close()


async def test_with_these_rights_relay_and_consumers_do_their_work(
    guarded: Settings, pool_of: PoolOf, caplog: pytest.LogCaptureFixture
) -> None:
    await (await pool_of("owner")).execute(SEEN)
    pool = await pool_of("triage")
    async with (
        running(relay(guarded, await pool_of("relay"))),
        running(consume(guarded, Ledger("triage"), pool)),
    ):
        owner = await login(guarded, "owner")
        await append_tickets(await pool_of("intake"), 20)
        await eventually(lambda: caught_up(pool, "triage"))
        assert "bus_error" not in caplog.text  # nothing was refused
        await owner.client.jetstream().delete_consumer(STREAM, "triage")
        await eventually(lambda: stands(owner.client, "triage"))
        await owner.client.jetstream().delete_stream(STREAM)
        await eventually(lambda: stands(owner.client, "triage"))
        await append_tickets(await pool_of("intake"), 20)
        await eventually(lambda: caught_up(pool, "triage"))
        await owner.client.close()


async def stands(client: QuickClient, durable: str) -> bool:
    try:
        await client.jetstream().consumer_info(STREAM, durable)
    except nats.js.errors.NotFoundError:
        return False
    return True


def test_the_configuration_holds_no_secret(guarded: Settings) -> None:
    text = services_text(guarded)
    assert guarded.role_secret.get_secret_value() not in text
    assert '"SU' not in text
    accounts = json.loads(text.partition(": ")[2].rpartition('"system_account"')[0])
    assert len(accounts["DAYBOOK"]["users"]) == len(USERS) - 1


async def test_a_server_without_our_accounts_is_refused_with_a_sentence(
    database: Settings, nats_url: str, pool_of: PoolOf
) -> None:
    settings = Settings.model_validate({**database.model_dump(), "nats_url": nats_url})
    written: list[str] = []
    with pytest.raises(NoAccounts, match=r"include .*nats-accounts\.conf"):
        await share_accounts(settings, await pool_of("intake"), written.append)
    assert written == []


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"role": Role.SUBSCRIBER}, "--nats is for one client's subscriber"),
        ({"role": Role.AGENT, "client": ["acme"]}, "--nats is for one client's subscriber"),
        ({"role": Role.SUBSCRIBER, "client": ["acme", "globex"]}, "--nats is for one client's subscriber"),
        ({"role": Role.SUBSCRIBER, "client": ["acme"], "personal": True}, "stay sealed"),
    ],
)
def test_an_account_is_for_one_client_and_sealed(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Stop, match=sentence):
        token.create(**given, over_nats=True)


async def test_two_users_never_hear_each_others_answers(guarded: Settings) -> None:
    triage, intake = await login(guarded, "triage"), await login(guarded, "intake")
    heard = asyncio.Queue[Any]()
    await intake.client.subscribe(f"{inbox_of('triage')}.>", cb=heard.put)
    await triage.client.jetstream().consumer_info(STREAM, "triage")
    assert await intake.refused()
    assert heard.empty()
    for one in (triage, intake):
        await one.client.close()


async def test_a_question_cannot_have_its_answer_go_among_the_events(guarded: Settings) -> None:
    asking, answering, owner = [await login(guarded, user) for user in ("reporting", "triage", "owner")]
    await answer_census(answering.client, Metrics("triage"))
    await answering.client.flush()
    before = (await owner.client.jetstream().stream_info(STREAM)).state.last_seq
    await asking.client.publish("census.daybook", reply="daybook.3.acme.ticket.submitted.0")
    assert b"daybook_" in (await asking.client.request("census.daybook", timeout=30)).data  # in order: both were heard
    assert (await owner.client.jetstream().stream_info(STREAM)).state.last_seq == before
    for one in (asking, answering, owner):
        await one.client.close()


async def test_a_question_may_be_answered_once(guarded: Settings) -> None:
    asking, answering = await login(guarded, "reporting"), await login(guarded, "triage")
    heard = asyncio.Queue[Msg]()
    await answering.client.subscribe("census.daybook", cb=heard.put)
    await answering.client.flush()
    question: Msg | None = None
    async with asyncio.timeout(60):
        while question is None:  # plain NATS: a question asked while the server reads its accounts anew is lost
            await asking.client.publish("census.daybook", reply=asking.client.new_inbox())
            with suppress(TimeoutError):
                question = await asyncio.wait_for(heard.get(), 2)
    await answering.client.publish(question.reply, b"one")
    await answering.client.publish(question.reply, b"two")
    assert await answering.refused()
    for one in (asking, answering):
        await one.client.close()


async def test_an_older_list_that_another_command_wrote_over_ours_is_written_again(
    guarded: Settings, pool_of: PoolOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, written = await pool_of("intake"), list[str]()
    tries = iter([False, True])

    async def reads(*_: object) -> bool:
        return next(tries)

    monkeypatch.setattr(bus_accounts, "_reads", reads)
    monkeypatch.setattr(bus_accounts, "writer", lambda _: written.append)
    key = Nkey(b"a subscriber's thirty-two bytes!")
    await bus_accounts.until_taken(guarded, pool, Subscriber(uuid7(), key.public), key)
    assert written == [services_text(guarded, await bus_accounts.living_accounts(pool))]


async def test_the_accounts_are_written_before_there_is_a_bus(database: Settings, tmp_path: Path) -> None:
    away = {**database.model_dump(), "home": tmp_path, "nats_url": "nats://127.0.0.1:1"}
    said: list[str] = []
    await provision_first(Settings.model_validate(away), said.append)
    assert (tmp_path / bus_accounts.OUTSIDE_FILE).read_text() == services_text(database)
    assert "start NATS now" in said[-1]
