"""Intake, reporting and desk on one port: each request finds its app."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI

from services.one_port import OnePort


def an_app(name: str, *routes: tuple[str, str]) -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    for method, path in routes:
        app.add_api_route(path, lambda: name, methods=[method])
    return app


@pytest.fixture
def client() -> httpx.AsyncClient:
    intake = an_app("intake", ("POST", "/api/v1/tickets"), ("POST", "/api/v1/tickets/{id}/replies"))
    reporting = an_app("reporting", ("GET", "/api/v1/tickets"), ("GET", "/api/v1/queue"), ("GET", "/api/v1/ready"))
    desk = an_app("desk", ("GET", "/inbox"))
    return httpx.AsyncClient(transport=httpx.ASGITransport(OnePort([intake, reporting], desk)), base_url="http://desk")


async def test_the_same_path_is_answered_by_the_app_that_has_the_method(client: httpx.AsyncClient) -> None:
    assert (await client.post("/api/v1/tickets")).json() == "intake"
    assert (await client.get("/api/v1/tickets")).json() == "reporting"


async def test_load_balancers_find_at_the_root_what_the_api_tells(client: httpx.AsyncClient) -> None:
    assert (await client.get("/ready")).json() == (await client.get("/api/v1/ready")).json() == "reporting"


async def test_pages_are_the_desks(client: httpx.AsyncClient) -> None:
    assert (await client.get("/inbox")).json() == "desk"
    assert (await client.get("/nowhere")).status_code == 404


async def test_a_method_that_no_app_has_is_refused_by_the_app_that_knows_the_path(client: httpx.AsyncClient) -> None:
    assert (await client.delete("/api/v1/queue")).status_code == 405


async def test_an_api_path_that_nobody_knows_is_refused_as_unknown(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/nothing")).status_code == 404
