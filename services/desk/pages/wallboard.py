"""Five figures, readable across a room, pushed as they change."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.desk.pages.manage import figures
from services.desk.shapes import Dashboard
from services.desk.visit import Desk, is_htmx


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    @router.get("/wallboard")
    async def wallboard(request: Request) -> Response:
        visit = await desk.visit(request)
        board = await visit.api.get("/dashboard", Dashboard)
        template = "parts/wall_figures.html" if is_htmx(request) else "wallboard.html"
        return desk.pages.page(template, visit.reader, **figures(board))

    return router
