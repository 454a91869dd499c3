"""The process `web`: settings enter, intake, reporting, webhooks and desk answer on one port until told to stop.

Desk speaks to the other two by their public API, here without a socket between.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from socket import socket
from typing import TYPE_CHECKING

import httpx
import uvicorn
import uvloop
from fastapi import FastAPI

from services.desk import app as desk_app
from services.desk.asgi import InProcess
from services.intake import app as intake_app
from services.kit.bus.census import open_census
from services.kit.clock import clock_for
from services.kit.metrics import Metrics
from services.kit.postgres import connect_pool
from services.kit.ready import announce_ready
from services.kit.telemetry import setup_logging, setup_tracing
from services.kit.web.crowd import Crowd, connections_max
from services.notification import hook_api
from services.one_port import OnePort
from services.reporting import app as reporting_app

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from services.kit.settings import Settings

DESK_POOL = 4  # sessions and drafts; everything else comes from the API
GOODBYE_SECONDS = 3  # a live screen's stream never ends by itself
KEEP_ALIVE_SECONDS = 65  # longer than the idle time-out of common load balancers


def main(settings: Settings) -> None:
    """Serves until the process is told to stop."""
    setup_logging(settings, "web")
    setup_tracing(settings, "web")
    uvloop.run(run(settings))


async def run(settings: Settings) -> None:
    """Opens the apps on pools of their own, serves, and closes them in reverse."""
    metrics = Metrics("web")
    clock = clock_for(settings)
    async with AsyncExitStack() as opened:
        census = await opened.enter_async_context(open_census(settings, metrics))
        reporting = reporting_app.open_app(settings, clock=clock, metrics=metrics, told=census.render)
        apis: list[FastAPI] = [
            await opened.enter_async_context(intake_app.open_app(settings, clock=clock, metrics=metrics)),
            await opened.enter_async_context(reporting),
            await opened.enter_async_context(hook_api.open_app(settings, metrics=metrics)),
        ]
        pool = await connect_pool(settings, "desk", size=DESK_POOL, program="daybook-desk")
        opened.push_async_callback(pool.close)
        transport = InProcess(OnePort(apis, pages=apis[0]))
        http = await opened.enter_async_context(httpx.AsyncClient(transport=transport, base_url=settings.address))
        pages = desk_app.build(settings, http, pool, clock.now)
        await _Server(_options(Crowd(OnePort(apis, pages)), settings)).serve()


def _options(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http="httptools",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GOODBYE_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        limit_concurrency=connections_max(),
    )


class _Server(uvicorn.Server):
    """Says that it is ready once its port is bound."""

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            announce_ready()
