"""Settings enter; the API of webhooks leaves, mounted in the process `web` beside intake's and reporting's. I/O."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import TYPE_CHECKING, cast

from uuid_utils.compat import uuid7

from services.kit.access import Gate
from services.kit.keyring import keyring
from services.kit.postgres import connect_pool
from services.kit.web.api import new_api
from services.notification.hooks.address import networks
from services.notification.hooks.routes import add_webhook_routes
from services.notification.hooks.webhooks import Webhooks, real_now

if TYPE_CHECKING:
    from fastapi import FastAPI

    from services.kit.metrics import Metrics
    from services.kit.settings import Settings

TITLE = "Daybook webhooks"
POOL_SIZE = 4


@asynccontextmanager
async def open_app(settings: Settings, *, metrics: Metrics | None = None) -> AsyncIterator[FastAPI]:
    """The API on a pool of its own, for as long as the context lasts."""
    pool = await connect_pool(settings, "notification", size=POOL_SIZE, program="daybook-webhooks-api")
    hooks = Webhooks(
        pool, keyring(settings, monotonic), networks(settings.webhook_private), uuid7, os.urandom, real_now
    )
    try:
        yield build(hooks, Gate(pool, now=real_now, monotonic=monotonic), metrics=metrics)
    finally:
        await pool.close()


def build(hooks: Webhooks, gate: Gate, *, metrics: Metrics | None = None) -> FastAPI:
    """The app with every route of webhooks."""
    app = new_api(TITLE, gate=gate, metrics=metrics)
    add_webhook_routes(app, hooks)
    return app


def describe() -> FastAPI:
    """The app without a database, to be asked for its OpenAPI document and nothing else."""
    return build(cast(Webhooks, None), cast(Gate, None))
