"""An app enters with /health, /ready and /metrics added to it: for load balancers, Kubernetes and Prometheus."""

from __future__ import annotations

import asyncio

import asyncpg
from fastapi import FastAPI, Response
from starlette.responses import JSONResponse

from services.kit.bus.census import Census
from services.kit.metrics import CONTENT_TYPE
from services.kit.postgres import Pool

PATIENCE_SECONDS = 2.0  # an orchestrator asks again soon


def add_operations(app: FastAPI, pool: Pool, census: Census) -> None:
    """Adds the three routes. Anybody may ask; no answer holds anything of a client."""

    @app.get("/health")
    async def health() -> Response:
        """This process answers."""
        return JSONResponse({"status": "ok"})

    @app.get("/ready")
    async def ready() -> Response:
        """This process can do its work: the database answers."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await pool.fetchval("SELECT 1")
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            return JSONResponse({"status": "waiting", "for": "database", "error": type(error).__name__}, 503)
        return JSONResponse({"status": "ok"})

    @app.get("/metrics")
    async def counts() -> Response:
        """Counts and durations of every process, as Prometheus reads them."""
        return Response(await census.render(), media_type=CONTENT_TYPE)
