"""A step of a policy that came due is carried out by ordinary commands, once, and what can't be is seen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

import httpx
import pytest
from uuid_utils.compat import uuid7

from contracts import tickets as tell
from contracts.envelope import Origin
from contracts.model import Event, Sealed
from contracts.people import Role
from contracts.sla import Metric, SlaEscalated
from contracts.terms import Priority
from contracts.ticket_state import Held
from services.kit.bus import TryLater
from services.kit.clock import SystemClock
from services.kit.log.append import Append, Appended, NewEvent, append_in
from services.kit.metrics import Metrics
from services.kit.postgres import Pool
from services.kit.settings import Settings
from services.notification.drafts import SQL as OUTBOX
from services.notification.drafts import Draft, Drafts, House, Row
from services.notification.handler import Notification
from services.notification.letters import Letters
from services.triage.commands import Commands, tokens
from services.triage.escalations_follow import Follower
from services.triage.routing_follow import Routing
from tests.conftest import PoolOf
from tests.integration.intake_desk import IntakeDesk, open_desk
from tests.integration.small_desk import vault_on
from tests.integration.test_clock_commands import ALWAYS, POLICY

ROUTES: dict[str, Any] = {
    "routes": [
        {"team": "first"},
        {"team": "first", "category": "billing", "give": "team"},
        {"team": "second", "level": "L2"},
    ]
}
CREW: dict[str, dict[str, Any]] = {
    "ann": {"teams": ["first"]},
    "ben": {"teams": ["first"], "languages": ["de"]},
    "cleo": {"teams": ["second"], "level": "L2"},
}
P3 = tell.TicketPrioritised(priority=Priority.P3, urgency=1.0, impact=1.0, reasons=(), rule_version="test")
DUE = datetime(2026, 3, 2, 13, 30, tzinfo=UTC)


class World:
    """Intake, a list of agents in reporting's place, and the follower between them."""

    def __init__(self, desk: IntakeDesk, triage: Pool, settings: Settings) -> None:
        self.desk, self.triage = desk, triage
        self.agents: list[dict[str, Any]] = []
        self.away = False
        http = httpx.AsyncClient(transport=httpx.MockTransport(self._answer), base_url="http://desk.example")
        commands = Commands(http, tokens(settings))
        self.follower = Follower(triage, commands, SystemClock(), Metrics("triage"), monotonic=monotonic)

        self.routing = Routing(triage, commands, SystemClock(), Metrics("triage"), monotonic=lambda: 1e9)
        self.killed = False
        self.crew: dict[UUID | None, str] = {None: "nobody"}

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            return httpx.Response(503, json={"code": "busy"})
        if request.url.path == "/api/v1/agents":
            return httpx.Response(200, json={"items": self.agents, "next_cursor": None})
        response = await self.desk.http.request(
            request.method, request.url.path, content=request.content, headers=dict(request.headers)
        )
        if self.killed:
            raise asyncio.CancelledError
        return httpx.Response(response.status_code, content=response.content)

    async def tell(self, ticket: str, event: Event) -> Appended:
        """Something that triage has found out."""
        last = (await self.desk.events(ticket))[-1]
        new = NewEvent(
            id=uuid7(), stream=last.stream, version=last.version + 1, data=event, actor="system:triage",
            origin=Origin(last.origin),
        )  # fmt: skip
        async with self.triage.acquire() as connection, connection.transaction():
            (result,) = await append_in(connection, [Append(last.client, [new])])
        assert isinstance(result, Appended)
        return result

    async def step(self, ticket: str, action: str, to: str | None = None, number: int = 1) -> Appended:
        return await self.tell(ticket, SlaEscalated(metric=Metric.RESOLUTION, cycle="resolution/1", true_at=DUE,
                               due_at=DUE, policy_version="default-1", step=number, action=action, to=to))  # fmt: skip

    async def held(self, ticket: str) -> Held:
        found = await self.desk.folded(ticket)
        assert isinstance(found, Held)
        return found

    async def letters(self) -> list[str]:
        rows = await self.triage.fetch(
            "SELECT error FROM log.dead_letters WHERE consumer = 'escalations' AND replayed_at IS NULL"
        )
        return [row["error"] for row in rows]


@pytest.fixture(scope="module")
async def world(database: Settings, pool_of: PoolOf) -> AsyncIterator[World]:
    async with open_desk(database) as desk:
        for path, body in (("calendar", ALWAYS), ("policy", POLICY)):
            assert (await desk.send("PUT", f"/clients/acme/{path}", body)).status_code in {200, 201}
        found = World(desk, await pool_of("triage"), database)
        await found.follower.open()
        await found.routing.open()
        yield found


async def agent(world: World, name: str, **more: Any) -> UUID:
    body = {"email": f"{name}@desk.example", "name": name.title(), "role": "lead", **more}
    answer = await world.desk.post("/agents", body)
    assert answer.status_code in {200, 201}, answer.text
    found = answer.json()
    world.agents.append({"id": found["id"], "role": found["role"], "level": found["level"],
                         "teams": more.get("teams", []), "clients": more.get("clients", [])})  # fmt: skip
    return UUID(found["id"])


async def test_a_step_moves_to_a_level_once_however_often_the_log_is_read(world: World) -> None:
    ticket = (await world.desk.submit())["id"]
    await world.step(ticket, "move_to_level", "L2")
    await world.follower.look()
    await world.triage.execute("UPDATE log.cursors SET position = 0 WHERE consumer = 'escalations'")
    await world.follower.look()
    moved = [event for event in await world.desk.events(ticket) if event.type == "ticket.escalated"]
    assert [(event.actor, event.data.level) for event in moved] == [("system:triage", "L2")]  # type: ignore[attr-defined]


async def test_a_step_raises_the_priority_and_hands_to_a_team(world: World) -> None:
    ticket = (await world.desk.submit())["id"]
    await world.desk.post(f"/tickets/{ticket}/priority", {"priority": "P3", "reason": "One person"})
    await world.step(ticket, "raise_priority")
    await world.step(ticket, "reassign", "network", 2)
    await world.follower.look()
    held = await world.held(ticket)
    assert (held.priority, held.team) == ("P2", "network")


async def test_who_is_named_by_role_gets_a_letter_without_a_word_of_the_requester(
    world: World, pool_of: PoolOf, database: Settings
) -> None:
    lea = await agent(world, "lea")
    await agent(world, "bob", clients=["bolt"])
    ticket = await world.desk.submit(subject="A secret subject")
    await world.step(ticket["id"], "notify", "lead")
    await world.follower.look()
    told = (await world.desk.events(ticket["id"]))[-1]
    assert (told.type, told.data.agent) == ("sla.agent_notified", lea)  # type: ignore[attr-defined]
    pool = await pool_of("notification")
    async with pool.acquire() as connection, connection.transaction():
        await Notification(lambda: None).handle(told.lane, [told], connection)
        rows = [Row.of(row) for row in await connection.fetch(OUTBOX["take"], ["live"], 10)]
        house = House("https://desk.example", "desk.example", b"k" * 32)
        (draft,) = await Drafts(vault_on(pool, database), Letters(), house).write(connection, rows)
    assert isinstance(draft, Draft)
    assert (draft.person, draft.address) == (lea, "lea@desk.example")
    assert f"[{ticket['reference']}] the solution is due by" in draft.letter.subject
    assert f"https://desk.example/tickets/{ticket['reference']}" in draft.letter.text
    assert "secret" not in draft.letter.text + draft.letter.subject


async def test_a_step_that_names_nobody_is_seen_and_can_be_tried_again(world: World) -> None:
    ticket = (await world.desk.submit())["id"]
    place = await world.step(ticket, "notify", "wizards")
    await world.step(ticket, "move_to_level", "L3", 2)
    await world.follower.look()
    assert (await world.held(ticket)).level == "L3"
    assert [error for error in await world.letters() if "'wizards'" in error]
    merlin = await agent(world, "merlin", teams=["wizards"])
    await world.triage.execute(
        "UPDATE log.dead_letters SET replay_requested_at = now() WHERE lane = $1 AND position = $2",
        place.lane,
        place.position,
    )
    await world.follower.look()
    assert not [error for error in await world.letters() if "'wizards'" in error]
    assert (await world.desk.events(ticket))[-1].data.agent == merlin  # type: ignore[attr-defined]


async def test_nothing_is_done_to_a_ticket_that_was_resolved_meanwhile(world: World) -> None:
    ticket = (await world.desk.submit())["id"]
    await world.step(ticket, "move_to_level", "L2")
    await world.desk.post(f"/tickets/{ticket}/resolution", {"summary": "Done"})
    before = await world.letters()
    await world.follower.look()
    assert (await world.held(ticket)).level is None
    assert await world.letters() == before


async def test_while_intake_is_away_nothing_is_lost(world: World) -> None:
    ticket = (await world.desk.submit())["id"]
    await world.step(ticket, "move_to_level", "L2")
    world.away = True
    with pytest.raises(TryLater):
        await world.follower.look()
    world.away = False
    await world.follower.look()
    assert (await world.held(ticket)).level == "L2"


async def test_after_a_missed_promise_the_next_one_is_promised(world: World) -> None:
    ticket = (await world.desk.submit())["id"]
    promise = (await world.held(ticket)).promise
    assert promise is not None
    await world.tell(ticket, tell.CheckpointMissed(due_at=promise.due_at))
    await world.follower.look()
    anew = (await world.held(ticket)).promise
    assert anew is not None
    assert (anew.outcome, anew.due_at > promise.due_at, anew.by) == (None, True, "policy")


async def test_a_high_priority_of_triage_brings_the_promise_forward(world: World) -> None:
    ticket = (await world.desk.submit())["id"]
    judged = tell.TicketPrioritised(priority=Priority.P1, urgency=9.0, impact=9.0, reasons=(), rule_version="test")
    await world.tell(ticket, judged)
    await world.follower.look()
    promise = (await world.held(ticket)).promise
    assert promise is not None
    assert promise.due_at - promise.promised_at <= timedelta(minutes=30)


async def test_what_a_demo_s_step_causes_stays_a_demo_s(world: World) -> None:
    token = await world.desk.token(Role.INTAKE, "acme", origin=Origin.DEMO)
    ticket = (await world.desk.submit(token=token))["id"]
    await world.step(ticket, "move_to_level", "L2")
    await world.follower.look()
    assert (await world.desk.events(ticket))[-1].origin == Origin.DEMO


@pytest.fixture
async def routed(world: World) -> AsyncIterator[World]:
    """Two of L1 and one of L2 with nothing to do, and routes that lead to them."""
    for name, facts in CREW.items():
        answer = await world.desk.post("/agents", {"email": f"{name}@desk.example", "name": name, **facts})
        world.crew[UUID(answer.json()["id"])] = name
    answer = await world.desk.send("PUT", "/clients/acme/routes", ROUTES)
    assert answer.status_code == 201, answer.text
    await world.routing.look()
    await world.triage.execute("DELETE FROM triage.assignments")
    yield world
    world.killed = False
    assert (await world.desk.send("PUT", "/clients/acme/routes", {"use": "off"})).status_code == 201
    await world.routing.look()


async def judged(world: World, **more: Any) -> str:
    """A ticket that triage has classified and prioritised."""
    ticket: str = (await world.desk.submit(**more))["id"]
    found = tell.TicketClassified(category=more.get("category"), confidence=1.0, rule_version="test")
    await world.tell(ticket, found)
    await world.tell(ticket, P3)
    return ticket


async def owner(world: World, ticket: str) -> tuple[str | None, str]:
    held = await world.held(ticket)
    return held.team, world.crew[held.agent]


async def test_a_judged_ticket_is_given_to_who_has_least_to_do_and_its_history_says_why(routed: World) -> None:
    tickets = [await judged(routed) for _ in range(4)]
    german = await judged(routed, language="de-CH")
    await routed.routing.look()
    found = [await owner(routed, ticket) for ticket in tickets]
    assert sorted(found) == [("first", "ann")] * 2 + [("first", "ben")] * 2
    assert await owner(routed, german) == ("first", "ben")
    told = (await routed.desk.events(german))[-1]
    assert (told.type, told.actor, isinstance(told.data.reason, Sealed)) == (  # type: ignore[attr-defined]
        "ticket.assigned", "system:triage", True
    )  # fmt: skip
    await routed.desk.post(f"/tickets/{tickets[0]}/resolution", {"summary": "Done"})
    await routed.routing.look()
    (idle,) = [name for team, name in found[:1]]
    again = await judged(routed)
    await routed.routing.look()
    assert await owner(routed, again) == ("first", idle)


async def test_a_team_that_takes_its_tickets_itself_gets_them_without_an_agent(routed: World) -> None:
    ticket = await judged(routed, category="billing")
    await routed.routing.look()
    assert await owner(routed, ticket) == ("first", "nobody")


async def test_what_a_person_assigned_or_put_back_is_left_alone(routed: World) -> None:
    taken, put_back = await judged(routed), await judged(routed)
    for ticket in (taken, put_back):
        await routed.desk.post(f"/tickets/{ticket}/assignment", {"team": "elsewhere"})
    await routed.desk.post(f"/tickets/{put_back}/assignment", {})
    await routed.routing.look()
    assert await owner(routed, taken) == ("elsewhere", "nobody")
    assert await owner(routed, put_back) == (None, "nobody")


async def test_an_escalated_ticket_goes_to_the_next_level_unless_a_person_has_said_where(routed: World) -> None:
    up, said = await judged(routed), await judged(routed)
    await routed.routing.look()
    await routed.desk.post(f"/tickets/{up}/escalation", {"level": "L2", "reason": "Beyond us"})
    await routed.desk.post(f"/tickets/{said}/escalation", {"level": "L2", "reason": "Theirs", "team": "wizards"})
    await routed.routing.look()
    assert await owner(routed, up) == ("second", "cleo")
    assert (await owner(routed, said))[0] == "wizards"


async def test_routing_that_is_killed_while_intake_answers_gives_a_ticket_away_once(routed: World) -> None:
    ticket = await judged(routed)
    routed.killed = True
    with pytest.raises(asyncio.CancelledError):
        await routed.routing.look()
    routed.killed = False
    await routed.routing.look()
    await routed.triage.execute("UPDATE log.cursors SET position = 0 WHERE consumer = 'routing'")
    await routed.routing.look()
    given = [event for event in await routed.desk.events(ticket) if event.type == "ticket.assigned"]
    assert len(given) == 1
    rows = await routed.triage.fetch("SELECT agent FROM triage.assignments WHERE ticket = $1", UUID(ticket))
    assert [row["agent"] for row in rows] == [given[0].data.agent]  # type: ignore[attr-defined]


async def test_where_routes_are_off_nobody_is_given_a_ticket(world: World) -> None:
    ticket = await judged(world)
    await world.routing.look()
    assert (await world.held(ticket)).agent is None


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"routes": []}, "invalid_field", "routes"),
        ({"routes": [{"team": "wizard"}]}, "unknown_team", "routes.0.team"),
        ({"routes": [{"team": "first", "level": "L2"}]}, "nobody_of_level", "routes.0.level"),
        ({"routes": [{"team": "first", "level": "L9"}]}, "invalid_field", "routes.0.level"),
        ({"routes": [{"team": "first", "skills": ["sap"]}]}, "unknown_skill", "routes.0.skills"),
        ({"routes": [{"team": "first"}] * 2}, "invalid_field", "routes"),
        ({"routes": [{"team": "first", "client": "bolt"}]}, "invalid_field", "routes.0.client"),
        ({"use": "off", "routes": [{"team": "first"}]}, "invalid_field", "use"),
        ({"routes": [{"team": "first", "colour": "red"}]}, "unknown_field", "routes.0.colour"),
    ],
)
async def test_routes_that_lead_nowhere_are_refused_by_field(
    routed: World, body: dict[str, Any], code: str, field: str
) -> None:
    answer = await routed.desk.send("PUT", "/clients/acme/routes", body)
    told = answer.json()
    assert (answer.status_code, told["code"], told["field"]) == (422, code, field), told
