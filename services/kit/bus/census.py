"""One process asks, all that are on the bus answer with their metrics; one Prometheus text of all leaves. I/O.

Only the web process has a port to be scraped at. What is asked goes over plain NATS; who does not answer in time is
missing in this text, as a process that is down would be.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from nats.aio.client import Client
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from services.kit.bus.accounts import inbox_of
from services.kit.bus.away import AWAY
from services.kit.bus.connect import connect

if TYPE_CHECKING:
    from nats.aio.msg import Msg

    from services.kit.metrics import Metrics
    from services.kit.settings import Settings

QUESTION = "census.daybook"
ASKERS = (f"{inbox_of('reporting')}.", "_INBOX.")  # the second where DAYBOOK_NATS_URL brings one login for all
ANSWER_SECONDS = 0.2  # every process of a desk is near; a scrape must not wait for one that hangs


async def answer_census(client: Client, metrics: Metrics) -> None:
    """Has this process answer with its metrics for as long as the connection lasts.

    To an inbox only: a question names the subject of its answer, and the server lets one answer go anywhere.
    """

    async def answer(message: Msg) -> None:
        if message.reply.startswith(ASKERS):
            await client.publish(message.reply, metrics.render())

    await client.subscribe(QUESTION, cb=answer)


class Census:
    """Asks for everybody's metrics. Without a bus it tells its own."""

    def __init__(self, own: Metrics) -> None:
        self._own = own
        self._client: Client | None = None

    async def listen(self, settings: Settings) -> None:
        """Connects, and waits until cancelled."""
        client = await connect(settings, "reporting-census")
        self._client = client
        try:
            await asyncio.Event().wait()
        finally:
            self._client = None
            await client.close()

    async def render(self) -> bytes:
        """The Prometheus text of all processes."""
        texts = [self._own.render().decode()]
        if self._client is not None and self._client.is_connected:
            with suppress(*AWAY):
                texts += await self._ask(self._client)
        return merged(texts)

    async def _ask(self, client: Client) -> list[str]:
        inbox, answers = client.new_inbox(), []

        async def take(message: Msg) -> None:
            answers.append(message.data.decode())

        subscription = await client.subscribe(inbox, cb=take)
        await client.publish(QUESTION, reply=inbox)
        await asyncio.sleep(ANSWER_SECONDS)
        await subscription.unsubscribe()
        return answers


@asynccontextmanager
async def open_census(settings: Settings, own: Metrics) -> AsyncIterator[Census]:
    """A census that connects in the background."""
    census = Census(own)
    listening = asyncio.create_task(census.listen(settings), name="census")
    try:
        yield census
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError, *AWAY):
            await listening


def merged(texts: Iterable[str]) -> bytes:
    """Several Prometheus texts as one. Two processes of one service count together; of gauges the largest is told."""
    families: dict[str, Metric] = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
    for text in texts:
        for family in text_string_to_metric_families(text):
            known = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            found = values.setdefault(family.name, {})
            for sample in family.samples:
                if sample.name.endswith("_created"):
                    continue
                key = (sample.name, tuple(sorted(sample.labels.items())))
                before = found.get(key)
                if before is None:
                    found[key] = sample.value
                else:
                    found[key] = max(before, sample.value) if known.type == "gauge" else before + sample.value
    for name, found in values.items():
        for (sample_name, labels), value in found.items():
            families[name].add_sample(sample_name, dict(labels), value)
    registry = CollectorRegistry()
    registry.register(_Told(families.values()))
    return generate_latest(registry)


class _Told:
    """A collector of metrics that others have counted."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterator[Metric]:
        yield from self._families
