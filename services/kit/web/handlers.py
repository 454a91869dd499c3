"""Exceptions of an app -> problem+json. What nobody expected is logged with its trace, and told without it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import asyncpg
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from contracts.catalogue import UnknownEvent
from services.kit.log.append import Backwards, Overloaded
from services.kit.refused import Refused
from services.kit.web.patience import DATABASE_AWAY, OutcomeUnknown
from services.kit.web.problem import Problem

if TYPE_CHECKING:
    from fastapi import FastAPI, Request, Response

RETRY_AFTER = {"retry-after": "5"}  # seconds
CODE_BY_STATUS = {401: "unauthenticated", 403: "forbidden", 404: "not_found", 405: "method_not_allowed"}
CODE_BY_TYPE = {"extra_forbidden": "unknown_field", "missing": "missing_field", "json_invalid": "invalid_json"}
log = logging.getLogger("daybook.web")


def add_handlers(app: FastAPI) -> None:
    """Every refusal of this app becomes a problem."""
    told = (Problem, RequestValidationError, HTTPException, UnknownEvent, asyncpg.QueryCanceledError)
    for kind in (*told, *DATABASE_AWAY, Exception):
        app.add_exception_handler(kind, answer)


async def answer(_: Request, error: Exception) -> Response:
    return problem_for(error).response()


def problem_for(error: Exception) -> Problem:
    """The problem that tells of an exception."""
    match error:
        case Problem():
            return error
        case Refused():
            return Problem(error.code, str(error), field=error.field)
        case RequestValidationError():
            return problem_of([{**item, "loc": item["loc"][1:]} for item in error.errors()])
        case HTTPException():
            code = CODE_BY_STATUS.get(error.status_code, "internal" if error.status_code >= 500 else "bad_request")
            return Problem(code, str(error.detail), status=error.status_code, headers=error.headers)
        case Backwards():
            return Problem("clock_backwards", str(error))
        case Overloaded() | OutcomeUnknown():
            code = "busy" if isinstance(error, Overloaded) else "outcome_unknown"
            return Problem(code, str(error), headers=RETRY_AFTER)
        case asyncpg.QueryCanceledError():  # the statement time-out, which undoes what was begun
            return Problem("busy", "the database did not finish this in time", headers=RETRY_AFTER)
        case _:
            return _fault(error)


def _fault(error: Exception) -> Problem:
    if isinstance(error, DATABASE_AWAY):
        log.warning("database_away", exc_info=error)
        return Problem("unavailable", "the database does not answer", headers=RETRY_AFTER)
    if isinstance(error, UnknownEvent):  # in a rolling restart the next process that is asked may be a newer one
        log.warning("newer_than_this_program", exc_info=error)
        return Problem("unavailable", str(error), headers=RETRY_AFTER)
    log.error("fault", exc_info=error)
    return Problem("internal", "the desk met a fault of its own")


def field_of(error: Mapping[str, Any]) -> list[Any]:
    """Where one of Pydantic's errors is: a model that refuses as a whole names the field to mend."""
    named = error.get("ctx", {}).get("field") if error["type"] == "contradiction" else None
    return [*error["loc"], *([named] if named else [])]


def problem_of(errors: Iterable[Mapping[str, Any]]) -> Problem:
    """Pydantic's errors as one problem: the first names `code` and `field`, all of them stand in `errors`."""
    rows = [
        {
            "field": ".".join(str(part) for part in field_of(error)),
            "code": CODE_BY_TYPE.get(str(error["type"]), "invalid_field"),
            "detail": str(error["msg"]),
        }
        for error in errors
    ]
    first = rows[0]
    if first["code"] == "invalid_json":
        return Problem("invalid_json", first["detail"])
    detail = f"{first['field'] or 'the body'}: {first['detail']}"
    return Problem(first["code"], detail, field=first["field"] or None, errors=rows)
