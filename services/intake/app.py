"""Settings enter, intake's ASGI app leaves: everything that people and systems put in, below /api/v1.

It is mounted in the process `web`. Every collaborator is made here, once, and handed down.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, cast
from uuid import UUID

from uuid_utils.compat import uuid7

from contracts.catalogue import decode
from contracts.model import DESK
from contracts.people import ClockTicked
from contracts.subjects import lane_of_client
from services.intake.clients import Clients
from services.intake.clock_routes import add_clock_routes
from services.intake.config_routes import add_config_routes
from services.intake.desk_routes import CLOCK_STREAM, add_desk_routes
from services.intake.edge import Edge
from services.intake.incident_routes import add_incident_routes
from services.intake.people_routes import add_people_routes
from services.intake.requesters import Requesters
from services.intake.route import CommandRoute
from services.intake.similarity import add_similarity_routes
from services.intake.ticket_routes import add_ticket_routes
from services.kit.access import Gate
from services.kit.bus.late import late_bus
from services.kit.client_terms import ClientTerms
from services.kit.clock import Clock, clock_for
from services.kit.keyring import keyring
from services.kit.log.append import Appender
from services.kit.personal import Vault
from services.kit.postgres import Pool, connect_pool, queries
from services.kit.web.api import new_api
from services.kit.web.bare import lay_bare

if TYPE_CHECKING:
    from fastapi import FastAPI

    from services.kit.metrics import Metrics
    from services.kit.settings import Settings

SQL = queries("services/intake/sql/intake.sql")

POOL_SIZE = 10  # two for the appender's calls, the others for reads
TITLE = "Daybook intake"


@asynccontextmanager
async def open_app(
    settings: Settings, *, clock: Clock | None = None, metrics: Metrics | None = None
) -> AsyncIterator[FastAPI]:
    """The app on pools of its own, for as long as the context lasts. `clock` is the process's, where others share it.

    It serves without the bus: a poke that is not sent costs the relay one poll.
    """
    clock = clock or clock_for(settings)
    pool = await connect_pool(settings, "intake", size=POOL_SIZE, program="daybook-intake")
    try:
        async with late_bus(settings, "intake") as bus:
            await catch_up(pool, clock)
            appender = Appender(pool, bus.committed)
            yield build(
                assemble(settings, pool=pool, appender=appender, clock=clock, committed=bus.committed),
                Gate(pool, now=_now, monotonic=monotonic),
                metrics=metrics,
            )
            await appender.close()
    finally:
        await pool.close()


def assemble(
    settings: Settings,
    *,
    pool: Pool,
    appender: Appender,
    clock: Clock,
    committed: Callable[[Iterable[int]], None] = lambda lanes: None,
    new_id: Callable[[], UUID] = uuid7,
) -> Edge:
    """What intake's handlers work with."""
    ring = keyring(settings, monotonic)
    vault = Vault(pool, ring, new_id=new_id, random_bytes=os.urandom, monotonic=monotonic)
    return Edge(
        pool=pool,
        appender=appender,
        vault=vault,
        clients=Clients(pool, monotonic),
        requesters=Requesters(vault),
        terms=ClientTerms(pool, monotonic),
        clock=clock,
        log_clock=settings.clock == "log",
        new_id=new_id,
        address=settings.address,
        secret=settings.session_secret_bytes,
        committed=committed,
    )


def build(edge: Edge, gate: Gate, *, metrics: Metrics | None = None) -> FastAPI:
    """The app with every route of intake."""
    app = new_api(TITLE, gate=gate, metrics=metrics)
    app.router.route_class = CommandRoute
    add_ticket_routes(app, edge)
    add_clock_routes(app, edge)
    add_similarity_routes(app, edge)
    add_people_routes(app, edge)
    add_desk_routes(app, edge, gate, now=_now, monotonic=monotonic)
    add_config_routes(app, edge)
    add_incident_routes(app, edge)
    lay_bare(app)
    return app


def describe() -> FastAPI:
    """The app without a database, to be asked for its OpenAPI document and nothing else."""
    return build(cast(Edge, None), cast(Gate, None))


def _now() -> datetime:
    """Real time: tokens and sessions never live by the log's clock."""
    return datetime.now(UTC)


async def catch_up(pool: Pool, clock: Clock) -> None:
    """Tells a log clock how late it is; a real one does not listen."""
    row = await pool.fetchrow(SQL["last_tick"], lane_of_client(DESK), CLOCK_STREAM)
    if row is not None:
        tick = decode(ClockTicked.type, row["schema_version"], row["payload"])
        if isinstance(tick, ClockTicked):
            clock.advance(tick.now)
