"""The radar over a real log: given tickets of several clients, then one suspicion stands in the log, whatever dies."""

from __future__ import annotations

import pytest

from contracts.incident import IncidentStatus
from services.kit.postgres import Pool
from services.kit.settings import Settings
from tests.conftest import PoolOf
from tests.integration.radar_desk import CLIENTS, RadarDesk, beat, follow, incidents, leader_on
from tests.integration.small_desk import vault_on


@pytest.fixture
async def pool(pool_of: PoolOf) -> Pool:
    return await pool_of("triage")


@pytest.fixture
async def relay(pool_of: PoolOf) -> Pool:
    return await pool_of("relay")


@pytest.fixture(scope="module")
async def desk(pool_of: PoolOf, database: Settings) -> RadarDesk:
    intake = await pool_of("intake")
    desk = RadarDesk(intake, vault_on(intake, database))
    await desk.open()
    await desk.everyday(2_000)
    return desk


async def test_what_several_clients_report_becomes_one_suspicion_with_its_evidence(
    desk: RadarDesk, pool: Pool, relay: Pool, database: Settings
) -> None:
    leader = leader_on(pool, database)
    assert await leader.take()
    await leader.load()
    tickets = await desk.outage(CLIENTS[:5])
    await beat(relay)
    await follow(leader)

    (incident,) = (await incidents(pool)).values()
    assert incident.status is IncidentStatus.SUSPECTED
    assert set(tickets) <= set(incident.tickets)
    assert set(CLIENTS[:5]) <= incident.clients
    await desk.vault.load(desk.people.values())
    words = {(sign.kind, desk.vault.shown(sign.word)) for sign in incident.signs.values()}
    assert ("name", "error 1252") in words
