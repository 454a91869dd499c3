"""A path and a token enter, the API's answer leaves: parsed, or as a problem in words. The only way to data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import httpx
import orjson
from pydantic import BaseModel, ValidationError

S = TypeVar("S", bound=BaseModel)
Params = Mapping[str, str | int | list[str] | None]

READ_SECONDS = 20.0
JSON = {"Content-Type": "application/json"}


class ApiProblem(Exception):
    """The API refused (RFC 9457): `code` is contract, `sentence` is for people, `fields` says which input is meant."""

    def __init__(
        self, status: int, code: str, sentence: str, fields: Mapping[str, str], paths: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.sentence = sentence
        self.fields = dict(fields)
        self.paths = dict(paths or {})
        """The same by the whole path of each input, where a form has several of one name."""


class ApiAway(Exception):
    """The API could not be reached, or answered with something that is not an answer."""


class Api:
    """The API in one person's name; without a token in nobody's."""

    def __init__(self, http: httpx.AsyncClient, token: str | None = None) -> None:
        self.http = http
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def get(self, path: str, shape: type[S], params: Params | None = None) -> S:
        """Reads one resource. Raises ApiProblem, ApiAway."""
        given = {name: value for name, value in (params or {}).items() if value not in (None, "", [])}
        return _parse(shape, await self._ask("GET", path, params=given))

    async def post(
        self, path: str, body: Mapping[str, Any], *, key: str | None = None, version: int | None = None
    ) -> dict[str, Any]:
        """Sends one command. `key` makes it safe to send again, `version` refuses it where the ticket has moved on."""
        extra = {"Idempotency-Key": key} if key else {}
        extra |= {"If-Match": str(version)} if version is not None else {}
        response = await self._ask("POST", path, content=orjson.dumps(body), extra=JSON | extra)
        answer = _json(response)
        return answer if isinstance(answer, dict) else {}

    async def post_for(self, path: str, shape: type[S], body: Mapping[str, Any]) -> S:
        return _parse(shape, await self._ask("POST", path, content=orjson.dumps(body), extra=JSON))

    async def put(self, path: str, body: Mapping[str, Any]) -> None:
        await self._ask("PUT", path, content=orjson.dumps(body), extra=JSON)

    async def delete(self, path: str) -> None:
        await self._ask("DELETE", path)

    async def _ask(self, method: str, path: str, extra: Mapping[str, str] | None = None, **how: Any) -> httpx.Response:
        headers = self.headers | dict(extra or {})
        try:
            response = await self.http.request(method, f"/api/v1{path}", headers=headers, timeout=READ_SECONDS, **how)
        except httpx.TransportError as error:
            raise ApiAway(f"{method} {path}: {type(error).__name__}") from error
        if response.is_error:
            raise problem_of(response.status_code, _json(response))
        return response


def problem_of(status: int, body: object) -> ApiProblem | ApiAway:
    """The refusal in an answer's body; ApiAway where the other side is at fault."""
    if status >= 500:
        return ApiAway(f"answered {status}")
    told = body if isinstance(body, dict) else {}
    sentence = as_sentence(told.get("detail") or told.get("title") or "The desk refused this")
    paths = {
        str(error["field"]): as_sentence(str(error.get("detail") or sentence).removeprefix("Value error, "))
        for error in told.get("errors") or ()
        if isinstance(error, dict) and error.get("field")
    }
    fields = {path.rpartition(".")[2]: sentence for path, sentence in paths.items()}
    return ApiProblem(status, str(told.get("code") or "refused"), str(sentence), fields, paths)


def as_sentence(text: object) -> str:
    """The API's detail, which begins in lower case, as a sentence that stands alone."""
    told = str(text).strip()
    return told[:1].upper() + told[1:] + ("" if told.endswith((".", "!", "?")) else ".")


def _json(response: httpx.Response) -> object:
    try:
        return orjson.loads(response.content) if response.content else None
    except orjson.JSONDecodeError:
        return None


def _parse(shape: type[S], response: httpx.Response) -> S:
    try:
        return shape.model_validate_json(response.content)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, told["loc"])) for told in error.errors()[:5])
        raise ApiAway(f"{response.request.url.path}: not understood: {fields}") from error
