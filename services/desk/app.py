"""Settings, the API as an httpx client, a pool of role desk and the clock enter; the ASGI app of the web face leaves.

`http` speaks to intake and reporting: in production with their base URL, in one process with the transport InProcess
(services/desk/asgi.py), since httpx's own in-process transport cannot carry the live stream.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import datetime

import httpx
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.desk.guard import FORM_BYTES_MAX, SafeHeaders
from services.desk.pages import (
    actions,
    clocks,
    contract,
    erase,
    inbox,
    incidents,
    live,
    login,
    mailbox,
    manage,
    policies,
    portal,
    questions,
    replay,
    similar,
    sla,
    status,
    styleguide,
    subscribers,
    ticket,
    wallboard,
    webhooks,
)
from services.desk.refusals import register
from services.desk.render import STATIC, Pages, Static
from services.desk.sessions import Sessions
from services.desk.visit import Desk
from services.kit.postgres import Pool
from services.kit.settings import Settings
from services.kit.web.limits import Limited


def build(
    settings: Settings,
    http: httpx.AsyncClient,
    pool: Pool,
    clock: Callable[[], datetime],
    chance: Callable[[int], bytes] = secrets.token_bytes,
    monotonic: Callable[[], float] = time.monotonic,
) -> FastAPI:
    """The pages. Whoever calls this closes the client and the pool."""
    desk = Desk(
        http=http,
        sessions=Sessions(pool, chance),
        pages=Pages(),
        clock=clock,
        chance=chance,
        secure=settings.address.startswith("https://"),
        mailbox=settings.smtp_url is None,
    )
    app = FastAPI(
        title="Daybook desk",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # its logs hold what was typed into forms
    )
    _add_pages(app, desk, monotonic)

    @app.get("/")
    async def front(request: Request) -> Response:
        return RedirectResponse("/inbox", 303)

    app.mount("/static", Static(directory=STATIC), name="static")
    app.add_middleware(Limited, bytes_max=FORM_BYTES_MAX)
    app.add_middleware(SafeHeaders)
    register(app, desk)
    return app


def _add_pages(app: FastAPI, desk: Desk, monotonic: Callable[[], float]) -> None:
    front_desk = (login, inbox, ticket, similar, clocks, actions, erase, manage, policies, sla, wallboard, live, portal)
    outside = (questions, replay, incidents, webhooks, subscribers, contract, styleguide)
    for page in (*front_desk, *outside):
        app.include_router(page.routes(desk))
    app.include_router(status.routes(desk, monotonic))
    if desk.mailbox:
        app.include_router(mailbox.routes(desk))
