"""Incidents through the API: what people decide, what follows for tickets, and that each of it happens once."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from uuid_utils.compat import uuid7

from contracts import tickets as tell
from contracts.incident import Incident, IncidentStatus
from contracts.people import Role
from contracts.terms import Priority
from contracts.ticket import Held, fold
from services.intake.app import open_app
from services.kit.access.tokens import NewToken, make_token
from services.kit.log.read import read_stream
from services.kit.postgres import Pool
from services.kit.settings import Settings
from services.reporting.app import open_app as reporting_app
from services.triage.commands import Commands, tokens
from services.triage.incidents import Effects
from services.triage.radar.leader import Leader
from tests.conftest import PoolOf
from tests.integration.radar_desk import CLIENTS, RadarDesk, beat, follow, incidents, leader_on
from tests.integration.small_desk import vault_on


@dataclass
class Outside:
    """The API, the radar's leader and what follows from incidents."""

    desk: RadarDesk
    http: httpx.AsyncClient
    reading: httpx.AsyncClient
    lead: str
    leader: Leader
    triage: Pool
    relay: Pool
    settings: Settings

    async def post(self, path: str, body: dict[str, Any], key: str | None = None, bearer: str = "") -> httpx.Response:
        headers = {"Authorization": f"Bearer {bearer or self.lead}"} | ({"Idempotency-Key": key} if key else {})
        return await self.http.post(f"/api/v1/incidents{path}", json=body, headers=headers)

    async def settle(self) -> None:
        """Lets the radar read on, and carries out what follows; with a follower that has just started."""
        await beat(self.relay)
        await follow(self.leader)
        vault = vault_on(self.triage, self.settings)
        effects = Effects(self.triage, vault, Commands(self.http, tokens(self.settings)), log_time=True)
        while await effects.turn():
            pass

    async def suspicion(self, body: str, clients: tuple[str, ...]) -> tuple[UUID, list[UUID]]:
        """A new outage that the radar has found, and its tickets."""
        known = await incidents(self.triage)
        self.desk.minute += 480  # what was before is quiet by now
        tickets = await self.desk.outage(clients, body, body.partition(" ")[0])
        await self.settle()
        (new,) = set(await incidents(self.triage)) - set(known)
        return new, tickets

    async def told(self, identifier: UUID) -> tuple[str, list[str]]:
        """The title and updates as the query API shows them."""
        headers = {"Authorization": f"Bearer {self.lead}"}
        shown = (await self.reading.get(f"/api/v1/incidents/{identifier}", headers=headers)).json()
        return shown["title"], [update["text"] for update in shown["updates"]]

    async def incident(self, identifier: UUID) -> Incident:
        return (await incidents(self.triage))[identifier]

    async def replies(self, ticket: UUID) -> list[str]:
        events = await read_stream(self.triage, ticket)
        await self.desk.vault.load(self.desk.people.values())
        return [self.desk.vault.shown(event.data.body) for event in events if isinstance(event.data, tell.ReplySent)]

    async def ticket(self, ticket: UUID) -> Held:
        held = fold(await read_stream(self.triage, ticket))
        assert isinstance(held, Held)
        return held

    async def token(self, role: Role, *clients: str) -> str:
        return await make_token(self.desk.intake, NewToken(id=uuid7(), name="test", role=role, clients=clients or None))


@pytest.fixture(scope="module")
async def outside(pool_of: PoolOf, database: Settings) -> AsyncIterator[Outside]:
    intake, triage = await pool_of("intake"), await pool_of("triage")
    desk = RadarDesk(intake, vault_on(intake, database))
    await desk.open()
    await desk.everyday(2_000)
    leader = leader_on(triage, database)
    assert await leader.take()
    await leader.load()
    lead = await make_token(intake, NewToken(id=uuid7(), name="test", role=Role.LEAD, clients=None))
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(open_app(database))
        transport = httpx.ASGITransport(app)
        http = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://desk.example"))
        queries = httpx.ASGITransport(await stack.enter_async_context(reporting_app(database)))
        reading = await stack.enter_async_context(httpx.AsyncClient(transport=queries, base_url="http://desk.example"))
        yield Outside(desk, http, reading, lead, leader, triage, await pool_of("relay"), database)


def soon() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).isoformat()


async def test_a_confirmed_incident_raises_its_tickets_tells_each_once_and_takes_in_later_ones(
    outside: Outside,
) -> None:
    found, tickets = await outside.suspicion("the gateway answers with error 1252", CLIENTS[:5])
    body = {"title": "Mail gateway", "text": "We are replacing a part.", "next_update_at": soon()}
    answer = await outside.post(f"/{found}/confirm", body, key="once")
    assert (answer.status_code, answer.json()["status"]) == (200, "confirmed"), answer.text
    again = await outside.post(f"/{found}/confirm", body, key="once")
    assert (again.json(), again.headers["idempotency-replayed"]) == (answer.json(), "true")
    for _ in range(2):  # the second follower starts from where the first one was
        await outside.settle()

    for ticket in tickets:
        assert await outside.replies(ticket) == ["We are replacing a part."]
        held = await outside.ticket(ticket)
        assert held.priority in {Priority.P1, Priority.P2}
        assert held.promise is not None
        assert held.promise.by == "agent"

    (late,) = await outside.desk.outage(CLIENTS[7:8])
    await outside.settle()
    assert late in (await outside.incident(found)).members
    assert await outside.replies(late) == ["We are replacing a part."]

    told = await outside.post(f"/{found}/updates", {"text": "The part is in."}, key="two")
    assert told.status_code == 200, told.text
    assert await outside.told(found) == ("Mail gateway", ["We are replacing a part.", "The part is in."])
    closed = await outside.post(f"/{found}/resolve", {"summary": "A broken part was replaced."})
    assert closed.json()["status"] == "resolved"
    await outside.settle()
    for ticket in (*tickets, late):
        assert await outside.replies(ticket) == ["We are replacing a part.", "The part is in."]


async def test_an_incident_that_people_declared_takes_in_what_is_like_its_tickets(outside: Outside) -> None:
    """Two tickets are too few for the radar; a third of another client comes in by itself, and is told."""
    first = await outside.desk.outage(CLIENTS[1:3], "the kaleidoscope shows K-7781", "kaleidoscope")
    made = await outside.post("", {"title": "Kaleidoscopes are dark", "tickets": [str(first[0])]})
    declared = UUID(made.json()["id"])
    await outside.post(f"/{declared}/tickets", {"add": [str(first[1])]})
    await outside.post(f"/{declared}/updates", {"text": "A lens is on its way."})
    await outside.settle()
    (late,) = await outside.desk.outage(CLIENTS[5:6], "what does K-7781 on the kaleidoscope mean", "a question")
    (other,) = await outside.desk.outage(CLIENTS[6:7], "the printer is out of paper", "paper")
    await outside.settle()
    members = (await outside.incident(declared)).members
    assert (late in members, other in members) == (True, False)
    for ticket in (*first, late):
        assert await outside.replies(ticket) == ["A lens is on its way."]
    assert await outside.replies(other) == []
    assert outside.leader.watch is not None
    assert "kaleidoscope" not in json.dumps(outside.leader.watch.state()), "two people's words stand there hashed"
    assert (await outside.post(f"/{declared}/resolve", {"summary": "New lenses."})).status_code == 200
    await outside.settle()
    (after,) = await outside.desk.outage(CLIENTS[7:8], "K-7781 on the kaleidoscope again", "again")
    await outside.settle()
    assert after not in (await outside.incident(declared)).members


async def test_who_is_affected_learns_nothing_of_the_other_clients(outside: Outside) -> None:
    found, tickets = await outside.suspicion("snark boojum SB-6160", CLIENTS[:5])
    await outside.post(f"/{found}/confirm", {"title": "Snarks", "text": "We are hunting it."})
    await outside.settle()
    for slug, ticket in zip(CLIENTS[:5], tickets, strict=True):
        bearer = {"Authorization": f"Bearer {await outside.token(Role.LEAD, slug)}"}
        for path in (f"tickets/{ticket}", f"tickets/{ticket}/events", f"incidents/{found}", "incidents"):
            answer = await outside.reading.get(f"/api/v1/{path}", headers=bearer)
            others = [one for one in CLIENTS if one != slug and f'"{one}"' in answer.text]
            assert others == [], (path, answer.text)
            assert not [str(one) for one in tickets if one != ticket and str(one) in answer.text], path
        assert await outside.replies(ticket) == ["We are hunting it."]


async def test_a_flood_and_a_crowd_of_requesters_of_one_client_are_one_client(outside: Outside) -> None:
    """Ten thousand tickets a minute for some seconds, and forty persons of one client who tell of one error."""
    known = set(await incidents(outside.triage))
    flood = [(CLIENTS[8], f"flood {number}", f"jabberwock J-{number % 7}000") for number in range(1_500)]
    await outside.desk.tickets(flood, minutes=0, together=500)
    for number in range(40):
        person = await outside.desk.person(CLIENTS[9], f"puppet{number}@{CLIENTS[number % 8]}.example")
        outside.desk.people[CLIENTS[9]] = person
        await outside.desk.tickets([(CLIENTS[9], f"{CLIENTS[number % 8]} reports", "bandersnatch BX-4040 failed")])
    await outside.settle()
    assert set(await incidents(outside.triage)) == known
    found, tickets = await outside.suspicion("borogove mimsy MI-3003", CLIENTS[:4])
    assert set((await outside.incident(found)).members) >= set(tickets), "the flood hides nobody's incident"


async def test_a_rejected_suspicion_has_to_speak_louder_and_a_rejection_can_be_taken_back(outside: Outside) -> None:
    found, _ = await outside.suspicion("blorp quux 7731 failed", CLIENTS[:5])
    assert (await outside.post(f"/{found}/reject", {"reason": "a drill"})).json()["status"] == "rejected"
    await outside.settle()
    assert outside.leader.watch is not None
    assert max(outside.leader.watch.radar.raised.values()) >= 2
    refused = await outside.post(f"/{found}/updates", {"text": "hello"})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_confirmed")
    back = await outside.post(f"/{found}/reopen", {"reason": "it was none"})
    assert back.json()["status"] == "suspected"


async def test_incidents_merge_and_split_and_each_is_taken_back(outside: Outside) -> None:
    one, tickets = await outside.suspicion("zonk wibble ZX-9910", CLIENTS[:5])
    other = (await outside.post("", {"title": "Another", "tickets": [str(tickets[0])]})).json()["id"]
    merged = await outside.post(f"/{one}/merge", {"into": other})
    assert merged.json()["status"] == "merged", merged.text
    into = await outside.incident(UUID(other))
    assert set(tickets) <= set(into.members)
    back = await outside.post(f"/{one}/reopen", {"reason": "two problems"})
    assert back.json()["status"] == "suspected", back.text
    assert set((await outside.incident(UUID(other))).members) == {tickets[0]}

    split = await outside.post(f"/{one}/split", {"title": "The second", "tickets": [str(tickets[1])]})
    assert split.status_code == 200, split.text
    assert tickets[1] not in (await outside.incident(one)).members
    assert set((await outside.incident(UUID(split.json()["other"]))).members) == {tickets[1]}
    assert (await outside.incident(one)).status is IncidentStatus.SUSPECTED


async def test_words_for_everyone_name_no_client_and_clear_errors_name_the_field(outside: Outside) -> None:
    found, tickets = await outside.suspicion("flimflam grommet GR-4411", CLIENTS[:5])
    named = await outside.post(f"/{found}/confirm", {"title": f"Outage at {CLIENTS[1].title()}"})
    assert (named.status_code, named.json()["code"]) == (422, "names_a_client")
    assert named.json()["errors"][0]["field"] == "title"
    unknown = await outside.post(f"/{found}/tickets", {"add": ["NOPE-1"]})
    assert unknown.json()["code"] == "unknown_ticket_of_desk"
    gone = await outside.post(f"/{found}/tickets", {"remove": [str(tickets[0])]})
    assert gone.status_code == 200
    assert tickets[0] not in (await outside.incident(found)).members


async def test_only_who_leads_the_whole_desk_changes_an_incident(outside: Outside) -> None:
    (found, *_) = await incidents(outside.triage)
    agent = await outside.token(Role.AGENT)
    assert (await outside.post(f"/{found}/reject", {"reason": "no"}, bearer=agent)).status_code == 403
    some, none = await outside.token(Role.LEAD, CLIENTS[0]), await outside.token(Role.LEAD, CLIENTS[11])
    assert (await outside.post(f"/{found}/reject", {"reason": "no"}, bearer=some)).status_code == 403
    assert (await outside.post(f"/{found}/reject", {"reason": "no"}, bearer=none)).status_code == 404
    assert (await outside.post(f"/{uuid7()}/reject", {"reason": "no"})).status_code == 404


async def test_the_radar_and_what_follows_from_incidents_stand_among_the_consumers(outside: Outside) -> None:
    await outside.settle()
    await beat(outside.relay)
    await follow(outside.leader)
    headers = {"Authorization": f"Bearer {outside.lead}"}
    items = (await outside.reading.get("/api/v1/subscribers", headers=headers)).json()["items"]
    behind = {item["name"]: item["behind"] for item in items if item["kind"] == "consumer"}
    assert {name: behind[name] for name in ("radar", "incidents", "timers")} == {
        "radar": 0,
        "incidents": 0,
        "timers": 0,
    }
    await outside.desk.everyday(1)
    items = (await outside.reading.get("/api/v1/subscribers", headers=headers)).json()["items"]
    assert {item["name"]: item["behind"] for item in items}["radar"] >= 1
