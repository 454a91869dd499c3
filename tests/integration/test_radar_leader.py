"""The radar over a real log: given tickets of several clients, then one suspicion stands in the log, whatever dies."""

from __future__ import annotations

import json
from random import Random

import pytest
from uuid_utils.compat import uuid7

from contracts.incident import IncidentStatus
from contracts.people import PersonErased
from services.kit.log.append import NewEvent
from services.kit.postgres import Pool
from services.kit.settings import Settings
from services.triage.radar.keys import handle_of, keys_of
from services.triage.radar.leader import Leader, NotLeading, secret_of
from services.triage.radar.packed import pack, unpack
from services.triage.radar.reading import read_on
from services.triage.radar.watch import TYPES, Watch
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
    await desk.tickets([(CLIENTS[0], "my xylophonist pays", "the xylophonist pays")])
    return desk


async def leading(pool: Pool, database: Settings, batch: int = 500) -> Leader:
    leader = leader_on(pool, database, batch)
    assert await leader.take()
    await leader.load()
    return leader


async def in_one_go(pool: Pool, database: Settings) -> Watch:
    """What a radar knows that reads the log from its beginning, and never stopped."""
    watch, places, vault = Watch(secret_of(database)), dict[int, int](), vault_on(pool, database)
    while True:
        reads, upto = await read_on(pool, vault, places, TYPES, 10_000)
        if not upto:
            return watch
        places |= upto
        for read in reads:
            watch.see(read)


def same(one: Watch, other: Watch) -> bool:
    return json.dumps(one.state(), sort_keys=True) == json.dumps(other.state(), sort_keys=True)


async def test_what_several_clients_report_becomes_one_suspicion_with_its_evidence(
    desk: RadarDesk, pool: Pool, relay: Pool, database: Settings
) -> None:
    leader = await leading(pool, database)
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
    await leader.resign()


async def test_words_that_few_have_used_do_not_stand_in_the_saved_state(
    desk: RadarDesk, pool: Pool, database: Settings
) -> None:
    leader = await leading(pool, database)
    await follow(leader)
    await leader.save()
    packed = await pool.fetchval("SELECT state FROM triage.radar_state")
    saved = json.dumps(unpack(packed))
    assert "xylophon" not in saved
    assert "error 1252" in saved, "five clients have used it"
    assert leader.watch is not None
    assert same(Watch.of(unpack(pack(leader.watch.state())), secret_of(database)), leader.watch)
    await leader.resign()


async def test_killed_at_any_moment_and_read_in_any_parts_it_tells_and_knows_the_same(
    desk: RadarDesk, pool: Pool, relay: Pool, database: Settings
) -> None:
    chance, before = Random(7), await incidents(pool)
    desk.minute += 600
    for _ in range(3):
        await desk.everyday(40, chance.randrange(1_000))
        await desk.outage(chance.sample(CLIENTS, 5), f"zonk wibble ZX-{chance.randrange(1_000, 9_999)}", "zonk")
        if chance.random() < 0.7:
            await beat(relay)  # so that lanes are settled at other moments
        leader = await leading(pool, database, batch=chance.choice((1, 7, 50, 500)))
        for _ in range(chance.randrange(30)):
            await leader.turn()
        if chance.random() < 0.5:
            await leader.save()
        await leader.resign()  # and all that was read since the last save is lost
    await beat(relay)
    last = await leading(pool, database)
    await follow(last)
    assert last.watch is not None
    assert same(last.watch, await in_one_go(pool, database))
    new = [one for identifier, one in (await incidents(pool)).items() if identifier not in before]
    assert len(new) == len({tuple(sorted(map(str, one.tickets))) for one in new}), "none stands there twice"
    assert {*last.watch.incidents.values()} <= {*(await incidents(pool))}
    await last.resign()


async def test_a_leader_whose_lease_was_taken_over_writes_nothing(
    desk: RadarDesk, pool: Pool, relay: Pool, database: Settings
) -> None:
    frozen = await leading(pool, database)
    other = leader_on(pool, database)
    assert not await other.take(), "one holds the radar at a time"
    await pool.execute("UPDATE triage.radar_lead SET expires_at = '-infinity'")
    assert await other.take()
    desk.minute += 600
    await desk.outage(CLIENTS[:5], "flimflam grommet GR-4411", "flimflam")
    await beat(relay)
    known = await incidents(pool)
    with pytest.raises(NotLeading):
        await follow(frozen)
    assert await incidents(pool) == known
    await other.load()
    await follow(other)
    assert len(await incidents(pool)) == len(known) + 1
    await other.resign()


async def test_who_was_erased_leaves_the_window_and_their_own_words_the_memory(
    desk: RadarDesk, pool: Pool, relay: Pool, database: Settings
) -> None:
    (ticket,) = await desk.tickets([(CLIENTS[3], "quixotic", "quixotic quixotic")])
    await beat(relay)
    leader = await leading(pool, database)
    await follow(leader)
    assert leader.watch is not None
    memory, word = leader.watch.radar.memory, handle_of(keys_of(None, None, "quixotic", "")[0], secret_of(database))
    assert memory is not None
    assert word in memory.numbers
    person = desk.people[CLIENTS[3]]
    gone = NewEvent(uuid7(), person, 2, PersonErased(person=person), "token:test")
    await desk.append(CLIENTS[3], [gone])
    await beat(relay)
    await follow(leader)
    assert word not in memory.numbers
    assert not any(kept.keys for kept in leader.watch.radar.window.tickets if kept.ticket == str(ticket))
    await leader.resign()
