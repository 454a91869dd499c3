"""Commands by API become events in the log, once, sealed, and with a promise."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from contracts.clients import PutClient
from contracts.envelope import Origin
from contracts.model import DESK, Sealed
from contracts.people import Role
from contracts.subjects import lane_of, lane_of_client
from contracts.ticket_state import Absent, Closed, Held, New, Open, Resolved, Waiting
from contracts.tickets import MessageReceived, NoteAdded
from services.kit.clients import Author, put_client
from services.kit.guests import guest_key
from services.kit.settings import Settings
from tests.conftest import PoolOf
from tests.integration.intake_desk import IntakeDesk, open_desk, ticket


@pytest.fixture(scope="module")
async def desk(database: Settings) -> AsyncIterator[IntakeDesk]:
    async with open_desk(database) as opened:
        yield opened


def later(**more: float) -> str:
    return (datetime.now(UTC) + timedelta(**more)).isoformat()


async def held(desk: IntakeDesk, stream: str) -> Held:
    folded = await desk.folded(stream)
    assert not isinstance(folded, Absent)
    return folded


async def test_a_submission_is_a_ticket_with_a_number_a_link_and_a_promise(
    desk: IntakeDesk, database: Settings
) -> None:
    answer = await desk.submit(urgency="high")
    events = await desk.events(answer["id"])
    assert [event.type for event in events] == ["ticket.submitted", "ticket.checkpoint_promised"]
    assert answer["reference"] == f"ACME-{events[0].number}"
    assert answer["status"] == "new"
    assert answer["version"] == 2
    assert answer["position"] == f"{events[1].lane}:{events[1].position}"
    assert lane_of(UUID(answer["id"])) == lane_of_client("acme")
    promised = datetime.fromisoformat(answer["reply_expected_by"])
    assert timedelta(hours=3, minutes=59) < promised - datetime.now(UTC) <= timedelta(hours=4)
    key = guest_key(database.session_secret_bytes, UUID(answer["id"]))
    assert answer["track_url"] == f"{database.address}/portal/acme/tickets/{answer['reference']}?key={key}"


async def test_no_word_of_a_ticket_stands_open_in_the_log(desk: IntakeDesk) -> None:
    await desk.submit(
        requester={"email": "secret@acme.example", "name": "Sally Secret"},
        body="my secret",
        answers={"model": "secret"},
    )
    payloads = [row["payload"] for row in await desk.pool.fetch("SELECT payload FROM log.events")]
    assert payloads
    assert not [payload for payload in payloads if b"ecret" in payload or b"Sally" in payload]


async def test_a_new_requester_is_registered_in_the_same_append_and_only_once(desk: IntakeDesk) -> None:
    who = {"email": "Once@acme.example", "name": "Once"}
    first, second = await asyncio.gather(*(desk.submit(requester=who) for _ in range(2)))
    third = await desk.submit(requester={"email": "once@ACME.example"})
    persons = {(await held(desk, answer["id"])).requester for answer in (first, second, third)}
    assert len(persons) == 1
    registrations = await desk.events(persons.pop())
    assert [event.type for event in registrations] == ["person.registered"]


async def test_the_same_address_at_two_clients_is_two_persons(desk: IntakeDesk) -> None:
    who = {"email": "two@example.com"}
    one, other = await desk.submit("acme", requester=who), await desk.submit("bolt", requester=who)
    assert (await held(desk, one["id"])).requester != (await held(desk, other["id"])).requester


async def test_a_ticket_goes_its_way_by_id_and_by_reference(desk: IntakeDesk) -> None:
    answer = await desk.submit()
    path = f"/tickets/{answer['reference']}"
    for part, body, state in (
        ("replies", {"body": "We found a jam and will send a colleague."}, Open),
        ("status", {"status": "waiting_for_customer", "explanation": "Which floor?"}, Waiting),
        ("messages", {"body": "The second one."}, Open),
        ("notes", {"body": "Third time this month."}, Open),
        ("priority", {"priority": "P2", "reason": "A whole floor"}, Open),
        ("category", {"category": "hardware"}, Open),
        ("tags", {"add": ["printer", "floor-2"]}, Open),
        ("assignment", {"team": "field"}, Open),
        ("checkpoint", {"due_at": later(hours=30), "text": "The part comes tomorrow."}, Open),
        ("resolution", {"summary": "Roller replaced.", "cause": "device_setting", "solved_for_good": True}, Resolved),
        ("reopen", {"reason": "It jams again."}, Open),
        ("replies", {"body": "Replaced the whole unit.", "status": "resolved"}, Resolved),
        ("close", {}, Closed),
    ):
        response = await desk.post(f"{path}/{part}", body)
        assert response.status_code == 200, (part, response.text)
        after = await held(desk, answer["id"])
        assert isinstance(after, state), part
        assert response.json()["version"] == after.version
        assert response.json()["status"] == after.status
        assert (response.json()["next_update_by"] is None) == isinstance(after, Resolved | Closed)
    assert after.tags == ("floor-2", "printer")
    assert (await desk.post(f"/tickets/{answer['id']}/notes", {"body": "Filed."})).status_code == 200


async def test_what_is_not_new_is_answered_as_it_stands_and_writes_nothing(desk: IntakeDesk) -> None:
    answer = await desk.submit(category="mail")
    response = await desk.post(f"/tickets/{answer['id']}/category", {"category": "mail"})
    assert response.status_code == 200
    assert response.json()["version"] == answer["version"]
    assert response.json()["position"] == answer["position"]


async def test_a_closed_ticket_takes_no_reply_and_says_what_to_do(desk: IntakeDesk) -> None:
    answer = await desk.submit()
    await desk.post(f"/tickets/{answer['id']}/close", {"reason": "spam"})
    for part in ("replies", "messages"):
        response = await desk.post(f"/tickets/{answer['id']}/{part}", {"body": "Hello?"})
        assert response.status_code == 409
        assert response.json()["code"] == "closed"
        assert "new ticket" in response.json()["remedy"]


async def test_the_same_key_and_body_are_answered_with_the_first_result(desk: IntakeDesk) -> None:
    first = await desk.post("/tickets", ticket(), idempotency_key="k-1")
    await desk.post(f"/tickets/{first.json()['id']}/notes", {"body": "in between"})
    again = await desk.post("/tickets", ticket(), idempotency_key="k-1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers


async def test_a_repeated_reply_is_answered_even_after_the_ticket_is_closed(desk: IntakeDesk) -> None:
    path = f"/tickets/{(await desk.submit())['id']}"
    first = await desk.post(f"{path}/replies", {"body": "Done.", "status": "resolved"}, idempotency_key="r-1")
    await desk.post(f"{path}/close", {})
    again = await desk.post(f"{path}/replies", {"body": "Done.", "status": "resolved"}, idempotency_key="r-1")
    assert (again.status_code, again.json()) == (200, first.json())


async def test_a_hundred_tries_at_once_with_one_key_make_one_ticket(desk: IntakeDesk) -> None:
    who = {"email": "eager@acme.example"}
    answers = await asyncio.gather(
        *(desk.post("/tickets", ticket(requester=who), idempotency_key="eager") for _ in range(100))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1


async def test_the_kept_answer_holds_no_personal_data_and_no_secret(desk: IntakeDesk) -> None:
    answer = await desk.post("/tickets", ticket(requester={"email": "kept@acme.example"}), idempotency_key="kept")
    kept = await desk.pool.fetchval("SELECT answer FROM log.commands WHERE command = 'kept'")
    assert b"kept@" not in kept
    assert answer.json()["track_url"].rpartition("=")[2].encode() not in kept


async def test_a_command_without_a_key_is_remembered_beside_its_events_too(desk: IntakeDesk) -> None:
    born = await desk.submit()
    await desk.post(f"/tickets/{born['id']}/notes", {"body": "no key"})
    rows = await desk.pool.fetch(
        "SELECT scope, answer FROM log.commands WHERE lane = $1 AND encode(answer, 'escape') LIKE $2 ORDER BY command",
        lane_of(UUID(born["id"])), f"%{born['id']}%",
    )  # fmt: skip
    assert [(row["scope"].split()[0], json.loads(row["answer"])[2]) for row in rows] == [("unkeyed", 2), ("unkeyed", 3)]


async def test_replies_at_the_same_moment_all_count(desk: IntakeDesk) -> None:
    answer = await desk.submit()
    path = f"/tickets/{answer['id']}/notes"
    responses = await asyncio.gather(*(desk.post(path, {"body": f"note {n}"}) for n in range(4)))
    assert {response.status_code for response in responses} == {200}
    events = await desk.events(answer["id"])
    assert [event.version for event in events] == [1, 2, 3, 4, 5, 6]


async def test_if_match_fails_only_for_what_a_person_did(desk: IntakeDesk) -> None:
    answer = await desk.submit()
    path, read = f"/tickets/{answer['id']}", str(answer["version"])
    assert (await desk.post(f"{path}/notes", {"body": "first"}, if_match=read)).status_code == 200
    refused = await desk.post(f"{path}/notes", {"body": "second"}, if_match=f'"{read}"')
    assert refused.status_code == 412
    assert refused.json()["code"] == "stale_version"
    assert (await desk.post(f"{path}/notes", {"body": "third"}, if_match="*")).status_code == 200


async def test_a_file_is_kept_sealed_under_its_hash(desk: IntakeDesk) -> None:
    content = b"\x89PNG not really" * 1000
    upload = {"name": "screen of Ann.png", "media_type": "image/png", "content": b64encode(content).decode()}
    answer = await desk.submit(attachments=[upload])
    row = await desk.pool.fetchrow("SELECT * FROM intake.attachments WHERE ticket = $1", UUID(answer["id"]))
    assert row is not None
    assert row["sha256"] == sha256(content).digest()
    assert row["bytes"] == len(content)
    assert b"PNG" not in row["sealed"]
    submitted = (await desk.events(answer["id"]))[0]
    assert submitted.data.attachments[0].sha256 == sha256(content).hexdigest()  # type: ignore[attr-defined]


async def test_who_did_it_stands_beside_what_happened(desk: IntakeDesk) -> None:
    agent = (await desk.post("/agents", {"email": "eve@desk.example", "name": "Eve"})).json()["id"]
    acting = await desk.token(Role.AGENT, agent=UUID(agent))
    answer = await desk.submit()
    await desk.post(f"/tickets/{answer['id']}/replies", {"body": "On it."}, token=acting)
    key = answer["track_url"].rpartition("=")[2]
    guest = await desk.http.post(
        f"/api/v1/guest/tickets/{answer['reference']}/messages", json={"key": key, "body": "Thanks, and hurry."}
    )
    assert guest.status_code == 200, guest.text
    events = await desk.events(answer["id"])
    requester = (await held(desk, answer["id"])).requester
    assert events[0].actor.startswith("token:")
    assert events[2].actor == f"agent:{agent}"
    assert events[-1].actor == f"requester:{requester}"


async def test_a_guest_with_another_key_finds_nothing(desk: IntakeDesk) -> None:
    answer = await desk.submit()
    body = {"key": "0" * 32, "body": "Let me in."}
    response = await desk.http.post(f"/api/v1/guest/tickets/{answer['reference']}/messages", json=body)
    assert response.status_code == 404


@pytest.mark.parametrize("origin", [Origin.DEMO, Origin.IMPORT, Origin.PRACTICE])
async def test_a_tokens_origin_is_that_of_its_events(desk: IntakeDesk, origin: Origin) -> None:
    answer = await desk.submit(token=await desk.token(Role.INTAKE, origin=origin))
    assert {event.origin for event in await desk.events(answer["id"])} == {origin}


async def test_nothing_of_a_practice_client_is_live(desk: IntakeDesk) -> None:
    await desk.send("PUT", "/clients/sandbox", {"name": "Sandbox", "prefix": "SAND", "practice": True})
    answer = await desk.submit("sandbox")
    assert {event.origin for event in await desk.events(answer["id"])} == {"practice"}


async def test_an_unknown_agent_is_not_assigned(desk: IntakeDesk) -> None:
    answer = await desk.submit()
    response = await desk.post(f"/tickets/{answer['id']}/assignment", {"agent": answer["id"]})
    assert (response.status_code, response.json()["code"]) == (422, "unknown_agent")
    agent = (await desk.post("/agents", {"email": "ida@desk.example", "name": "Ida"})).json()["id"]
    assert (await desk.post(f"/tickets/{answer['id']}/assignment", {"agent": agent})).status_code == 200
    neighbour = next(slug for slug in map(str, count()) if lane_of_client(slug) == lane_of_client(DESK))
    await desk.send("PUT", f"/clients/{neighbour}", {"name": "Neighbour", "prefix": "NEXT"})
    other = await desk.submit(neighbour)  # begun in the lane of the agents, and none of them
    response = await desk.post(f"/tickets/{answer['id']}/assignment", {"agent": other["id"]})
    assert (response.status_code, response.json()["code"]) == (422, "unknown_agent")


async def test_a_ticket_born_while_its_clients_prefix_changes_is_found_by_its_reference(desk: IntakeDesk) -> None:
    await desk.send("PUT", "/clients/moving", {"name": "Moving", "prefix": "OLDP"})
    async with desk.pool.acquire() as connection:  # another process: this one remembers the prefix for a moment
        changed = PutClient(name="Moving", prefix="NEWP")
        await put_client(connection, "moving", changed, Author("token:test", uuid7))
    answer = await desk.submit("moving")
    assert answer["reference"] == "OLDP-1"
    assert (await desk.post("/tickets/OLDP-1/notes", {"body": "Found."})).status_code == 200
    taken = await desk.send("PUT", "/clients/thief", {"name": "Thief", "prefix": "OLDP"})
    assert (taken.status_code, taken.json()["code"]) == (409, "prefix_taken")


async def test_the_trace_of_the_request_stands_in_the_log(desk: IntakeDesk) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    response = await desk.post("/tickets", ticket(), traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    events = await desk.events(response.json()["id"])
    assert all(event.trace is not None and trace in event.trace for event in events)


async def test_a_first_touch_makes_a_new_ticket_open(desk: IntakeDesk) -> None:
    answer = await desk.submit()
    assert isinstance(await desk.folded(answer["id"]), New)
    await desk.post(f"/tickets/{answer['id']}/status", {"status": "open", "explanation": "We look into it."})
    after = await held(desk, answer["id"])
    assert type(after) is Open


async def test_who_was_erased_comes_back_as_somebody_new(database: Settings, pool_of: PoolOf) -> None:
    who = {"email": "gone@acme.example"}
    async with open_desk(database) as desk:
        first = await desk.submit(requester=who)
        person = (await held(desk, first["id"])).requester
        owner = await pool_of("owner")
        await owner.execute("DELETE FROM personal.people WHERE person = $1", person)
    async with open_desk(database) as desk:
        second = await desk.submit(requester=who)
        assert (await held(desk, second["id"])).requester != person
        refused = await desk.post(f"/tickets/{first['id']}/notes", {"body": "for nobody"})
        assert (refused.status_code, refused.json()["code"]) == (409, "erased")


async def test_a_ticket_of_somebody_who_was_erased_can_still_be_worked(database: Settings, pool_of: PoolOf) -> None:
    async with open_desk(database) as desk:
        answer = await desk.submit(requester={"email": "leaves@acme.example"})
        owner = await pool_of("owner")
        await owner.execute("DELETE FROM personal.people WHERE person = $1", (await held(desk, answer["id"])).requester)
    async with open_desk(database) as desk:
        agent = (await desk.post("/agents", {"email": "ed@desk.example", "name": "Ed"})).json()["id"]
        acting = await desk.token(Role.AGENT, agent=UUID(agent))
        path = f"/tickets/{answer['id']}"
        assert (await desk.post(f"{path}/tags", {"add": ["orphan"]})).status_code == 200
        assert (await desk.post(f"{path}/notes", {"body": "Nobody is left."}, token=acting)).status_code == 200
        note = (await desk.events(answer["id"]))[-1].data
        assert isinstance(note, NoteAdded)
        assert isinstance(note.body, Sealed)
        assert str(note.body.person) == agent
        assert (await desk.post(f"{path}/close", {"reason": "withdrawn"}, token=acting)).status_code == 200


async def test_a_command_that_changes_nothing_keeps_its_answer_under_its_key(desk: IntakeDesk) -> None:
    answer = await desk.submit()
    path = f"/tickets/{answer['id']}/category"
    await desk.post(path, {"category": "printing"})
    first = await desk.post(path, {"category": "printing"}, idempotency_key="nothing-new")
    assert first.status_code == 200
    await desk.post(path, {"category": "network"})
    again = await desk.post(path, {"category": "printing"}, idempotency_key="nothing-new")
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
    assert (await desk.events(answer["id"]))[-1].data.category == "network"  # type: ignore[attr-defined]
    other = await desk.post(path, {"category": "power"}, idempotency_key="nothing-new")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


def test_a_key_is_promised_where_it_counts_alone(desk: IntakeDesk) -> None:
    def promised(method: str, path: str) -> bool:
        operation = desk.app.openapi()["paths"][path][method]
        return any(item["name"] == "Idempotency-Key" for item in operation.get("parameters", ()))

    paths = desk.app.openapi()["paths"]
    for path in paths:
        for method in paths[path].keys() & {"post", "put", "delete"}:
            changes = ("/tickets" in path or "/incidents" in path) and not path.endswith("/similar")  # that is a read
            assert promised(method, path) == changes, path


async def test_another_authors_words_and_files_are_sealed_to_the_author(desk: IntakeDesk) -> None:
    answer = await desk.submit()
    upload = {"name": "bobs.txt", "media_type": "text/plain", "content": b64encode(b"of Bob").decode()}
    said = {"body": "Mine too.", "author": {"email": "bob@acme.example"}, "attachments": [upload]}
    assert (await desk.post(f"/tickets/{answer['id']}/messages", said)).status_code == 200
    message = (await desk.events(answer["id"]))[-1].data
    assert isinstance(message, MessageReceived)
    assert isinstance(message.body, Sealed)
    assert isinstance(message.attachments[0].name, Sealed)
    assert message.author is not None
    assert message.author != (await held(desk, answer["id"])).requester
    assert {message.body.person, message.attachments[0].name.person} == {message.author}
