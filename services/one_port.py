"""Several ASGI apps enter, one that answers on one port leaves.

The embedded desk runs intake, reporting and desk in one process; in production an ingress does the same by path. Below
/api/ the first app that has a route for the method and path answers; so it does for what load balancers, Kubernetes and
Prometheus look for at the root; everything else is the pages'.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

API = "/api/"
AT_THE_ROOT = {path: f"/api/v1{path}" for path in ("/health", "/ready", "/metrics")}


class OnePort:
    """Hands each request to the app that has a route for it. Refusals (404, 405) stay the apps' own."""

    def __init__(self, apis: Sequence[FastAPI], pages: FastAPI) -> None:
        self._apis, self._pages = apis, pages
        self._fixed: dict[tuple[str, str], FastAPI] = {}
        """Which app answers a method on a path without parameters, as far as it was asked: there are not many."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise ValueError(f"nothing here speaks {scope['type']}")
        if scope["path"] in AT_THE_ROOT:
            scope = {**scope, "path": AT_THE_ROOT[scope["path"]]}
        app = self._api_for(scope) if scope["path"].startswith(API) else self._pages
        await app(scope, receive, send)

    def _api_for(self, scope: Scope) -> FastAPI:
        """The app with this route; else one that knows the path but not the method; else the first, to say 404."""
        asked = scope["method"], scope["path"]
        if asked in self._fixed:
            return self._fixed[asked]
        knows_path: FastAPI | None = None
        for app in self._apis:
            for route in app.routes:
                match, _ = route.matches(scope)
                if match is Match.FULL:
                    if getattr(route, "path", None) == scope["path"]:
                        self._fixed[asked] = app
                    return app
                if match is Match.PARTIAL:
                    knows_path = knows_path or app
        return knows_path or self._apis[0]
