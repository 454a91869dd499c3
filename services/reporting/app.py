"""Settings enter; the query API leaves (mounted in the process `web`), or the process `reporting` keeps the views."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, cast

import uvloop
from nats.errors import Error as NatsError
from uuid_utils.compat import uuid7

from services.kit.access import Gate
from services.kit.bus import connect, run_consumer
from services.kit.bus.late import LateBus, late_bus
from services.kit.client_terms import ClientTerms
from services.kit.clock import Clock, clock_for
from services.kit.log.growth import Growth
from services.kit.metrics import Metrics
from services.kit.postgres import connect_pool
from services.kit.ready import announce_ready
from services.kit.telemetry import describe as describe_error
from services.kit.telemetry import log_message, setup_logging, setup_tracing
from services.kit.web.api import new_api
from services.kit.web.query import open_short_ways
from services.reporting.clock_routes import add_clock_routes
from services.reporting.consumer import View, Views
from services.reporting.directory_routes import add_directory_routes
from services.reporting.directory_view import DirectoryView
from services.reporting.edge import Edge, Following
from services.reporting.event_routes import add_event_routes
from services.reporting.feed import Feed, poke
from services.reporting.health_routes import Told, add_health_routes
from services.reporting.incidents_routes import add_incident_routes
from services.reporting.incidents_view import IncidentsView
from services.reporting.keys import reading_vault
from services.reporting.narrow import Narrow
from services.reporting.question_routes import add_question_routes
from services.reporting.queue_routes import add_queue_routes
from services.reporting.queue_view import QueueView
from services.reporting.readers import Readers
from services.reporting.routes_routes import add_routes_routes
from services.reporting.search_view import SearchView
from services.reporting.similar_routes import add_similar_routes
from services.reporting.sla.again import Again
from services.reporting.sla.recount import Recount
from services.reporting.sla.routes import add_sla_routes
from services.reporting.sla.tales import Tales
from services.reporting.sla.view import SlaView
from services.reporting.status_routes import add_status_routes
from services.reporting.stream_routes import add_stream_routes
from services.reporting.subscriber_routes import add_subscriber_routes
from services.reporting.terms_routes import add_terms_routes
from services.reporting.ticket_routes import add_ticket_routes
from services.reporting.whatif.jobs import Jobs
from services.reporting.whatif.routes import add_whatif_routes

if TYPE_CHECKING:
    from fastapi import FastAPI

    from services.kit.settings import Settings

LOG = logging.getLogger("daybook.reporting")
TITLE = "Daybook reporting"
SCHEMAS = "reporting_queue, reporting_search, reporting_directory, reporting_sla, reporting_incidents, reporting"
"""Where unqualified names of tables are found: always the versions that are read, whatever is being rebuilt."""

READERS = 10  # connections of the API
READING = {
    "search_path": SCHEMAS,
    "plan_cache_mode": "force_custom_plan",  # which plan is good depends on the filters
    "max_parallel_workers_per_gather": "0",  # one reader must not take the cores of all
}
READ_SECONDS = 5.0  # a query of a screen that takes longer is given up
KEY_READERS = 4  # connections for persons' keys
KEY_SECONDS = 30.0  # their table is written anew at night (services/erasing/compact.py): who needs a key waits for it
LISTEN_SECONDS = 5.0  # between attempts to listen: without pokes, signals come a second later
WRITERS = 4  # connections of the consumer: its transaction, its looks, keys
WRITING = {"search_path": SCHEMAS, "synchronous_commit": "off"}
"""The consumer waits for no disk: it writes views and its cursor, in one transaction, and nothing else. What a crash of
the server takes of the last half second goes together, and is digested from the log again, which loses nothing."""


@asynccontextmanager
async def open_app(
    settings: Settings, *, clock: Clock | None = None, metrics: Metrics | None = None, told: Told | None = None
) -> AsyncIterator[FastAPI]:
    """The API on a pool of its own, for as long as the context lasts. It serves without the bus: signals come later.

    `told` gives the metrics of all processes, where somebody gathers them."""
    pool = await connect_pool(
        settings,
        "reporting",
        size=READERS,
        program="daybook-reporting-api",
        statement_seconds=READ_SECONDS,
        server_settings=READING,
    )
    narrow = await connect_pool(
        settings, "reader", size=READERS, program="daybook-reporting-reader", statement_seconds=READ_SECONDS,
        server_settings=READING,
    )  # fmt: skip
    keys = await connect_pool(
        settings, "reporting", size=KEY_READERS, program="daybook-reporting-keys", statement_seconds=KEY_SECONDS
    )
    some, vault = Narrow(narrow), reading_vault(keys, settings)
    feed = Feed(pool, some)
    terms = ClientTerms(pool, monotonic)
    edge = Edge(pool, vault, clock or clock_for(settings), feed, settings.session_secret_bytes, some, terms)
    following, jobs = Following(Growth(pool), Readers(_now)), Jobs(pool, settings, uuid7)
    tasks = [
        asyncio.create_task(feed.run(), name="feed"),
        asyncio.create_task(following.growth.run(), name="growth"),
        asyncio.create_task(jobs.run(), name="whatif-beat"),
        asyncio.create_task(_listen(settings, feed, following.growth), name="feed-bus"),
    ]
    try:
        gate = Gate(pool, now=_now, monotonic=monotonic)
        yield build(edge, gate, following, jobs, metrics=metrics, told=told)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, jobs.close(), return_exceptions=True)
        await asyncio.gather(pool.close(), narrow.close(), keys.close())


def build(
    edge: Edge,
    gate: Gate,
    following: Following,
    jobs: Jobs,
    *,
    metrics: Metrics | None = None,
    told: Told | None = None,
) -> FastAPI:
    """The app with every route of reporting."""
    app = new_api(TITLE, gate=gate, metrics=metrics)
    app.state.following = following
    add_ticket_routes(app, edge)
    add_clock_routes(app, edge)
    add_similar_routes(app, edge)
    add_question_routes(app, edge)
    add_queue_routes(app, edge)
    add_sla_routes(app, edge)
    add_directory_routes(app, edge)
    add_terms_routes(app, edge)
    add_routes_routes(app, edge)
    add_incident_routes(app, edge)
    add_status_routes(app, edge, monotonic)
    add_whatif_routes(app, edge, jobs)
    add_stream_routes(app, edge)
    add_event_routes(app, edge, following)
    add_subscriber_routes(app, edge, following)
    add_health_routes(app, edge, told or _of_this_process(metrics))
    open_short_ways(app)
    return app


def _of_this_process(metrics: Metrics | None) -> Told:
    async def told() -> bytes:
        return metrics.render() if metrics else b""

    return told


def describe() -> FastAPI:
    """The app without a database, to be asked for its OpenAPI document and nothing else."""
    return build(cast(Edge, None), cast(Gate, None), cast(Following, None), cast(Jobs, None))


def _now() -> datetime:
    """Real time: tokens never live by the log's clock."""
    return datetime.now(UTC)


async def _listen(settings: Settings, feed: Feed, growth: Growth) -> None:
    """Subscribes to the consumer's and the writers' pokes, once there is a bus that lets us in."""
    while True:
        try:
            client = await connect(settings, "reporting-feed")
        except (NatsError, OSError) as error:
            log_message(LOG, "bus_away", logging.WARNING, error=describe_error(error))
            await asyncio.sleep(LISTEN_SECONDS)
            continue
        try:
            await feed.listen(client)
            await growth.listen(client)
            await asyncio.Event().wait()
        finally:
            await client.close()


def main(settings: Settings) -> None:
    """Keeps the views until the process is told to stop."""
    setup_logging(settings, "reporting")
    setup_tracing(settings, "reporting")
    uvloop.run(run(settings))


async def run(settings: Settings) -> None:
    """Keeps the views until cancelled."""
    pool = await connect_pool(settings, "reporting", size=WRITERS, program="daybook-reporting", server_settings=WRITING)
    try:
        async with late_bus(settings, "reporting-poke") as bus:
            tales, search = Tales(), SearchView(reading_vault(pool, settings))
            kept: list[View] = [DirectoryView(), QueueView(tales), SlaView(tales), search, IncidentsView()]
            views = Views(kept, committed=_poker(bus))
            consumer = run_consumer(
                settings, views, pool, clock_for(settings), metrics=Metrics("reporting"), started=announce_ready
            )  # fmt: skip
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(Again(pool).run())
                tasks.create_task(Recount(pool).run())
                tasks.create_task(consumer)
    finally:
        await pool.close()


def _poker(bus: LateBus) -> Callable[[Collection[int]], None]:
    """Tells the API's processes that the views have grown. A poke that is lost costs a second."""
    under_way: set[asyncio.Task[None]] = set()

    def committed(lanes: Collection[int]) -> None:
        client = bus.client
        if client is not None and client.is_connected:
            task = asyncio.create_task(client.publish(poke(min(lanes))), name="poke-feed")
            under_way.add(task)
            task.add_done_callback(under_way.discard)

    return committed
