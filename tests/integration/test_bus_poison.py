"""Events that a consumer cannot digest: put aside with their stream, listed, shown and replayed in order."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from contracts.envelope import Recorded
from contracts.model import Event
from contracts.subjects import lane_of
from services.embedded.place import Place
from services.kit.bus import TryLater, blame, worker
from services.kit.bus.dead_letters import ask_replay, list_letters, show_letter
from services.kit.bus.digest import SQL
from services.kit.log.append import Append, Appender
from services.kit.postgres import Connection, Pool
from services.kit.settings import Settings
from tests.conftest import PoolOf
from tests.integration.bus_tools import (
    SEEN,
    Bus,
    Ledger,
    append_tickets,
    assert_everything_once_in_order,
    caught_up,
    consume,
    eventually,
    note,
    own_bus,
    relay,
    running,
    seen_of,
    submitted,
    ticket_of,
)

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
async def own(database: Settings, place: Place, tmp_path: Path, pool_of: PoolOf) -> AsyncIterator[Bus]:
    await (await pool_of("owner")).execute(SEEN)
    async with own_bus(database, place, tmp_path) as bus:
        yield bus


@pytest.fixture(autouse=True)
def quick_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blame, "ATTEMPTS_SECONDS", (0.01, 0.02, 0.03, 0.04))


async def ticket_with_notes(pool: Pool, notes: int) -> UUID:
    stream = ticket_of("poisoned")
    events = [submitted(stream), *(note(stream, 2 + index) for index in range(notes))]
    await Appender(pool).append(Append("poisoned", events))
    return stream


async def positions_of(pool: Pool, stream: UUID) -> list[int]:
    rows = await pool.fetch("SELECT position FROM log.events WHERE stream = $1 ORDER BY version", stream)
    return [row["position"] for row in rows]


@pytest.mark.parametrize("lanes_together", [False, True])
async def test_a_poisoned_stream_waits_while_its_lane_goes_on_and_a_replay_brings_it_in_order(
    own: Bus, pool_of: PoolOf, lanes_together: bool
) -> None:
    intake, pool = await pool_of("intake"), await pool_of("triage")
    ledger = Ledger(f"poison-{lanes_together}")
    await append_tickets(intake, 40)
    bad = await ticket_with_notes(intake, 2)
    ledger.refuse.add(bad)
    async with (
        running(relay(own.settings, await pool_of("relay"))),
        running(consume(own.settings, ledger, pool, lanes_together=lanes_together)),
    ):
        await append_tickets(intake, 40)
        await eventually(lambda: caught_up(pool, ledger.name))
        await Appender(intake).append(Append("poisoned", [note(bad, 4)]))
        await append_tickets(intake, 40)
        await eventually(lambda: caught_up(pool, ledger.name))

        letters = await list_letters(pool, ledger.name)
        first, *others = await positions_of(pool, bad)
        assert [letter.position for letter in letters] == [first, *others]
        assert letters[0].attempts == 5
        assert letters[0].error.startswith("ValueError in tests.integration.bus_tools:")
        assert {letter.error for letter in letters[1:]} == {f"waits for {lane_of(bad)}:{first}"}
        assert all(letter.waits for letter in letters[1:])
        seen = await seen_of(pool, ledger.name)
        assert not {first, *others} & set(seen[lane_of(bad)])
        assert sum(map(len, seen.values())) == await intake.fetchval("SELECT sum(position) FROM log.lanes") - 4

        await ask_replay(pool, ledger.name, (lane_of(bad), others[-1]))  # any letter of the stream may be named
        await eventually(lambda: tried_again(pool, ledger.name, first))
        assert len(await list_letters(pool, ledger.name)) == 4  # it failed again, and the others still wait

        ledger.refuse.clear()
        asked = await ask_replay(pool, ledger.name)
        assert [(one.lane, one.position) for one in asked] == [(lane_of(bad), first)]
        await eventually(lambda: none_left(pool, ledger.name))
        await Appender(intake).append(Append("poisoned", [note(bad, 5)]))
        await eventually(lambda: caught_up(pool, ledger.name))
    digested = (await seen_of(pool, ledger.name))[lane_of(bad)]
    positions = await positions_of(pool, bad)
    assert [position for position in digested if position in positions] == positions
    assert sorted(digested) == list(range(1, len(digested) + 1))
    assert len(await list_letters(pool, ledger.name, replayed=True)) == 4


async def tried_again(pool: Pool, name: str, position: int) -> bool:
    return any(
        letter.attempts == 6 and letter.replay_requested_at is None
        for letter in await list_letters(pool, name)
        if letter.position == position
    )


async def none_left(pool: Pool, name: str) -> bool:
    return not await list_letters(pool, name)


async def test_a_dead_letter_shows_its_event_as_the_log_has_it(own: Bus, pool_of: PoolOf) -> None:
    intake, pool = await pool_of("intake"), await pool_of("triage")
    ledger = Ledger("shown")
    bad = await ticket_with_notes(intake, 0)
    ledger.refuse.add(bad)
    (position,) = await positions_of(pool, bad)
    async with running(consume(own.settings, ledger, pool)):
        await eventually(lambda: caught_up(pool, ledger.name))
    shown = await show_letter(pool, "shown", lane_of(bad), position)
    assert shown is not None
    assert (shown.type, shown.client, shown.stream) == ("ticket.submitted", "poisoned", bad)
    assert shown.data["prefix"] == "ACME"
    assert await show_letter(pool, "shown", lane_of(bad), position + 1000) is None


async def test_an_event_that_fails_now_and_then_is_only_tried_again(own: Bus, pool_of: PoolOf) -> None:
    class Moody(Ledger):
        fails = 3

        async def handle(self, lane: int, events: Sequence[Recorded[Event]], connection: Connection) -> None:
            await super().handle(lane, events, connection)
            if lane == 3 and self.fails:
                self.fails -= 1
                raise KeyError("not yet")

    intake, pool = await pool_of("intake"), await pool_of("triage")
    ledger = Moody("moody")
    await append_tickets(intake, 40)
    async with running(consume(own.settings, ledger, pool)):
        await eventually(lambda: caught_up(pool, ledger.name))
    assert await list_letters(pool, "moody") == []
    await assert_everything_once_in_order(pool, "moody")


async def test_what_needs_something_that_is_away_waits_without_being_blamed(own: Bus, pool_of: PoolOf) -> None:
    class Patient(Ledger):
        away = 8  # more than the attempts that an event has

        async def handle(self, lane: int, events: Sequence[Recorded[Event]], connection: Connection) -> None:
            if self.away:
                self.away -= 1
                raise TryLater("the other service starts again")
            await super().handle(lane, events, connection)

    pool = await pool_of("triage")
    ledger = Patient("patient")
    await append_tickets(await pool_of("intake"), 5)
    async with running(consume(own.settings, ledger, pool)):
        await eventually(lambda: caught_up(pool, ledger.name))
    assert await list_letters(pool, "patient") == []
    await assert_everything_once_in_order(pool, "patient")


PAYLOAD = "UPDATE log.events SET payload = $3 WHERE lane = $1 AND position = $2"


async def test_an_event_that_cannot_be_decoded_is_put_aside_at_once(own: Bus, pool_of: PoolOf) -> None:
    intake, pool, owner = await pool_of("intake"), await pool_of("triage"), await pool_of("owner")
    ledger = Ledger("older")
    stream = await ticket_with_notes(intake, 1)
    first, second = await positions_of(pool, stream)
    stored = await owner.fetchval(
        "SELECT payload FROM log.events WHERE lane = $1 AND position = $2", lane_of(stream), first
    )
    await owner.execute(PAYLOAD, lane_of(stream), first, b"{")
    async with running(consume(own.settings, ledger, pool)):
        await eventually(lambda: caught_up(pool, ledger.name))
    letters = await list_letters(pool, "older")
    assert [(letter.position, letter.attempts) for letter in letters] == [(first, 1), (second, 0)]
    await owner.execute(PAYLOAD, lane_of(stream), first, stored)
    await ask_replay(pool, "older", (lane_of(stream), first))
    async with running(consume(own.settings, ledger, pool)):
        await eventually(lambda: none_left(pool, "older"))


async def test_nothing_is_asked_where_nothing_waits(pool_of: PoolOf) -> None:
    pool = await pool_of("triage")
    assert await ask_replay(pool, "nobody") == []
    assert await ask_replay(pool, "nobody", (3, 99)) == []
    assert await list_letters(pool, str(uuid4())) == []


async def test_an_event_that_kills_its_process_is_put_aside_in_the_end(own: Bus, pool_of: PoolOf) -> None:
    intake, pool = await pool_of("intake"), await pool_of("triage")
    await append_tickets(intake, 20)
    killer = await ticket_with_notes(intake, 0)
    await append_tickets(intake, 20)
    await pool.execute(SQL["open_cursors"], "killed")
    for _ in range(worker.STARTS_MAX):  # what processes leave that die with a whole batch
        await pool.execute(SQL["begin"], "killed")
    for _ in range(worker.DEATHS_MAX):
        await consume_until_death(own.settings, "killed", killer)
    ledger = Ledger("killed")
    async with running(consume(own.settings, ledger, pool)):
        await eventually(lambda: caught_up(pool, "killed"))
    (letter,) = await list_letters(pool, "killed")
    assert (letter.stream, letter.error, letter.attempts) == (killer, "ProcessDied", worker.DEATHS_MAX)


async def test_processes_killed_from_outside_put_nothing_aside(own: Bus, pool_of: PoolOf) -> None:
    intake, pool = await pool_of("intake"), await pool_of("triage")
    await append_tickets(intake, 40)
    await pool.execute(SQL["open_cursors"], "innocent")
    for _ in range(200):  # begun, and killed before anything was tried
        await pool.execute(SQL["begin"], "innocent")
    async with running(consume(own.settings, Ledger("innocent"), pool)):
        await eventually(lambda: caught_up(pool, "innocent"))
    assert await list_letters(pool, "innocent") == []
    await assert_everything_once_in_order(pool, "innocent")


async def test_an_event_that_only_fails_is_not_taken_for_one_that_kills(own: Bus, pool_of: PoolOf) -> None:
    intake, pool = await pool_of("intake"), await pool_of("triage")
    waiting = await ticket_with_notes(intake, 0)
    await pool.execute(SQL["open_cursors"], "patient")
    for _ in range(worker.DEATHS_MAX + 1):
        for _ in range(worker.STARTS_MAX + 1):
            await pool.execute(SQL["begin"], "patient")
        ledger = Patient("patient", waiting)
        async with running(consume(own.settings, ledger, pool)):
            await asyncio.wait_for(ledger.asked_twice.wait(), 60)
    async with running(consume(own.settings, Ledger("patient"), pool)):
        await eventually(lambda: caught_up(pool, "patient"))
    assert await list_letters(pool, "patient") == []


async def test_a_replay_that_kills_its_process_is_not_tried_by_every_next_one(own: Bus, pool_of: PoolOf) -> None:
    intake, pool = await pool_of("intake"), await pool_of("triage")
    killer, ledger = await ticket_with_notes(intake, 1), Ledger("deadly")
    ledger.refuse.add(killer)
    async with running(consume(own.settings, ledger, pool)):
        await eventually(lambda: caught_up(pool, "deadly"))
    assert len(await ask_replay(pool, "deadly")) == 1
    await consume_until_death(own.settings, "deadly", killer)
    async with running(consume(own.settings, Ledger("deadly"), pool)):
        await append_tickets(intake, 5)
        await eventually(lambda: caught_up(pool, "deadly"))
        first, second = sorted(await list_letters(pool, "deadly"), key=lambda letter: letter.position)
        assert (first.error, first.replay_requested_at, second.waits) == ("ProcessDied", None, True)
        await ask_replay(pool, "deadly")
        await eventually(lambda: none_waits(pool, "deadly"))


class Patient(Ledger):
    """Needs a server that never comes."""

    def __init__(self, name: str, stream: UUID) -> None:
        super().__init__(name)
        self._stream = stream
        self._asked = 0
        self.asked_twice = asyncio.Event()

    async def handle(self, lane: int, events: Sequence[Recorded[Event]], connection: Connection) -> None:
        if any(event.stream == self._stream for event in events):
            self._asked += 1
            if self._asked > 1:
                self.asked_twice.set()
            raise TryLater
        await super().handle(lane, events, connection)


async def none_waits(pool: Pool, consumer: str) -> bool:
    return not await list_letters(pool, consumer)


async def consume_until_death(settings: Settings, name: str, killer: UUID) -> None:
    environment = {
        **os.environ,
        "DAYBOOK_HOME": str(settings.home),
        "DAYBOOK_DATABASE_URL": settings.admin_dsn(),
        "DAYBOOK_NATS_URL": settings.bus_url,
    }
    victim = subprocess.Popen(
        (sys.executable, "-m", "tests.integration.bus_victim", name, str(killer)), cwd=ROOT, env=environment
    )
    assert await asyncio.to_thread(victim.wait, 60) == -9
