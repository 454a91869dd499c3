"""From the outside, on every route that there is: no token, a wrong role and another client's token get nothing.

The routes are asked of the apps themselves, so a route that is added tomorrow is tested, or fails here for want of a
rule or of a body to send.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from contracts.people import Role
from contracts.subjects import LANES
from services.kit.access.roles import RULES, NoRule, rule_of
from services.kit.settings import Settings
from tests.integration.intake_desk import BOLT, IntakeDesk, open_desk, ticket

SERVED = ("services.intake.app", "services.reporting.app", "services.notification.hook_api")
APPS = tuple(name for name in SERVED if find_spec(name) is not None)
STREAMS = {"/api/v1/stream", "/api/v1/events"}  # they go on for ever; reporting's own tests read them

BODIES: dict[str, Any] = {
    "POST /tickets": ticket("acme"),
    "POST /tickets/{}/messages": {"body": "hello"},
    "POST /tickets/{}/replies": {"body": "hello"},
    "POST /tickets/{}/notes": {"body": "hello"},
    "POST /tickets/{}/status": {"status": "open", "explanation": "hello"},
    "POST /tickets/{}/assignment": {"team": "field"},
    "POST /tickets/{}/priority": {"priority": "P1", "reason": "hello"},
    "POST /tickets/{}/category": {"category": "mail"},
    "POST /tickets/{}/similar": {"other": "ACME-1", "similar": True},
    "POST /tickets/{}/tags": {"add": ["vip"]},
    "POST /tickets/{}/checkpoint": {"due_at": "2099-01-01T00:00:00Z"},
    "POST /tickets/{}/steps": {"step": "restart", "result": "helped"},
    "POST /tickets/{}/finding": {"finding": "we_must_fix", "cause": "our_fault", "text": "hello"},
    "POST /tickets/{}/resolution": {"summary": "hello"},
    "POST /tickets/{}/reopen": {"reason": "hello"},
    "POST /tickets/{}/checkpoint/anew": {},
    "POST /tickets/{}/escalation": {"level": "L2", "reason": "Beyond us"},
    "POST /tickets/{}/merge": {"into": "ACME-1"},
    "POST /tickets/{}/unmerge": {},
    "POST /tickets/{}/split": {"messages": ["00000000-0000-7000-8000-000000000001"], "subject": "hello"},
    "POST /tickets/{}/unsplit": {"ticket": "ACME-1"},
    "POST /tickets/{}/adopt": {},
    "POST /tickets/{}/waiver": {"cycle": "first_reply/1", "reason": "Agreed"},
    "POST /tickets/{}/pin": {"metric": "update", "due_at": "2190-01-01T00:00:00Z", "reason": "Agreed"},
    "POST /tickets/{}/unpin": {"metric": "update"},
    "POST /tickets/{}/notices": {
        "agent": "00000000-0000-7000-8000-000000000001",
        "metric": "update",
        "cycle": "update/1",
        "due_at": "2190-01-01T00:00:00Z",
    },
    "POST /clients/{}/calendar/corrections": {
        "version": 1,
        "calendar": {"zone": "Etc/UTC", "hours": {"mon": [["09:00", "17:00"]]}},
        "reason": "Wrong",
        "wrong_from": "2026-01-01T00:00:00Z",
        "wrong_to": "2026-02-01T00:00:00Z",
    },
    "POST /clients/{}/preview": {},
    "POST /tickets/{}/close": {"reason": "spam"},
    "PUT /clients/{}": BOLT | {"prefix": "TAKEN"},
    "PUT /clients/{}/calendar": {"zone": "UTC", "hours": {"mon": [["09:00", "17:00"]]}},
    "PUT /clients/{}/policy": {"rows": [{"targets": {"resolution": "8h"}}]},
    "PUT /clients/{}/routes": {"use": "off"},
    "POST /agents": {"email": "eve@desk.example", "name": "Eve"},
    "POST /sessions": {"email": "eve@desk.example", "password": "wrong"},
    "POST /incidents": {"title": "hello"},
    "POST /incidents/{}/tickets": {"add": []},
    "POST /incidents/{}/updates": {"text": "hello"},
    "POST /incidents/{}/confirm": {"title": "hello"},
    "POST /incidents/{}/reject": {"reason": "hello"},
    "POST /incidents/{}/resolve": {"summary": "hello"},
    "POST /incidents/{}/reopen": {"reason": "hello"},
    "POST /incidents/{}/merge": {"into": "hello"},
    "POST /incidents/{}/split": {"title": "hello", "tickets": ["hello"]},
    "POST /incidents/{}/publish": {"title": "hello"},
    "POST /incidents/{}/withdraw": {},
    "POST /clock": {"now": "2099-01-01T00:00:00Z"},
    "POST /guest/tickets/{}/messages": {"key": "0" * 32, "body": "hello"},
    "POST /whatif": {
        "from": "2026-01-01T00:00:00Z",
        "to": "2026-04-01T00:00:00Z",
        "set": ["resolution=4h"],
        "clients": ["acme"],
    },
    "POST /webhooks": {"name": "hook", "url": "https://203.0.113.1/", "client": "acme"},
    "PATCH /webhooks/{}": {"name": "other"},
    "POST /webhooks/{}/pause": {},
    "POST /webhooks/{}/resume": {},
    "POST /webhooks/{}/replay": {"after": "now"},
    "POST /webhooks/{}/secret": {},
    "POST /webhooks/{}/test": {},
    "POST /webhooks/{}/dead-letters/replay": {},
    "POST /subscribers/{}/dead-letters/replay": {},
}
"""What each route is sent: good bodies, so that nothing but the caller can be at fault."""


class Route(NamedTuple):
    app: str
    method: str
    path: str

    @property
    def key(self) -> str:
        return f"{self.method} {re.sub(r'{[^}]*}', '{}', self.path.removeprefix('/api/v1'))}"


def routes_of(name: str) -> Iterator[Route]:
    app: FastAPI = import_module(name).describe()
    for route in app.routes:
        if isinstance(route, APIRoute):
            yield from (Route(name, method, route.path) for method in sorted(route.methods or ()) if method != "HEAD")


ROUTES = [route for name in APPS for route in routes_of(name)]
GUARDED = [route for route in ROUTES if rule_of(route.method, route.path) is not None and route.path not in STREAMS]
OF_A_TICKET = [route for route in GUARDED if "/tickets/{" in route.path]
every = pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.key)


class Outside(NamedTuple):
    """What a stranger can reach: the apps of the API, a ticket of acme, and tokens."""

    desk: IntakeDesk
    http: dict[str, httpx.AsyncClient]
    ticket: dict[str, Any]

    async def call(
        self, route: Route, *, token: str | None, target: str = "", client: str = "acme", query: str = ""
    ) -> httpx.Response:
        path = re.sub(r"{client}", client, route.path)
        path = re.sub(r"{[^}]*}", target or self.ticket["id"], path)
        headers = {"authorization": f"Bearer {token}"} if token else {}
        body = BODIES[route.key] if route.method in {"POST", "PUT", "PATCH"} else None
        return await self.http[route.app].request(route.method, path + query, json=body, headers=headers)


@pytest.fixture(scope="module")
async def outside(database: Settings) -> AsyncIterator[Outside]:
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(open_desk(database))
        http = {"services.intake.app": desk.http}
        for name in APPS:
            if name not in http:
                app = await stack.enter_async_context(import_module(name).open_app(database))
                client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk.example")
                http[name] = await stack.enter_async_context(client)
        yield Outside(desk, http, await desk.submit("acme", subject="For the eyes of acme"))


async def events_in(desk: IntakeDesk) -> int:
    count: int = await desk.pool.fetchval("SELECT count(*) FROM log.events")
    return count


def test_every_route_has_a_rule_and_every_write_a_body_to_try() -> None:
    assert ROUTES
    for route in ROUTES:
        rule_of(route.method, route.path)
        if route.method in {"POST", "PUT", "PATCH"}:
            assert route.key in BODIES, f"give tests/integration/test_isolation.py a body for {route.key}"


def test_a_route_without_a_rule_is_not_served() -> None:
    app: FastAPI = import_module("services.intake.app").describe()
    with pytest.raises(NoRule):
        app.add_api_route("/nobody/decided", lambda: None, methods=["GET"])


@every
async def test_without_a_token_nothing_is_answered(outside: Outside, route: Route) -> None:
    before = await events_in(outside.desk)
    response = await outside.call(route, token=None)
    assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert await events_in(outside.desk) == before


@every
@pytest.mark.parametrize("token", ["day_nonsense", "x" * 500, "\x7f"])
async def test_a_made_up_token_is_none(outside: Outside, route: Route, token: str) -> None:
    assert (await outside.call(route, token=token)).status_code == 401


@every
async def test_a_role_that_may_not_is_told_so(outside: Outside, route: Route) -> None:
    rule = rule_of(route.method, route.path)
    assert rule is not None
    before = await events_in(outside.desk)
    for role in set(Role) - rule:
        response = await outside.call(route, token=await outside.desk.token(role))
        assert (response.status_code, response.json()["code"]) == (403, "forbidden"), role
    assert await events_in(outside.desk) == before


@pytest.mark.parametrize("route", OF_A_TICKET, ids=lambda route: route.key)
@pytest.mark.parametrize("by", ["id", "reference"])
async def test_another_clients_ticket_is_not_there(outside: Outside, route: Route, by: str) -> None:
    before = await events_in(outside.desk)
    role = Role.AGENT if Role.AGENT in (rule_of(route.method, route.path) or ()) else Role.MANAGER
    token = await outside.desk.token(role, "bolt")
    nobody = str(uuid4()) if by == "id" else "ACME-999999"
    theirs = await outside.call(route, token=token, target=outside.ticket[by])
    nobodys = await outside.call(route, token=token, target=nobody)
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.text.replace(outside.ticket[by], "it") == nobodys.text.replace(nobody, "it")
    assert await events_in(outside.desk) == before


@pytest.mark.parametrize("written", [str.upper, str.lower, lambda reference: reference.replace("-", "-00")])
async def test_a_reference_that_is_read_can_be_written_to(outside: Outside, written: Callable[[str], str]) -> None:
    """Reading and writing are two services; what one finds, the other finds."""
    ticket = await outside.desk.submit("acme")
    path = f"/tickets/{written(ticket['reference'])}"
    noted = await outside.desk.post(f"{path}/notes", {"body": "hello"})
    assert (noted.status_code, noted.json()["id"]) == (200, ticket["id"])
    reading = outside.http["services.reporting.app"]
    read = await reading.get(f"/api/v1{path}", headers={"authorization": f"Bearer {outside.desk.administrator}"})
    assert (read.status_code, read.json()["id"]) == (200, ticket["id"])


AS_OF = ["@3:1", "@4:1", *(f"@{lane}:999999999" for lane in range(LANES)), "2999-01-01T00:00:00Z", "nonsense", "@1"]
REFUSED = {"nonsense", *(as_of for as_of in AS_OF if as_of.startswith("@") and ":" in as_of)}
"""By lane asks nobody with a token for some clients (services/kit/log/told.py)."""


@pytest.mark.parametrize("route", [each for each in OF_A_TICKET if each.method == "GET"], ids=lambda each: each.key)
@pytest.mark.parametrize("by", ["id", "reference"])
async def test_no_moment_of_another_clients_ticket_tells_that_it_is_there(
    outside: Outside, route: Route, by: str
) -> None:
    role = Role.AGENT if Role.AGENT in (rule_of(route.method, route.path) or ()) else Role.MANAGER
    token = await outside.desk.token(role, "bolt")
    nobody = str(uuid4()) if by == "id" else "ACME-999999"
    for as_of in AS_OF:
        theirs = await outside.call(route, token=token, target=outside.ticket[by], query=f"?as_of={as_of}")
        nobodys = await outside.call(route, token=token, target=nobody, query=f"?as_of={as_of}")
        assert theirs.status_code == nobodys.status_code == (422 if as_of in REFUSED else 404)
        assert theirs.text.replace(outside.ticket[by], "it") == nobodys.text.replace(nobody, "it")


@every
async def test_no_answer_to_another_clients_token_tells_of_the_ticket(outside: Outside, route: Route) -> None:
    for role in (Role.ADMINISTRATOR, Role.AGENT, Role.INTAKE, Role.SUBSCRIBER):
        response = await outside.call(route, token=await outside.desk.token(role, "bolt"))
        assert "eyes of acme" not in response.text
        assert outside.ticket["reference"] not in response.text


async def test_another_client_looks_as_unknown_as_nobodys(outside: Outside) -> None:
    token = await outside.desk.token(Role.INTAKE, "bolt")
    theirs = await outside.desk.post("/tickets", ticket("acme"), token=token)
    nobodys = await outside.desk.post("/tickets", ticket("nobody"), token=token)
    assert theirs.status_code == nobodys.status_code == 422
    assert theirs.json()["code"] == nobodys.json()["code"] == "unknown_client"


async def test_another_client_is_not_changed(outside: Outside) -> None:
    token = await outside.desk.token(Role.MANAGER, "bolt")
    response = await outside.desk.send("PUT", "/clients/acme", BOLT | {"prefix": "STOLEN"}, token=token)
    assert response.status_code == 404
    assert (await outside.desk.send("PUT", "/clients/bolt", BOLT, token=token)).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/agents", {"email": "mallory@desk.example", "name": "Mallory", "role": "administrator"}),
        ("/clock", {"now": "2099-01-01T00:00:00Z"}),
    ],
)
async def test_an_administrator_of_one_client_does_not_become_everybodys(
    outside: Outside, path: str, body: dict[str, str]
) -> None:
    response = await outside.desk.post(path, body, token=await outside.desk.token(Role.ADMINISTRATOR, "bolt"))
    assert response.status_code == 403


async def test_a_key_of_one_token_answers_no_other(outside: Outside) -> None:
    first, second = [await outside.desk.token(Role.INTAKE, "acme") for _ in range(2)]
    mine = await outside.desk.post("/tickets", ticket(), token=first, idempotency_key="shared")
    yours = await outside.desk.post("/tickets", ticket(), token=second, idempotency_key="shared")
    assert mine.json()["id"] != yours.json()["id"]


async def test_a_revoked_or_ended_token_is_none(outside: Outside) -> None:
    from datetime import UTC, datetime, timedelta

    from services.kit.access.tokens import NewToken, make_token, revoke_token

    ended = NewToken(id=uuid4(), name="", role=Role.AGENT, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    revoked = NewToken(id=uuid4(), name="", role=Role.AGENT)
    tokens = [await make_token(outside.desk.pool, new) for new in (ended, revoked)]
    assert await revoke_token(outside.desk.pool, revoked.id)
    for token in tokens:
        response = await outside.desk.post(f"/tickets/{outside.ticket['id']}/notes", {"body": "x"}, token=token)
        assert response.status_code == 401


@pytest.mark.skipif(len(APPS) < 2, reason="a service of the API is not in this build")
def test_every_rule_is_for_a_route_that_is_there() -> None:
    assert set(RULES) == {route.key for route in ROUTES}
