"""An app -> its OpenAPI 3.1 document: bearer tokens, problems for every refusal, who may call each route."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from services.kit.access.roles import rule_of
from services.kit.web.problem import MEDIA_TYPE, ProblemDetails

if TYPE_CHECKING:
    from fastapi import FastAPI


def describe(app: FastAPI) -> dict[str, Any]:
    """The document of one app. Deterministic, so that it can be committed and diffed."""
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    components = document.setdefault("components", {})
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    schemas = components.setdefault("schemas", {})
    schemas["ProblemDetails"] = TypeAdapter(ProblemDetails).json_schema(ref_template="#/components/schemas/{model}")
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _guard(operation, method.upper(), path)
    return document


def _guard(operation: dict[str, Any], method: str, path: str) -> None:
    rule = rule_of(method, path)
    operation["security"] = [] if rule is None else [{"token": []}]
    if rule is not None:
        operation["x-roles"] = sorted(role.value for role in rule)
    operation["responses"].pop("422", None)
    operation["responses"]["default"] = {
        "description": "A problem; its `code` says which",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
    }
