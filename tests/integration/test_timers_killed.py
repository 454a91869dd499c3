"""Timers that die between any two of their awaits, and those that take over: every fact once, none lost."""

from __future__ import annotations

import pytest

from services.kit.postgres import connect_pool
from services.kit.settings import Settings
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
