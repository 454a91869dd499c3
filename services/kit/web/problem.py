"""A refusal -> application/problem+json (RFC 9457), with a stable `code`, the `field` and the `remedy`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.kit.web.codes import code_of

MEDIA_TYPE = "application/problem+json"


class ProblemDetails(BaseModel):
    """The body of every answer that is not a success."""

    type: str = Field(description="/problems/<code>")
    title: str
    status: int
    code: str = Field(description="stable; programs decide by it")
    detail: str = Field(description="a sentence for a person; it may change")
    remedy: str
    field: str | None = Field(default=None, description="the field at fault, as in requester.email")
    errors: list[dict[str, str]] | None = Field(default=None, description="every field at fault: {field, code, detail}")


class Problem(Exception):
    """A refusal by name. The code is one of services/kit/web/codes.py and brings its status."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        field: str | None = None,
        remedy: str | None = None,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Mapping[str, str]] = (),
    ) -> None:
        super().__init__(f"{code}: {detail}")
        row = code_of(code)
        self.code = code
        self.detail = detail
        self.field = field
        self.status = status or row.status
        self.title = row.title
        self.remedy = remedy or row.remedy
        self.headers = dict(headers or {})
        self.errors = list(errors)
        if field is not None and not errors:
            self.errors = [{"field": field, "code": code, "detail": detail}]

    def response(self) -> Response:
        body: dict[str, Any] = {
            "type": f"/problems/{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "remedy": self.remedy,
        }
        if self.field is not None:
            body["field"] = self.field
        if self.errors:
            body["errors"] = self.errors
        return Response(orjson.dumps(body), self.status, self.headers, MEDIA_TYPE)
