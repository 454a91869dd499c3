"""What reading the log for a subscriber costs: a large ticket and a long backlog are looked at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from contracts.envelope import Origin
from contracts.subjects import lane_of_client
from services.kit.log import select
from services.kit.log.select import LOOK_MAX, SQL, Source, Wanted, select_events
from services.kit.settings import Settings
from tests.conftest import PoolOf
from tests.integration.webhook_desk import WebhookDesk, webhook_desk

NOTES = 120
BYTES = 2_000_000
LAST = "SELECT max(sequence) FROM log.events WHERE client = $1"


@pytest.fixture
async def desk(database: Settings, pool_of: PoolOf) -> AsyncIterator[WebhookDesk]:
    async with webhook_desk(database, pool_of) as opened:
        yield opened


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many events each query was to look at."""
    asked: list[int] = []
    real = select._looked

    async def looked(reader: Any, sources: Any, wanted: Any, look: int, *given: Any) -> Any:
        asked.append(look)
        return await real(reader, sources, wanted, look, *given)

    monkeypatch.setattr(select, "_looked", looked)
    return asked


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


async def test_a_large_ticket_is_opened_once_for_its_category_not_once_an_event(desk: WebhookDesk) -> None:
    client = await desk.client()
    await desk.ticket(client, notes=NOTES, category="network", body="x" * 200_000)
    source = Source(lane_of_client(client), client, 0)
    wanted = Wanted(categories=("network",))
    (found,) = await select_events(desk.owner, [source], wanted, limit=1_000, bytes_max=BYTES)
    assert len(found.events) == NOTES + 2

    (plan,) = await desk.owner.fetchval(
        "EXPLAIN (ANALYZE, FORMAT JSON) " + SQL["select"], [source.lane], [client], [0], LOOK_MAX, 1_000, BYTES,
        None, None, ["network"],
    )  # fmt: skip
    (bodies,) = [node for node in nodes(plan["Plan"]) if node.get("Alias") == "b"]
    assert bodies["Actual Loops"] == 3, "once a stream: the client's, the requester's and the ticket's"


async def test_of_a_backlog_no_more_is_looked_at_than_is_handed_on(desk: WebhookDesk, looks: list[int]) -> None:
    client = await desk.client()
    await desk.ticket(client, notes=10)
    source = Source(lane_of_client(client), client, 0)
    (found,) = await select_events(desk.owner, [source], Wanted(), limit=4, bytes_max=BYTES)
    assert ([event.sequence for event in found.events], found.upto, found.more) == ([1, 2, 3, 4], 4, True)
    (rest,) = await select_events(desk.owner, [source._replace(after=10)], Wanted(), limit=40, bytes_max=BYTES)
    assert (rest.upto, rest.more) == (await desk.owner.fetchval(LAST, client), False)
    assert looks == [5, 41]


async def test_what_fits_nothing_is_passed_over_in_a_long_look(desk: WebhookDesk, looks: list[int]) -> None:
    client = await desk.client()
    for _ in range(15):
        await desk.ticket(client, origin=Origin.IMPORT)
    await desk.ticket(client)
    source = Source(lane_of_client(client), client, 2)
    wanted = Wanted(origins=(Origin.LIVE.value,))
    (found,) = await select_events(desk.owner, [source], wanted, limit=2, bytes_max=BYTES)
    assert [event.type for event in found.events] == ["ticket.submitted", "ticket.checkpoint_promised"]
    assert looks == [8, LOOK_MAX]
