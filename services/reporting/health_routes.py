"""GET /health, /ready and /metrics of the API's process. I/O; no answer holds anything of a client."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
from fastapi import FastAPI, Response

from services.kit.metrics import CONTENT_TYPE
from services.kit.postgres import queries
from services.reporting.opened import json

if TYPE_CHECKING:
    from services.kit.metrics import Metrics
    from services.reporting.edge import Edge

SQL = queries("services/reporting/sql/progress.sql")

PATIENCE_SECONDS = 2.0  # whoever asks for health asks again soon
AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


def add_health_routes(app: FastAPI, edge: Edge, metrics: Metrics | None) -> None:
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
    async def counts() -> Response:
        """Counts and durations of this process, as Prometheus reads them."""
        return Response(metrics.render() if metrics else b"", media_type=CONTENT_TYPE)
