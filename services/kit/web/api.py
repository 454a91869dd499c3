"""A title and a gate -> the FastAPI app of one service under /api/v1. A row in access/roles guards each route.

Use `app = new_api("Daybook reporting", gate=gate)` and `@app.get("/queue")`: paths stand below /api/v1, so an app may
be mounted at the root as it is. A route without a row in RULES raises NoRule when it is added.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute

from services.kit.access.gate import SCOPE_KEY
from services.kit.access.roles import rule_of
from services.kit.web.handlers import add_handlers
from services.kit.web.limits import BODY_BYTES_MAX, read_body

if TYPE_CHECKING:
    from services.kit.access.gate import Gate

API = "/api/v1"
WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})


class GuardedRoute(APIRoute):
    """A route that asks the gate before it reads the body, and reads the body within limits."""

    bytes_max = BODY_BYTES_MAX

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()
        rules = {method: rule_of(method, self.path) for method in self.methods or () if method != "HEAD"}
        bytes_max = self.bytes_max

        async def handle(request: Request) -> Response:
            scope = request.scope
            method = "GET" if scope["method"] == "HEAD" else scope["method"]
            gate: Gate = scope["app"].state.gate
            authorization = next((value for name, value in scope["headers"] if name == b"authorization"), None)
            scope[SCOPE_KEY] = await gate.admit(authorization, rules[method])
            if method not in WITHOUT_BODY:
                request._body = await read_body(scope["headers"], request.receive, bytes_max=bytes_max)  # noqa: SLF001
            return await inner(request)

        return handle


def new_api(title: str, *, gate: Gate, version: str = "1") -> FastAPI:
    """An app whose routes are guarded, whose refusals are problem+json, and whose paths stand below /api/v1."""
    app = FastAPI(title=title, version=version, openapi_url=None, docs_url=None, redoc_url=None)
    app.state.gate = gate
    app.router.route_class = GuardedRoute
    app.router.prefix = API
    add_handlers(app)
    return app
