"""An import that is killed in the middle leaves whole tickets behind, and the next run makes the same log of it."""

from __future__ import annotations

import asyncio
import signal
from datetime import UTC, datetime
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest

from contracts.envelope import Recorded
from contracts.model import Event
from services.importing.find_map import find_map
from services.importing.job import Plan, plan_import
from services.importing.translate import Parties, ticket_stream
from services.kit.log.read import heads
from services.kit.settings import Settings
from tests.acceptance.source_logs import ITALIAN, everything, run, start
from tests.conftest import PoolOf

pytestmark = pytest.mark.timeout(400)  # three runs that are killed, and one that is not, while others may be at work

KILLED_AFTER = (1, 6_000, 14_000)  # events in the log
Told = tuple[UUID, int, UUID, str, datetime]


@pytest.fixture(scope="module")
def logs(shared_data: Path) -> Path:
    return shared_data / "event-logs"


def expected(plan: Plan, lane: int, agents: dict[str, UUID]) -> set[Told]:
    """The events that an undisturbed run writes."""
    translation = plan.translation
    found: set[Told] = set()
    for case in plan.cases:
        stream = ticket_stream(translation.source.system, case.name, lane)
        drafts = translation.events(case, stream, Parties("IH", UUID(int=0), agents))
        found |= {(stream, version, draft.id, draft.data.type, draft.at) for version, draft in enumerate(drafts, 1)}
    return found


def told(events: list[Recorded[Event]]) -> set[Told]:
    return {
        (event.stream, event.version, event.id, event.type, event.occurred_at)
        for event in events
        if event.type.startswith("ticket.")
    }


async def test_kill_and_run_again_makes_the_same_log(database: Settings, pool_of: PoolOf, logs: Path) -> None:
    pool = await pool_of("reporting")
    plan = plan_import(logs / ITALIAN.file, find_map(ITALIAN.name), datetime.now(UTC))
    agents = {name: uuid5(NAMESPACE_URL, name) for case in plan.cases for name, _ in plan.translation.agents(case)}
    for wanted in KILLED_AFTER:
        process = await start(database, logs, ITALIAN)
        while sum((await heads(pool)).values()) < wanted:
            assert process.returncode is None, "the run ended before it could be killed"
            await asyncio.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        await process.wait()
    broken_off = await everything(pool)
    lane = next(event.lane for event in broken_off if event.type == "ticket.submitted")
    whole = expected(plan, lane, agents)
    assert told(broken_off) < whole, "what a killed run leaves is part of what it was to write"
    streams = {event.stream for event in broken_off if event.type.startswith("ticket.")}
    assert told(broken_off) == {one for one in whole if one[0] in streams}, "no ticket stands there half"

    summary = await run(database, logs, ITALIAN)
    after = await everything(pool)
    assert told(after) == whole
    assert len([event for event in after if event.type.startswith("ticket.")]) == len(whole), "nothing is doubled"
    assert summary["tickets"] + summary["tickets_known"] == len(plan.cases)
    registered = [event.stream for event in after if event.type.endswith(".registered")]
    assert len(registered) == len(set(registered))
    assert sum(event.type == "agent.registered" for event in after) == len(agents)
