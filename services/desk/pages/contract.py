"""/asyncapi: every event that can be subscribed to, for people; and the files that programs read. It asks nobody."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from services.desk.contract import CONTRACTS, read_contract
from services.desk.visit import Desk

YAML = "application/yaml"


def routes(desk: Desk) -> APIRouter:
    router = APIRouter()
    contract = read_contract()
    folder = CONTRACTS / "schemas"
    schemas = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.json")}

    @router.get("/asyncapi")
    async def asyncapi(request: Request) -> Response:
        visit = desk.stranger(request)
        return desk.keep(desk.pages.page("asyncapi.html", visit.reader, contract=contract), visit)

    @router.get("/asyncapi.yaml")
    async def asyncapi_file() -> Response:
        return FileResponse(CONTRACTS / "asyncapi.yaml", media_type=YAML)

    @router.get("/openapi.yaml")
    async def openapi_file() -> Response:
        return FileResponse(CONTRACTS / "openapi.yaml", media_type=YAML)

    @router.get("/schemas/{name:path}")
    async def schema(name: str) -> Response:
        """What `dataschema` of an event names."""
        if name not in schemas:
            raise HTTPException(404)
        return FileResponse(schemas[name], media_type="application/schema+json")

    return router
