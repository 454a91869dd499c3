"""An app laid bare answers as it did: the way past the router leads to the same routes."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute

from services.kit.web.bare import answering, fixed_paths, lay_bare

ROUTES = (
    ("GET", "/api/v1/tickets"),
    ("POST", "/api/v1/tickets"),
    ("GET", "/api/v1/tickets/{name}"),
    ("GET", "/api/v1/tickets/similar"),  # behind a route that takes it
    ("POST", "/api/v1/tickets/similar"),
    ("GET", "/api/v1/a b"),
)


def an_app() -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    for method, path in ROUTES:

        async def tell(request: Request, told: str = f"{method} {path}") -> Response:
            return Response(f"{told} {sorted(request.path_params.items())} {request.url.query}")

        app.add_api_route(path, tell, methods=[method])
        route = app.routes[-1]
        assert isinstance(route, APIRoute)
        route.app = answering(tell)  # as the routes of our apps: without the framework's exit stacks
    return app


def test_only_what_no_earlier_route_takes_goes_past_the_router() -> None:
    assert set(fixed_paths(an_app())) == {
        ("GET", "/api/v1/tickets"),
        ("POST", "/api/v1/tickets"),
        ("POST", "/api/v1/tickets/similar"),
        ("GET", "/api/v1/a b"),
    }


@pytest.mark.parametrize("path", [
    "/api/v1/tickets", "/api/v1/tickets/", "/api/v1//tickets", "/api/v1/tickets?told=x", "/api/v1/tickets/similar",
    "/api/v1/tickets%2Fsimilar", "/api/v1/%74ickets", "/api/v1/x/../tickets", "/api/v1/a%20b", "/api/v1/tickets;x", "/",
])  # fmt: skip
async def test_every_method_on_every_spelling_of_a_path_is_answered_as_before(path: str) -> None:
    plain, bare = an_app(), an_app()
    lay_bare(bare)
    for method in ("GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE"):
        answers = []
        for app in (plain, bare):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://desk") as client:
                answers.append(await client.request(method, path))
        before, after = answers
        assert after.status_code == before.status_code, method
        assert after.headers.get("allow") == before.headers.get("allow"), method
        if before.is_success:
            assert after.text == before.text, method
