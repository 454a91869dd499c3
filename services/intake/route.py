"""A request for a change -> its command, validated by pydantic-core from the bytes; its answer as JSON bytes.

FastAPI's own way (parse to dicts, solve dependencies, validate again, encode by hand) costs as much as the rest of a
ticket; its signatures stay what OpenAPI is made of. A handler is `async def f(call, command, **path) -> Answered`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from fastapi import Request, Response
from pydantic import BaseModel, ValidationError

from services.intake.call import read_call
from services.kit.web.api import WITHOUT_BODY, Answering, GuardedRoute
from services.kit.web.bare import answering
from services.kit.web.handlers import problem_of
from services.kit.web.limits import ATTACHMENTS_BODY_BYTES_MAX, BODY_BYTES_MAX, read_body, too_large
from services.kit.web.patience import patiently
from services.kit.web.problem import Problem

NUL = re.compile(rb"\x00|(?<!\\)(?:\\\\)*\\u0000")  # an escaped backslash before u0000 is not one


@dataclass(frozen=True, slots=True)
class Answered:
    """A success. `replayed` where the same command had been answered before."""

    body: BaseModel | None
    status: int
    replayed: bool = False

    def response(self) -> Response:
        headers = {"idempotency-replayed": "true"} if self.replayed else None
        content = b"" if self.body is None else self.body.__pydantic_serializer__.to_json(self.body)
        media_type = None if self.body is None else "application/json"
        return Response(content, self.status, headers, media_type)


class CommandRoute(GuardedRoute):
    """A guarded route that takes a command. It has no use for the framework's exit stacks."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.app = answering(self.get_route_handler())

    def answering(self) -> Answering:
        endpoint = self.endpoint
        model = cast(type[BaseModel], self.body_field.field_info.annotation) if self.body_field else None
        with_files = model is not None and "attachments" in model.model_fields
        bytes_max = ATTACHMENTS_BODY_BYTES_MAX if with_files else BODY_BYTES_MAX

        async def answer(request: Request) -> Response:
            scope = request.scope
            given: dict[str, Any] = scope["path_params"]
            body = b""
            if model is not None and scope["method"] not in WITHOUT_BODY:
                body = await read_body(scope["headers"], request.receive, bytes_max=bytes_max)
                given = {**given, "command": parse(model, body)}
            call = read_call(request, body)
            answered: Answered = await patiently(lambda: endpoint(call=call, **given))
            return answered.response()

        return answer


def parse(model: type[BaseModel], body: bytes) -> BaseModel:
    """The command in a body. Raises Problem: `not_utf8`, `nul_byte`, `invalid_json`, or the first field at fault."""
    if len(body) > BODY_BYTES_MAX and b'"attachments"' not in body:
        raise too_large(BODY_BYTES_MAX)
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise Problem("not_utf8", f"byte {error.start} of the body is not UTF-8") from None
    if (b"\x00" in body or b"\\u0000" in body) and NUL.search(body) is not None:
        raise Problem("nul_byte", "the body holds a NUL byte, raw or as \\u0000")
    try:
        command: BaseModel = model.__pydantic_validator__.validate_json(body)
    except ValidationError as error:
        raise problem_of(error.errors(include_url=False, include_input=False)) from None
    return command
