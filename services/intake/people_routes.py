"""The route by which a person's data is erased."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from fastapi import FastAPI

from contracts.model import DESK
from contracts.people import Role
from services.intake.answers import ErasedAnswer
from services.intake.call import Call, TheKeylessCall
from services.intake.edge import Edge, stamp
from services.intake.erasure import client_of, erase
from services.intake.route import Answered
from services.kit.log.append import Conflict
from services.kit.log.told import write_told
from services.kit.web.problem import Problem

TRIES_MAX = 5
UNREADABLE_WITHIN: Final = timedelta(seconds=60)
"""Until every process has forgotten the opened key, and the views and letters that hold text have lost it. It takes a
second or two; a process that was frozen has lost its keys when it wakes, by services.kit.personal.KEY_SECONDS."""


def add_people_routes(app: FastAPI, edge: Edge) -> None:
    """DELETE /people/{person}/data."""

    @app.delete("/people/{person}/data", response_model=ErasedAnswer)
    async def erase_person(call: TheKeylessCall, person: str) -> Answered:
        """Makes a person's name, addresses and words unreadable for good, everywhere. Counts and times stay. One of the
        desk's own people is erased by another administrator."""
        return await erase_data(edge, call, person)


async def erase_data(edge: Edge, call: Call, name: str) -> Answered:
    """Erases who the caller may see; asked again it is answered the same."""
    person = _uuid(name)
    client = await client_of(edge.pool, person)
    if client is None or not call.caller.may_see(client):
        raise _nobody()
    if client == DESK and (call.caller.role is not Role.ADMINISTRATOR or call.caller.agent == person):
        raise Problem("forbidden", "one of the desk's own people is erased by another administrator")
    by = stamp(edge, call)
    for _ in range(TRIES_MAX):
        try:
            async with edge.pool.acquire() as connection:
                erased = await erase(connection, person=person, client=client, by=by, new_id=edge.new_id)
        except Conflict:
            continue
        if erased is None:
            raise _nobody()
        edge.vault.forget(person)
        if erased.now:
            edge.committed({erased.lane})
        answer = ErasedAnswer(
            id=person,
            erased_at=erased.at,
            unreadable_by=erased.at + UNREADABLE_WITHIN,
            position=write_told(
                call.told_clients, lane=erased.lane, position=erased.position, sequence=erased.sequence
            ),
        )
        return Answered(answer, 200)
    raise Problem("busy", "others wrote about this person at the same time", headers={"retry-after": "1"})


def _uuid(name: str) -> UUID:
    try:
        return UUID(name)
    except ValueError:
        raise _nobody() from None


def _nobody() -> Problem:
    return Problem("not_found", "there is no such person")
