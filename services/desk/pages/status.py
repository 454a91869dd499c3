"""The public status page: what somebody published of incidents enters, a page for everybody leaves, without a login.

Everything on it comes from GET /api/v1/status, which knows no client and no ticket; the page adds nothing to it. All
who look within a moment are shown one answer, so that a crowd in an outage asks the API once.
"""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.desk.api import Api
from services.desk.public_status import PublicStatus
from services.desk.visit import Desk
from services.kit.web.public import Kept

KEPT_SECONDS = 2.0


def routes(desk: Desk, monotonic: Callable[[], float]) -> APIRouter:
    router = APIRouter()
    kept = Kept(lambda: Api(desk.http).get("/status", PublicStatus), monotonic, KEPT_SECONDS)

    @router.get("/status")
    async def status(request: Request) -> Response:
        """What goes on, and what was resolved in the last 14 days."""
        return desk.pages.page("status.html", desk.stranger(request).reader, told=await kept.get())

    return router
