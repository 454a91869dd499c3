"""What an exception is told as: by name, in our own words, with a status that says whether to try again."""

from __future__ import annotations

import asyncpg
import pytest

from services.kit.log.append import Backwards, Overloaded
from services.kit.web.handlers import problem_for
from services.kit.web.patience import OutcomeUnknown


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Overloaded("too many appends wait"), 503, "busy"),
        (asyncpg.QueryCanceledError("canceling statement due to statement timeout"), 503, "busy"),
        (asyncpg.AdminShutdownError("terminating connection"), 503, "unavailable"),
        (OutcomeUnknown("the database was lost while it wrote"), 503, "outcome_unknown"),
        (Backwards("it happened before"), 422, "clock_backwards"),
        (KeyError("what nobody expected"), 500, "internal"),
    ],
)
def test_a_fault_is_told_by_name(error: Exception, status: int, code: str) -> None:
    problem = problem_for(error)
    assert (problem.status, problem.code) == (status, code)
    assert ("retry-after" in problem.headers) == (status == 503)


def test_a_statement_time_out_is_told_without_postgresql_s_words() -> None:
    problem = problem_for(asyncpg.QueryCanceledError("canceling statement due to statement timeout"))
    assert problem.detail == "the database did not finish this in time"
