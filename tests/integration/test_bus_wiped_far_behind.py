"""NATS loses everything while thousands of events wait in it: every consumer still digests each of them, once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from contracts.envelope import Recorded
from contracts.model import Event
from services.embedded.place import Place
from services.kit.bus import TryLater
from services.kit.postgres import Connection
from services.kit.settings import Role, Settings
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
    own_bus,
    relay,
    running,
    seen_of,
)
from tests.integration.relay_tools import published

TICKETS = 2_000  # of two events each
CONSUMERS: tuple[Role, ...] = ("triage", "notification", "reporting")
LONG = 120  # seconds: a slow machine is no failure


@pytest.fixture
async def own(database: Settings, place: Place, tmp_path: Path, pool_of: PoolOf) -> AsyncIterator[Bus]:
    await (await pool_of("owner")).execute(SEEN)
    async with own_bus(database, place, tmp_path) as bus:
        yield bus


class Waiting(Ledger):
    """Digests some events, then has to wait for something, as a sender does whose mail server is away."""

    may = 300

    async def handle(self, lane: int, events: Sequence[Recorded[Event]], connection: Connection) -> None:
        if self.may <= 0:
            raise TryLater("not yet")
        self.may -= len(events)
        await super().handle(lane, events, connection)


async def test_a_bus_that_is_wiped_far_ahead_of_its_consumers_loses_nothing(own: Bus, pool_of: PoolOf) -> None:
    intake = await pool_of("intake")
    pools = {role: await pool_of(role) for role in CONSUMERS}
    ledgers = [Waiting(role) for role in CONSUMERS]
    consuming = [consume(own.settings, ledger, pools[role]) for role, ledger in zip(CONSUMERS, ledgers, strict=True)]
    async with running(relay(own.settings, await pool_of("relay"))):
        async with running(consuming[0]), running(consuming[1]), running(consuming[2]):
            await append_tickets(intake, TICKETS)
            await eventually(lambda: published(own.settings, intake), LONG)
            for ledger in ledgers:
                behind = 2 * TICKETS - sum(map(len, (await seen_of(pools["triage"], ledger.name)).values()))
                assert behind > TICKETS, f"{ledger.name} is only {behind} behind"
            await own.stop()
            own.wipe()
            await own.start()
            for ledger in ledgers:
                ledger.may = 1_000_000
            await append_tickets(intake, 20)
            for role in CONSUMERS:
                await eventually(partial(caught_up, pools[role], role), LONG)
        await eventually(lambda: published(own.settings, intake), LONG)
    for role in CONSUMERS:
        await assert_everything_once_in_order(pools[role], role)
