"""Triage asks intake as a program does, in its own name, and what is asked twice is done once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest
from uuid_utils.compat import uuid7

from contracts.envelope import Origin, Recorded
from contracts.model import Event
from contracts.people import Role
from services.kit.access.tokens import list_tokens, revoke_token
from services.kit.bus import TryLater
from services.kit.settings import Settings
from services.triage.commands import Commands, Effect, Unwanted, tokens
from tests.integration.intake_desk import IntakeDesk, open_desk


@pytest.fixture(scope="module")
async def desk(database: Settings) -> AsyncIterator[IntakeDesk]:
    async with open_desk(database) as opened:
        yield opened


@pytest.fixture
def commands(desk: IntakeDesk, database: Settings) -> Commands:
    return Commands(desk.http, tokens(database))


async def cause_of(desk: IntakeDesk, ticket: str, origin: Origin = Origin.LIVE) -> Recorded[Event]:
    return (await desk.events(ticket))[0]._replace(origin=origin)


async def test_what_an_event_causes_is_done_once_however_often_it_is_asked(
    desk: IntakeDesk, commands: Commands
) -> None:
    ticket = (await desk.submit())["id"]
    effect = Effect(await cause_of(desk, ticket), "team", f"/tickets/{ticket}/assignment", {"team": "network"})

    first = await commands.ask(effect)
    again = await commands.ask(effect)

    assert first == again
    assigned = [event for event in await desk.events(ticket) if event.type == "ticket.assigned"]
    assert [event.actor for event in assigned] == ["system:triage"]


async def test_what_is_refused_for_good_says_so_by_its_code(desk: IntakeDesk, commands: Commands) -> None:
    ticket = (await desk.submit())["id"]
    cause = await cause_of(desk, ticket)

    with pytest.raises(Unwanted) as refused:
        await commands.ask(Effect(cause, "agent", f"/tickets/{ticket}/assignment", {"agent": str(UUID(int=7))}))

    assert refused.value.code == "unknown_agent"


async def test_who_is_away_is_asked_again_later(database: Settings, desk: IntakeDesk) -> None:
    ticket = (await desk.submit())["id"]

    async def busy(_: httpx.Request) -> httpx.Response:
        return httpx.Response(503, json={"code": "busy"})

    async with httpx.AsyncClient(transport=httpx.MockTransport(busy), base_url="http://desk.example") as http:
        with pytest.raises(TryLater):
            await Commands(http, tokens(database)).ask(Effect(await cause_of(desk, ticket), "note", "/tickets"))


async def test_what_a_demo_s_event_causes_is_a_demo_s(desk: IntakeDesk, commands: Commands) -> None:
    token = await desk.token(Role.INTAKE, "acme", origin=Origin.DEMO)
    ticket = (await desk.submit(token=token))["id"]

    await commands.ask(
        Effect(await cause_of(desk, ticket, Origin.DEMO), "team", f"/tickets/{ticket}/assignment", {"team": "x"})
    )

    assert (await desk.events(ticket))[-1].origin == Origin.DEMO


async def test_a_service_s_token_is_neither_listed_nor_revoked(desk: IntakeDesk) -> None:
    ids = [row["id"] for row in await desk.pool.fetch("SELECT id FROM access.tokens WHERE service = 'triage'")]

    assert len(ids) == 3
    assert not set(ids) & {row.id for row in await list_tokens(desk.pool)}
    assert not await revoke_token(desk.pool, ids[0])
    assert not await revoke_token(desk.pool, uuid7())
