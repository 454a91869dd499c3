"""PUT /clients/{client}/calendar, /policy and /routes, and a calendar's correction and preview: what clocks and
assignments go by. I/O."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import FastAPI
from pydantic import AwareDatetime, Field

from contracts.calendars import CorrectCalendar, PutCalendar
from contracts.model import DESK, Command
from contracts.policies import PutPolicy
from contracts.routes import PutRoutes, Use
from services.intake.answers import ConfiguredAnswer, CorrectedAnswer, PreviewAnswer, PreviewLine, RoutesAnswer
from services.intake.call import Call, TheKeylessCall
from services.intake.edge import Edge
from services.intake.route import Answered
from services.kit.clients import Author
from services.kit.configuration import Books, Put, correct_calendar, previewed, put_configuration, read_books
from services.kit.log.append import Appended, Conflict
from services.kit.postgres import Connection
from services.kit.routes import put_routes, read_routes
from services.kit.rules.preview import Previewed, preview
from services.kit.rules.routes import rows_for
from services.kit.web.problem import Problem

TRIES_MAX = 5
Told = TypeVar("Told")


class PreviewTerms(Command):
    """A calendar, a policy or both, as they would be set; what is left out is taken as it is in force."""

    calendar: PutCalendar | None = None
    policy: PutPolicy | None = None
    at: Annotated[AwareDatetime | None, Field(description="when a ticket comes; absent: 16:50 on Friday")] = None


def add_config_routes(app: FastAPI, edge: Edge) -> None:
    @app.put("/clients/{client}/calendar", response_model=ConfiguredAnswer)
    async def set_calendar(call: TheKeylessCall, client: str, command: PutCalendar) -> Answered:
        """Sets a calendar anew, as a version (201), or says that it is in force already (200)."""
        return await configure(edge, call, client, command)

    @app.put("/clients/{client}/policy", response_model=ConfiguredAnswer)
    async def set_policy(call: TheKeylessCall, client: str, command: PutPolicy) -> Answered:
        """Sets the policy anew, as a version (201), or says that it is in force already (200); with a preview."""
        return await configure(edge, call, client, command)

    @app.put("/clients/{client}/routes", response_model=RoutesAnswer)
    async def set_routes(call: TheKeylessCall, client: str, command: PutRoutes) -> Answered:
        """Sets who works the client's tickets, as a version (201), or says that it is in force already (200)."""
        return await route_client(edge, call, client, command)

    @app.post("/clients/{client}/calendar/corrections", status_code=201, response_model=CorrectedAnswer)
    async def correct(call: TheKeylessCall, client: str, command: CorrectCalendar) -> Answered:
        """Says that a version of a calendar was wrong for a while, and what it should have been: the one thing that
        judges recorded outcomes anew, visibly."""
        return await correct_version(edge, call, client, command)

    @app.post("/clients/{client}/preview", response_model=PreviewAnswer)
    async def preview_terms(call: TheKeylessCall, client: str, command: PreviewTerms) -> Answered:
        """When tickets would be due by a calendar and policy that are not set yet. Writes nothing."""
        _refuse_stranger(call, client)
        now = edge.clock.now()
        wanted = [each for each in (command.calendar, command.policy) if each is not None]
        async with edge.pool.acquire() as connection:
            books = await previewed(connection, client, wanted, now)
        lines = preview(books.policies, books.calendars, now, command.at)
        return Answered(PreviewAnswer(client=client, preview=_lines(lines)), 200)


def _refuse_stranger(call: Call, slug: str) -> None:
    if not call.caller.may_see(slug) or (slug == DESK and call.caller.clients is not None):
        raise Problem("not_found", "there is no such client")


def _author(edge: Edge, call: Call) -> Author:
    occurred_at = edge.clock.now() if edge.log_clock else None
    return Author(call.caller.actor, edge.new_id, call.caller.origin, occurred_at, call.trace)


def _lines(lines: Sequence[Previewed]) -> list[PreviewLine]:
    return [PreviewLine.model_validate(line, from_attributes=True) for line in lines]


async def configure(edge: Edge, call: Call, slug: str, command: Put) -> Answered:
    event, appended = await _put(
        edge,
        call,
        slug,
        lambda connection: put_configuration(connection, slug, command, _author(edge, call), edge.clock.now()),
    )
    books: Books = await read_books(edge.pool, slug)
    answer = ConfiguredAnswer(
        client=slug,
        name=command.name,
        version=event.version if event else None,
        holds_from=event.holds_from if event else None,
        preview=_lines(preview(books.policies, books.calendars, edge.clock.now())),
    )
    return Answered(answer, 200 if appended is None else 201)


async def route_client(edge: Edge, call: Call, slug: str, command: PutRoutes) -> Answered:
    event, appended = await _put(
        edge, call, slug, lambda connection: put_routes(connection, slug, command, _author(edge, call))
    )
    _, held = await read_routes(edge.pool, slug)
    answer = RoutesAnswer(
        client=slug,
        version=event.version if event else None,
        use=held.use if held else Use.OFF,
        routes=rows_for(slug, held),
    )
    return Answered(answer, 200 if appended is None else 201)


async def correct_version(edge: Edge, call: Call, slug: str, command: CorrectCalendar) -> Answered:
    event, appended = await _put(
        edge, call, slug, lambda connection: correct_calendar(connection, slug, command, _author(edge, call))
    )
    answer = CorrectedAnswer(
        client=slug,
        name=event.name,
        version=event.version,
        wrong_from=event.wrong_from,
        wrong_to=event.wrong_to,
    )
    return Answered(answer, 200 if appended is None else 201)


async def _put(
    edge: Edge, call: Call, slug: str, put: Callable[[Connection], Awaitable[tuple[Told, Appended | None]]]
) -> tuple[Told, Appended | None]:
    """What `put` decided and appended, tried again where others were faster; the client's terms are read anew
    afterwards. Raises Problem for a client that the caller may not see, and when others stay faster."""
    _refuse_stranger(call, slug)
    for _ in range(TRIES_MAX):
        try:
            async with edge.pool.acquire() as connection:
                told, appended = await put(connection)
        except Conflict:
            continue
        if appended is not None:
            edge.terms.forget()
            edge.committed({appended.lane})
        return told, appended
    raise Problem("busy", "others changed the client at the same time", headers={"retry-after": "1"})
