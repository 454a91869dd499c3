"""A year of twenty clients with replicas of triage that die: the facts are those of a year in which none did.

It is a year of 365 days in steps of ten days with 140 tickets, so that the suite stays short; `python -m
tests.integration.timers_year` plays one of 5,000 tickets in steps of six hours.
"""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

from services.kit.log.read import read_stream
from services.kit.rules.clock_facts import facts
from services.kit.rules.clocks import clocks
from services.kit.settings import Settings
from services.triage.timers.stories import Shelf
from tests.conftest import TEMPLATE
from tests.integration.timers_desk import TimersDesk
from tests.integration.timers_year import DAYS, START, Act, facts_of, opened, play, twin_of, year

TICKETS = 200
STEP = timedelta(days=7)
KINDS = {
    *("sla.warned", "sla.breached", "sla.met", "sla.escalated"),
    *("ticket.checkpoint_kept", "ticket.checkpoint_missed"),
}


async def test_a_year_with_deaths_has_the_facts_of_a_year_without_to_the_byte(database: Settings) -> None:
    acts = year(1, TICKETS)
    async with twin_of(database, TEMPLATE) as twin, opened(database) as whole, opened(twin) as torn:
        _, died = await asyncio.gather(
            play(whole, database, acts, STEP, None), play(torn, twin, acts, STEP, random.Random(2))
        )
        found = await facts_of(whole)
        assert await facts_of(torn) == found
        assert died > 1
        assert {fact[5] for fact in found} == KINDS
        await everything_is_recorded(whole, acts)


async def everything_is_recorded(desk: TimersDesk, acts: list[Act]) -> None:
    """What the pure fold says of the whole year is in the log, and nothing else."""
    shelf = Shelf()
    async with desk.triage.acquire() as connection, connection.transaction():
        books = await shelf.books(connection, {act.client for act in acts})
    end = START + timedelta(days=DAYS)
    for ticket, client in {act.ticket: act.client for act in acts}.items():
        history = await read_stream(desk.intake, ticket)
        state = clocks(history, books[client].policies, books[client].calendars, end)
        assert facts(state) == []
