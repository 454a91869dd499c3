"""A title and a gate -> the FastAPI app of one service under /api/v1. A row in access/roles guards each route.

Use `app = new_api("Daybook reporting", gate=gate)` and `@app.get("/queue")`: paths stand below /api/v1, so an app may
be mounted at the root as it is. A route without a row in RULES raises NoRule when it is added.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine
from time import perf_counter
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute
from opentelemetry.trace import SpanKind

from services.kit.access.gate import SCOPE_KEY
from services.kit.access.roles import rule_of
from services.kit.telemetry import log_message, span
from services.kit.web.handlers import add_handlers, problem_for
from services.kit.web.limits import BODY_BYTES_MAX, read_body
from services.kit.web.openapi import describe
from services.kit.web.problem import Problem

if TYPE_CHECKING:
    from services.kit.access.gate import Gate
    from services.kit.metrics import Metrics

API = "/api/v1"
WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})
HEADERS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)
"""On every answer: personal data is not kept by a cache on the way, and no browser guesses what it might be."""
OK = 200
PUBLIC = frozenset({f"{API}/status"})
PUBLIC_SECONDS = 10  # how old a cached answer for everybody may be
KEPT = ((b"cache-control", f"public, max-age={PUBLIC_SECONDS}".encode()), *HEADERS[1:])
"""The same where the answer holds what somebody published, and is the same for whoever asks."""

Answering = Callable[[Request], Awaitable[Response]]

log = logging.getLogger("daybook.web")


class GuardedRoute(APIRoute):
    """Asks the gate before anything is read, turns every exception into a problem, counts and traces the request."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = self.answering()
        rules = {method: rule_of(method, self.path) for method in self.methods or () if method != "HEAD"}
        path = self.path

        async def handle(request: Request) -> Response:
            started = perf_counter()
            scope = request.scope
            state = scope["app"].state
            gate: Gate = state.gate
            method = "GET" if scope["method"] == "HEAD" else scope["method"]
            authorization = parent = None
            for name, value in scope["headers"]:
                if name == b"authorization":
                    authorization = value
                elif name == b"traceparent":
                    parent = value.decode("latin-1")
            with span(path, parent=parent, kind=SpanKind.SERVER):
                try:
                    scope[SCOPE_KEY] = await gate.admit(authorization, rules[method])
                    response = await answer(request)
                except Exception as error:  # noqa: BLE001  the last line before the caller: problem_for logs what it must
                    response = refuse(error, path)
            response.raw_headers.extend(KEPT if path in PUBLIC and response.status_code == OK else HEADERS)
            metrics: Metrics | None = state.metrics
            if metrics is not None:
                metrics.request(method, path, response.status_code, perf_counter() - started)
            return response

        return handle

    def answering(self) -> Answering:
        """How FastAPI answers; the body is read before, within limits."""
        inner = super().get_route_handler()

        async def answer(request: Request) -> Response:
            if request.scope["method"] not in WITHOUT_BODY:
                body = await read_body(request.scope["headers"], request.receive, bytes_max=BODY_BYTES_MAX)
                request._body = body  # noqa: SLF001  where Starlette looks for a body that was read
            return await inner(request)

        return answer


def refuse(error: Exception, path: str) -> Response:
    """The problem that an exception becomes, with one log line."""
    problem: Problem = problem_for(error)
    log_message(log, "refused", route=path, status=problem.status, problem=problem.code)
    return problem.response()


def new_api(title: str, *, gate: Gate | None, metrics: Metrics | None = None, version: str = "1") -> FastAPI:
    """An app whose routes are guarded, whose refusals are problem+json, and whose paths stand below /api/v1.

    Without a gate it only describes itself (OpenAPI).
    """
    app = FastAPI(
        title=title,
        version=version,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
        # Its own spans come beside ours, and its logs hold what was sent: a person's words.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.gate = gate
    app.state.metrics = metrics
    app.router.route_class = GuardedRoute
    app.router.prefix = API
    add_handlers(app)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    return app
