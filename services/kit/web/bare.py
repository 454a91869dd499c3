"""A FastAPI app whose routes answer for themselves -> the same app without the layers around them.

Five middlewares and three exit stacks of the framework serve dependencies with `yield`, background tasks and exception
handlers. Where every route turns its own exceptions into problems and has none of these, they cost a tenth of a
request and do nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from services.kit.web.handlers import problem_for

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import ASGIApp, Receive, Scope, Send


def lay_bare(app: FastAPI) -> None:
    """Requests go straight to the router, and those for a path without parameters past it: it tries one route after the
    other. What it finds nowhere is a problem too. Call it once all routes are there."""
    fixed = fixed_paths(app)

    async def stack(scope: Scope, receive: Receive, send: Send) -> None:
        route = fixed.get((scope.get("method", ""), scope.get("path", "")))
        try:
            if route is None:
                await app.router(scope, receive, send)
            else:
                scope["path_params"], scope["route"], scope["endpoint"] = {}, route, route.endpoint
                await route.app(scope, receive, send)
        except HTTPException as error:
            await problem_for(error).response()(scope, receive, send)

    app.middleware_stack = stack


def fixed_paths(app: FastAPI) -> dict[tuple[str, str], APIRoute]:
    """(method, path) of every route whose path has no parameter -> the route, unless an earlier one takes it. Pure."""
    found: dict[tuple[str, str], APIRoute] = {}
    before: list[APIRoute] = []
    for route in app.routes:
        if not isinstance(route, APIRoute):
            return found  # nobody knows what it takes
        for method in (route.methods or ()) if "{" not in route.path else ():
            if not any(method in (other.methods or ()) and other.path_regex.match(route.path) for other in before):
                found[method, route.path] = route
        before.append(route)
    return found


def answering(handle: Callable[[Request], Awaitable[Response]]) -> ASGIApp:
    """A handler as an ASGI app of its own."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        response = await handle(Request(scope, receive, send))
        await response(scope, receive, send)

    return answer
