"""GET /metrics tells of every process, though only one has a port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.embedded.place import Place
from services.kit.bus.census import Census, merged, open_census
from services.kit.metrics import Metrics
from services.kit.settings import Settings
from tests.conftest import PoolOf
from tests.integration.bus_tools import (
    SEEN,
    Bus,
    Ledger,
    append_tickets,
    consume,
    eventually,
    own_bus,
    relay,
    running,
)
from tests.integration.relay_tools import published


@pytest.fixture
async def own(database: Settings, place: Place, tmp_path: Path, pool_of: PoolOf) -> AsyncIterator[Bus]:
    await (await pool_of("owner")).execute(SEEN)
    async with own_bus(database, place, tmp_path) as bus:
        yield bus


async def test_relay_and_consumers_answer_with_what_they_counted(own: Bus, pool_of: PoolOf) -> None:
    pool = await pool_of("triage")
    await append_tickets(await pool_of("intake"), 10)
    metrics = Metrics("web")
    metrics.request("GET", "/queue", 200, 0.01)

    async with open_census(own.settings, metrics) as census, running(relay(own.settings, await pool_of("relay"))):
        # A lane is filled from the lowest cursor on: a consumer that reads the log first leaves nothing to publish.
        await eventually(lambda: published(own.settings, pool))
        async with running(consume(own.settings, Ledger("counted"), pool)):
            await eventually(lambda: all_told(census))
            assert [family.name for family in text_string_to_metric_families((await census.render()).decode())]


WANTED = (
    'daybook_http_requests_total{method="GET",route="/queue",service="web",status="200"} 1.0',
    'daybook_events_total{event="submitted",family="ticket",outcome="published",service="relay"} 10.0',
    'daybook_events_total{event="submitted",family="ticket",outcome="digested",service="counted"} 10.0',
)


async def all_told(census: Census) -> bool:
    text = (await census.render()).decode()
    return all(line in text for line in WANTED)


async def test_without_a_bus_a_process_tells_its_own() -> None:
    metrics = Metrics("web")
    metrics.event("ticket.submitted", "appended")
    assert b'service="web"' in await Census(metrics).render()


def test_two_processes_of_one_service_count_together() -> None:
    one, other = Metrics("triage"), Metrics("triage")
    one.event("ticket.submitted", "digested", 2)
    other.event("ticket.submitted", "digested", 3)
    one.behind({"triage": {4: 7}})
    other.behind({"triage": {4: 2}})
    text = merged([one.render().decode(), other.render().decode()]).decode()
    assert 'daybook_events_total{event="submitted",family="ticket",outcome="digested",service="triage"} 5.0' in text
    assert 'daybook_consumer_behind{consumer="triage",lane="4"} 7.0' in text
    assert text.count("# TYPE daybook_events_total counter") == 1
