"""A request's query string -> the one model of a GET's parameters, without the framework's layers around it.

FastAPI's own way (dependencies, exit stacks, a request handler for every kind of body) costs a fifth of a page of the
queue; its signature stays what OpenAPI is made of. A handler is `async def f(caller: Caller, given: Annotated[Model,
Query()]) -> Response`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, cast, get_origin
from urllib.parse import parse_qsl

from fastapi import Request, Response
from pydantic import BaseModel, ValidationError

from services.kit.access.gate import SCOPE_KEY
from services.kit.web.api import Answering, GuardedRoute
from services.kit.web.bare import answering, fixed_paths
from services.kit.web.handlers import problem_of

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import Receive, Scope, Send


class QueryRoute(GuardedRoute):
    """A guarded route that reads, with parameters that are one model. It has no use for the framework's exit stacks."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.app = answering(self.get_route_handler())

    def answering(self) -> Answering:
        (given,) = self.dependant.query_params
        name, model = given.name, cast(type[BaseModel], given.field_info.annotation)
        (caller,) = self.dependant.dependencies
        asks, endpoint, lists = caller.name or "caller", self.endpoint, lists_of(model)

        async def answer(request: Request) -> Response:
            scope = request.scope
            parameters = read_query(model, lists, scope["query_string"])
            response: Response = await endpoint(**{asks: scope[SCOPE_KEY], name: parameters})
            return response

        return answer


def lists_of(model: type[BaseModel]) -> frozenset[str]:
    """The parameters that may be given more than once."""
    return frozenset(name for name, field in model.model_fields.items() if get_origin(field.annotation) is list)


def read_query(model: type[BaseModel], lists: Collection[str], query: bytes) -> BaseModel:
    """The parameters in a query string: of one that is no list the last value counts. Raises Problem."""
    given: dict[str, Any] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name in lists:
            given.setdefault(name, []).append(value)
        else:
            given[name] = value
    try:
        return cast(BaseModel, model.__pydantic_validator__.validate_python(given))
    except ValidationError as error:
        raise problem_of(error.errors(include_url=False, include_input=False)) from None


def open_short_ways(app: FastAPI) -> None:
    """Requests for a QueryRoute whose path has no parameter go straight there; all others through the app's layers.
    Call it once all routes are there."""
    short = {place: route for place, route in fixed_paths(app).items() if isinstance(route, QueryRoute)}
    layers = app.build_middleware_stack()

    async def stack(scope: Scope, receive: Receive, send: Send) -> None:
        route = short.get((scope.get("method", ""), scope.get("path", "")))
        if route is None:
            await layers(scope, receive, send)
            return
        scope["path_params"], scope["route"], scope["endpoint"] = {}, route, route.endpoint
        await route.app(scope, receive, send)

    app.middleware_stack = stack
