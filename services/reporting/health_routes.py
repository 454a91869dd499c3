"""GET /health, /ready and /metrics: for load balancers, Kubernetes and Prometheus. I/O.

The first two tell strangers nothing but that. Metrics tell of everybody's volume, so they are for who operates the
desk: on its own machine, or with a token of somebody who sees all clients.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import asyncpg
from fastapi import FastAPI, Request, Response

from services.kit.access import Caller
from services.kit.access.roles import rule_of
from services.kit.metrics import CONTENT_TYPE
from services.kit.postgres import queries
from services.kit.web.nearby import asks_from_this_machine
from services.kit.web.problem import Problem
from services.reporting.opened import json

if TYPE_CHECKING:
    from services.kit.access import Principal
    from services.reporting.edge import Edge

SQL = queries("services/reporting/sql/progress.sql")

PATIENCE_SECONDS = 2.0  # whoever asks for health asks again soon
AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
OPERATORS = rule_of("GET", "/subscribers")
NOT_YOURS = "metrics tell of every client: they are told on the desk's own machine, and to tokens for all clients"
REMEDY = "Scrape it there, or with a token: daybook token create --role auditor."

Told = Callable[[], Awaitable[bytes]]
"""Gives the metrics as Prometheus reads them."""


def add_health_routes(app: FastAPI, edge: Edge, told: Told) -> None:
    @app.get("/health")
    async def health() -> Response:
        """This process answers. How far consumers are behind is told by GET /subscribers, to who may know."""
        return json({"status": "ok"})

    @app.get("/ready")
    async def ready() -> Response:
        """This process can do its work: the database answers, and the views are there."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await edge.pool.fetch(SQL["read"], "queue")
        except AWAY as error:
            return json({"status": "waiting", "for": "database", "error": type(error).__name__}, 503)
        return json({"status": "ok"})

    @app.get("/metrics")
    async def counts(request: Request, caller: Caller) -> Response:
        """Counts and durations of every process, as Prometheus reads them; asked for on the desk's own machine, or with
        a token for all clients."""
        if not asks_from_this_machine(request.scope) and not operates(caller):
            raise Problem("forbidden", NOT_YOURS, remedy=REMEDY)
        return Response(await told(), media_type=CONTENT_TYPE)


def operates(caller: Principal) -> bool:
    """Whether who calls may know how much there is of every client."""
    return OPERATORS is not None and caller.role in OPERATORS and caller.clients is None
