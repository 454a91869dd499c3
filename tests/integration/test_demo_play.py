"""The demo's player against intake's real API and a real log."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
import uvicorn
from uuid_utils.compat import uuid7

from contracts.envelope import Origin
from contracts.incident import IncidentStatus, fold
from contracts.incidents import IncidentSuspected, Member
from contracts.model import DESK
from contracts.people import Role
from contracts.subjects import lane_of_client, stamp_lane
from services.demo import desk as demo_desk
from services.demo import record as records
from services.demo.bank import load
from services.demo.cast import assemble
from services.demo.desk import DemoStopped, DeskApi
from services.demo.http import Connections
from services.demo.outage import incident
from services.demo.play import is_played, play
from services.demo.record import Record
from services.intake.app import open_app
from services.kit.log.append import Append, NewEvent, NotAppended, append_in
from services.kit.log.read import read_stream
from services.kit.settings import Settings
from tests.conftest import PoolOf

END = datetime(2026, 11, 22, 20, 10, tzinfo=UTC)
START = END - timedelta(days=7)


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the demo's record is kept; the desk that it plays is a small one."""
    monkeypatch.setattr("services.demo.arrivals.TICKETS_A_DAY", 10)
    return tmp_path


@asynccontextmanager
async def serving(database: Settings, home: Path, **given: object) -> AsyncIterator[Settings]:
    """Intake on a free port, its time told by the log. The settings lead there."""
    # With its protocol named, asyncio sends small answers at once (TCP_NODELAY) and not 40 ms later.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        told = {"clock": "log", "home": home, "port": port, "host": "127.0.0.1", **given}
        settings = Settings.model_validate({**database.model_dump(), **told})
        async with open_app(settings) as app:
            server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
            work = asyncio.create_task(server.serve([listener]))
            try:
                yield settings
            finally:
                server.should_exit = True
                await work


class PowerCutError(Exception):
    """The player is gone from one moment to the next."""


def cut_after(settles: int) -> Callable[[DeskApi], Awaitable[None]]:
    left = iter(range(settles))

    async def settle(_: DeskApi) -> None:
        if next(left, None) is None:
            raise PowerCutError

    return settle


def week(home: Path) -> None:
    """A record of a week that nobody has begun to play."""
    records.write(home, Record(seed=4, start=START, end=END))


async def counted(pool_of: PoolOf) -> dict[str, int]:
    pool = await pool_of("intake")
    rows = await pool.fetch("SELECT type, count(*) AS n FROM log.events GROUP BY type")
    return {row["type"]: row["n"] for row in rows}


async def test_a_month_is_played_taken_up_after_a_crash_and_not_played_twice(
    database: Settings, pool_of: PoolOf, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    week(own_home)
    monkeypatch.setattr("services.demo.play.SAVE_STEPS", 3)
    async with serving(database, own_home) as settings:
        with monkeypatch.context() as patch:
            patch.setattr(DeskApi, "settle", cut_after(10))
            with pytest.raises(PowerCutError):
                await play(settings)
    crashed = records.read(own_home)
    assert crashed is not None
    assert 0 < crashed.steps < 11
    assert not is_played(own_home)

    async with serving(database, own_home) as settings:
        record = await play(settings)
    events = await counted(pool_of)
    assert is_played(own_home)
    assert record.steps > crashed.steps
    assert events["ticket.submitted"] == len(record.tickets)
    assert events["client.registered"] == 14
    assert events["agent.registered"] == 12
    assert (record.token, record.tokens) == ("", {})

    async with serving(database, own_home) as settings:
        await play(settings)
    assert await counted(pool_of) == events


async def test_what_was_played_bears_simulated_times_the_agents_names_and_the_origin_demo(
    pool_of: PoolOf,
) -> None:
    pool = await pool_of("intake")
    odd = await pool.fetchval(
        "SELECT count(*) FROM log.events WHERE origin <> 'demo' OR occurred_at < $1 OR occurred_at > $2", START, END
    )
    assert odd == 0
    actors = await pool.fetch("SELECT DISTINCT actor FROM log.events WHERE type = 'ticket.reply_sent'")
    assert len(actors) > 5
    assert all(row["actor"].startswith("agent:") for row in actors)


async def suspected(pool_of: PoolOf, at: datetime) -> UUID:
    """What the radar would raise: two clients' tickets, and why."""
    stream, ticket = stamp_lane(uuid7(), lane_of_client(DESK)), uuid7()
    members = tuple(Member(ticket=ticket, client=client, at=at) for client in ("kestrel", "ribera"))
    data = IncidentSuspected(
        keys=(), clients=("kestrel", "ribera"), tickets=(ticket,), evidence=9, expected_clients=0, first_seen_at=at,
        rule_version="test", signs=(), members=members, desk_clients=14,
    )  # fmt: skip
    events = [NewEvent(uuid7(), stream, 1, data, "system:radar", origin=Origin.DEMO, occurred_at=at)]
    (result,) = await append_in(await pool_of("triage"), [Append(DESK, events)])  # type: ignore[arg-type]
    assert not isinstance(result, NotAppended), result
    return stream


async def test_a_lead_confirms_what_the_radar_raised_tells_of_it_and_ends_it_once(
    database: Settings, pool_of: PoolOf, own_home: Path
) -> None:
    bank, pool, day = load(), await pool_of("intake"), END - timedelta(days=2)
    cast = assemble(bank, 4)
    course = list(incident(bank, cast, day))
    async with serving(database, own_home) as settings, Connections("127.0.0.1", settings.port, 2) as connections:
        record = Record(seed=4, start=START, end=END)
        desk = DeskApi(connections, pool, record, uuid7)
        record.tokens[course[0].by] = await desk.token(Role.LEAD)
        await desk.play_thread(course[:1])
        assert record.incident is None, "there is nothing to confirm yet"
        stream = await suspected(pool_of, day + timedelta(minutes=20))
        await desk.play_thread(course)
        record.incident = None  # as after a crash
        await desk.play_thread(course)
        await desk.revoke_tokens()
    assert record.incident == stream
    told = fold(await read_stream(pool, stream))
    assert (told.status, len(told.updates)) == (IncidentStatus.RESOLVED, 1)


async def test_no_token_of_the_demo_opens_the_desk_afterwards(pool_of: PoolOf) -> None:
    pool = await pool_of("intake")
    assert await pool.fetchval("SELECT count(*) FROM access.tokens WHERE revoked_at IS NULL AND service IS NULL") == 0


async def test_a_refusal_stops_the_play_with_the_desks_own_words(
    database: Settings, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    week(own_home)
    async with serving(database, own_home, clock="system") as settings:
        with pytest.raises(DemoStopped, match="no_log_clock"):
            await play(settings)


async def test_a_desk_that_stays_away_stops_the_play_with_a_sentence(
    database: Settings, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    week(own_home)
    monkeypatch.setattr(demo_desk, "PATIENCE_SECONDS", 0.2)
    nobody = Settings.model_validate({**database.model_dump(), "home": own_home, "port": 1, "clock": "log"})
    with pytest.raises(DemoStopped, match="got no answer"):
        await play(nobody)
