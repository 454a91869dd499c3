"""Timers that die between any two of their awaits, and those that take over: every fact once, none lost."""

from __future__ import annotations

import pytest

from contracts.terms import CloseReason
from contracts.tickets import TicketClosed
from services.kit.postgres import connect_pool
from services.kit.settings import Settings
from services.triage.timers.fill import Filler
from services.triage.timers.stories import Shelf
from services.triage.timers.turn import Held
from tests.conftest import PoolOf
from tests.integration.timers_desk import HOUR, NOON, TimersDesk, timers_desk
from tests.integration.timers_year import until_killed

STEPS_MAX = 100


@pytest.fixture(scope="module")
async def desk(pool_of: PoolOf, database: Settings) -> TimersDesk:
    opened = await timers_desk(await pool_of("intake"), await pool_of("triage"), database)
    await opened.client("mortal")
    await opened.terms("mortal", {"first_reply": "4h", "update": "4h"})
    return opened


async def test_a_turn_that_dies_at_any_of_its_awaits_loses_and_doubles_nothing(
    desk: TimersDesk, database: Settings
) -> None:
    survivor = desk.triage
    for steps in range(STEPS_MAX):
        tickets = [await desk.ticket("mortal") for _ in range(2)]
        await desk.digest()
        desk.triage = await connect_pool(database, "triage", size=2)
        await desk.restart()
        lane = tickets[0].int & 15
        held = Held(desk.holder, {lane: (await desk.leases.renew())[lane]})
        ended = await until_killed(desk.turns.turn(held, NOON + 3 * HOUR, {}), steps, desk.triage)
        desk.triage.terminate()
        desk.triage = survivor
        await desk.restart()
        await desk.at(NOON + 9 * HOUR)
        for ticket in tickets:
            said = [f"{event.type} {getattr(event.data, 'fraction', '')}" for event in await desk.facts(ticket)]
            assert said == ["sla.warned 0.5", "sla.warned 0.75", "sla.warned 0.9", "sla.breached "], steps
        if ended:
            return
    pytest.fail(f"a turn has more than {STEPS_MAX} awaits")


async def test_a_batch_that_dies_at_any_of_its_awaits_is_noted_once_it_is_digested(
    desk: TimersDesk, database: Settings
) -> None:
    survivor = desk.triage
    for steps in range(STEPS_MAX):
        ticket = await desk.ticket("mortal")
        desk.triage = await connect_pool(database, "triage", size=2)
        await desk.restart()
        ended = await until_killed(desk.digest(), steps, desk.triage)
        desk.triage.terminate()
        desk.triage = survivor
        await desk.restart()
        await desk.digest()
        assert await desk.due(ticket) == NOON + 2 * HOUR, steps
        if ended:
            return
    pytest.fail(f"a batch has more than {STEPS_MAX} awaits")


async def test_a_desk_that_was_read_back_gets_its_wake_ups_from_the_log_whoever_dies_over_it(
    desk: TimersDesk, database: Settings
) -> None:
    tickets = [await desk.ticket("mortal") for _ in range(7)]
    await desk.reply("mortal", tickets[0], NOON + HOUR)
    await desk.tell("mortal", tickets[1], TicketClosed(reason=CloseReason.SPAM), at=NOON + HOUR)
    await desk.digest()
    lane = tickets[0].int & 15
    wake_ups = "SELECT ticket, client, due FROM triage.wake_ups WHERE lane = $1 ORDER BY ticket"
    before = await desk.triage.fetch(wake_ups, lane)
    await desk.triage.execute("DELETE FROM triage.wake_ups")
    await desk.triage.execute("UPDATE triage.wake_ups_known SET whole = false")
    for steps in range(STEPS_MAX):
        mortal = await connect_pool(database, "triage", size=2)
        await until_killed(Filler(mortal, Shelf(), page=2).fill(lane), steps, mortal)
        mortal.terminate()
        if lane not in await Filler(desk.triage, Shelf()).missing(range(16)):
            break
    known = {row["ticket"]: row["due"] for row in await desk.triage.fetch(wake_ups, lane)}
    assert known.keys() >= {row["ticket"] for row in before}
    await desk.at(NOON + 9 * HOUR)
    assert await desk.said(tickets[1]) == []
    assert "met first_reply/1" in await desk.said(tickets[0])
    for ticket in tickets[2:]:
        assert (await desk.said(ticket))[-1] == "breached first_reply/1"
