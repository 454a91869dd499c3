"""PUT /clients/{client}/calendar and /policy: what clocks go by. I/O."""

from __future__ import annotations

from fastapi import FastAPI

from contracts.calendars import PutCalendar
from contracts.model import DESK
from contracts.policies import PutPolicy
from services.intake.answers import ConfiguredAnswer, PreviewLine
from services.intake.call import Call, TheKeylessCall
from services.intake.edge import Edge
from services.intake.route import Answered
from services.kit.clients import Author
from services.kit.configuration import Put, put_configuration, read_books
from services.kit.log.append import Conflict
from services.kit.rules.preview import preview
from services.kit.web.problem import Problem

TRIES_MAX = 5


def add_config_routes(app: FastAPI, edge: Edge) -> None:
    @app.put("/clients/{client}/calendar", response_model=ConfiguredAnswer)
    async def set_calendar(call: TheKeylessCall, client: str, command: PutCalendar) -> Answered:
        """Sets a calendar anew, as a version (201), or says that it is in force already (200)."""
        return await configure(edge, call, client, command)

    @app.put("/clients/{client}/policy", response_model=ConfiguredAnswer)
    async def set_policy(call: TheKeylessCall, client: str, command: PutPolicy) -> Answered:
        """Sets the policy anew, as a version (201), or says that it is in force already (200); with a preview."""
        return await configure(edge, call, client, command)


async def configure(edge: Edge, call: Call, slug: str, command: Put) -> Answered:
    caller = call.caller
    if not caller.may_see(slug) or (slug == DESK and caller.clients is not None):
        raise Problem("not_found", "there is no such client")
    occurred_at = edge.clock.now() if edge.log_clock else None
    author = Author(caller.actor, edge.new_id, caller.origin, occurred_at, call.trace)
    for _ in range(TRIES_MAX):
        try:
            async with edge.pool.acquire() as connection:
                event, appended = await put_configuration(connection, slug, command, author, edge.clock.now())
        except Conflict:
            continue
        if appended is not None:
            edge.committed({appended.lane})
        books = await read_books(edge.pool, slug)
        lines = preview(books.policies, books.calendars, edge.clock.now())
        answer = ConfiguredAnswer(
            client=slug,
            name=command.name,
            version=event.version if event else None,
            holds_from=event.holds_from if event else None,
            preview=[PreviewLine.model_validate(line, from_attributes=True) for line in lines],
        )
        return Answered(answer, 200 if appended is None else 201)
    raise Problem("busy", "others changed the client at the same time", headers={"retry-after": "1"})
