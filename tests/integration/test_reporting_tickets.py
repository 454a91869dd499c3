"""Tickets, timelines, the guest's page and the lists: opened for whom may read them, not there for anybody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest

from contracts import tickets
from contracts.people import PersonErased, Role
from contracts.subjects import lane_of, lane_of_client
from contracts.terms import CauseClass, Channel, Finding, LinkKind, Priority, PromisedBy, Status
from contracts.ticket import fold
from services.kit.guests import guest_key
from services.kit.log.read import read_stream
from services.kit.personal import ERASED
from services.kit.settings import Settings
from services.reporting.shapes import (
    AgentsShape,
    ClientShape,
    ClientsShape,
    GuestTicketShape,
    LettersShape,
    SubscribersShape,
    TicketShape,
    TimelineShape,
)
from tests.integration.reporting_desk import ReportingDesk, reporting_api, reporting_desk
from tests.integration.reporting_history import START, prefix_of

CLIENTS = ("acme", "globex")
NOON = START + timedelta(hours=4)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
async def desk(database: Settings) -> AsyncIterator[ReportingDesk]:
    async with reporting_desk(database, 3, CLIENTS) as opened:
        await opened.tell(12, hours=100)
        await opened.feed()
        yield opened


@pytest.fixture(scope="module")
async def http(desk: ReportingDesk) -> AsyncIterator[httpx.AsyncClient]:
    async with reporting_api(desk, await desk.token(), START + timedelta(days=30)) as (client, _):
        yield client


async def told(desk: ReportingDesk, *lines: tuple[int, Any], client: str = "acme", feed: bool = True) -> UUID:
    """A ticket whose events happened some hours after noon; the first line is its birth."""
    stream, person = desk.desk.new_id(client), desk.desk.requesters[client][1]
    birth = tickets.TicketSubmitted(
        prefix=prefix_of(client), requester=person, subject="No tone on line 7", body="Since noon.", channel=Channel.WEB
    )
    for hours, event in ((0, birth), *lines):
        await desk.writer.write(client, stream, [(NOON + hours * HOUR, event, person)])
    if feed:
        await desk.feed()
    return stream


async def get(http: httpx.AsyncClient, path: str, **asked: Any) -> dict[str, Any]:
    answer = await http.get(f"/api/v1{path}", params=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_ticket_is_shown_as_it_stands(desk: ReportingDesk, http: httpx.AsyncClient) -> None:
    agent = desk.desk.agents[0]
    ticket = await told(
        desk,
        (1, tickets.PrioritySet(priority=Priority.P2, reason="a whole floor")),
        (1, tickets.TicketAssigned(agent=agent, team="telephony")),
        (2, tickets.ReplySent(body="We look into it.")),
        (2, tickets.CheckpointPromised(due_at=NOON + 9 * HOUR, by=PromisedBy.AGENT, text="We call you")),
        (3, tickets.TagsChanged(added=("voip", "lyon"))),
    )

    shown = await get(http, f"/tickets/{ticket}")

    TicketShape.model_validate(shown)
    assert (shown["subject"], shown["status"], shown["tags"]) == ("No tone on line 7", "open", ["lyon", "voip"])
    assert shown["requester"]["address"] == "person1@acme.example"
    assert shown["requester"]["name"].endswith("Person1")
    assert (shown["assignee"], shown["team"]) == ({"id": str(agent), "name": "Agent 0"}, "telephony")
    assert (shown["priority"]["value"], shown["priority"]["reason"]) == ("P2", "a whole floor")
    assert shown["checkpoint"]["text"] == "We call you"
    assert (shown["client_name"], shown["exchanges"], shown["version"]) == ("Acme", 2, 6)
    assert await get(http, f"/tickets/{shown['reference']}") == shown
    assert await get(http, f"/tickets/{shown['reference'].lower()}") == shown


async def test_a_writer_reads_its_own_write_before_any_view_has_it(
    desk: ReportingDesk, http: httpx.AsyncClient
) -> None:
    ticket = await told(desk, (1, tickets.StatusChanged(status=Status.OPEN)), feed=False)
    prefix, number = (
        "ACME",
        await desk.owner.fetchval("SELECT number FROM log.events WHERE stream = $1 AND version = 1", ticket),
    )

    shown = await get(http, f"/tickets/{prefix}-{number}")

    assert (shown["id"], shown["status"]) == (str(ticket), "open")
    await desk.feed()


async def test_a_ticket_as_of_any_instant_and_position_is_the_fold_up_to_it(
    desk: ReportingDesk, http: httpx.AsyncClient
) -> None:
    for row in await desk.reporting.fetch("SELECT lane, ticket FROM tickets"):
        events = await read_stream(desk.reporting, row["ticket"])
        for event in events:
            then = fold(other for other in events if other.occurred_at <= event.occurred_at)
            shown = await get(http, f"/tickets/{row['ticket']}", as_of=event.occurred_at.isoformat())
            assert (shown["version"], shown["status"]) == (then.version, then.status.value)  # type: ignore[union-attr]
            up_to = fold(events[: event.version])
            shown = await get(http, f"/tickets/{row['ticket']}", as_of=f"@{event.lane}:{event.position}")
            assert (shown["version"], shown["status"]) == (up_to.version, up_to.status.value)  # type: ignore[union-attr]


async def test_before_its_birth_a_ticket_is_not_there(desk: ReportingDesk, http: httpx.AsyncClient) -> None:
    ticket = await told(desk)

    for path in (f"/tickets/{ticket}", f"/tickets/{ticket}/events"):
        answer = await http.get(f"/api/v1{path}", params={"as_of": (NOON - HOUR).isoformat()})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_an_as_of_that_cannot_be_meant_is_refused(desk: ReportingDesk, http: httpx.AsyncClient) -> None:
    ticket = await told(desk)

    for as_of in ("noon", "2026-03-01T12:00:00", "@99:1", f"@{(lane_of(ticket) + 1) % 16}:5"):
        answer = await http.get(f"/api/v1/tickets/{ticket}", params={"as_of": as_of})
        assert (answer.status_code, answer.json()["field"]) == (422, "as_of")


async def test_the_timeline_tells_everything_in_order_with_the_names_of_whom_it_names(
    desk: ReportingDesk, http: httpx.AsyncClient
) -> None:
    agent, other = desk.desk.agents[1], desk.desk.requesters["acme"][2]
    elsewhere = await told(desk)
    ticket = await told(
        desk,
        (1, tickets.TicketAssigned(agent=agent)),
        (2, tickets.NoteAdded(body="calm her down")),
        (3, tickets.CollaboratorAdded(person=other)),
        (4, tickets.TicketLinked(other=elsewhere, kind=LinkKind.RELATED)),
    )
    reference = (await get(http, f"/tickets/{elsewhere}"))["reference"]

    timeline = await get(http, f"/tickets/{ticket}/events")

    TimelineShape.model_validate(timeline)
    items = timeline["items"]
    assert [item["type"] for item in items] == [
        "ticket.submitted", "ticket.assigned", "ticket.note_added", "ticket.collaborator_added", "ticket.linked",
    ]  # fmt: skip
    assert [item["streamversion"] for item in items] == [1, 2, 3, 4, 5]
    assert items[0]["data"]["body"] == "Since noon."
    assert items[1]["data"]["agent_name"] == "Agent 1"
    assert items[2]["data"]["body"] == "calm her down"
    assert items[3]["data"]["person_name"].endswith("Person2")
    assert items[4]["data"]["other_reference"] == reference
    assert items[0]["actor_name"] == "history"


async def test_the_timeline_comes_in_pages_and_from_a_version(desk: ReportingDesk, http: httpx.AsyncClient) -> None:
    ticket = await told(desk, *((hour, tickets.NoteAdded(body=f"note {hour}")) for hour in range(1, 8)))

    first = await get(http, f"/tickets/{ticket}/events", limit=3)
    second = await get(http, f"/tickets/{ticket}/events", limit=3, cursor=first["next_cursor"])
    third = await get(http, f"/tickets/{ticket}/events", limit=3, cursor=second["next_cursor"])
    behind = await get(http, f"/tickets/{ticket}/events", after=6)

    versions = [item["streamversion"] for page in (first, second, third) for item in page["items"]]
    assert versions == list(range(1, 9))
    assert third["next_cursor"] is None
    assert [item["streamversion"] for item in behind["items"]] == [7, 8]


async def test_a_ticket_of_another_client_is_not_there(desk: ReportingDesk) -> None:
    foreign = await told(desk, client="globex")
    reference = await desk.reporting.fetchval("SELECT prefix || '-' || number FROM tickets WHERE ticket = $1", foreign)

    async with reporting_api(desk, await desk.token(Role.AGENT, "acme"), NOON) as (http, _):
        nothing = (await http.get("/api/v1/tickets/ACME-999999")).json()
        for name in (str(foreign), reference):
            for path in (f"/tickets/{name}", f"/tickets/{name}/events"):
                answer = await http.get(f"/api/v1{path}")
                assert answer.status_code == 404
                assert answer.json() == nothing | {"detail": f"there is no ticket {name}"}
        assert (await http.get("/api/v1/clients/globex")).status_code == 404
        assert [item["id"] for item in (await get(http, "/clients"))["items"]] == ["acme"]
        assert (await http.get("/api/v1/events", params={"client": "globex"})).status_code == 404


async def test_what_is_no_reference_is_not_found(http: httpx.AsyncClient) -> None:
    for name in ("ACME-0", "ACME-99999999999999999", "NOBODY-1", "hello", "ACME-", "%00", "é" * 40):
        answer = await http.get(f"/api/v1/tickets/{name}")
        assert answer.status_code == 404, name


async def test_a_subscriber_without_the_scope_reads_sealed_text(desk: ReportingDesk) -> None:
    ticket = await told(
        desk, (1, tickets.MessageReceived(author=desk.desk.requesters["acme"][1], body="Hello?", channel=Channel.MAIL))
    )

    async with reporting_api(desk, await desk.token(Role.SUBSCRIBER, "acme"), NOON) as (http, _):
        sealed = (await get(http, f"/tickets/{ticket}/events"))["items"][1]["data"]["body"]
    async with reporting_api(desk, await desk.token(Role.SUBSCRIBER, "acme", scopes=("personal",)), NOON) as (http, _):
        opened = (await get(http, f"/tickets/{ticket}/events"))["items"][1]["data"]["body"]

    assert set(sealed) == {"sealed", "person"}
    assert opened == "Hello?"


# --- the guest


async def guest(desk: ReportingDesk, http: httpx.AsyncClient, ticket: UUID, **asked: Any) -> httpx.Response:
    reference = await desk.reporting.fetchval("SELECT prefix || '-' || number FROM tickets WHERE ticket = $1", ticket)
    key = guest_key(desk.settings.session_secret_bytes, ticket)
    headers = {"Authorization": ""}
    return await http.get(f"/api/v1/guest/tickets/{reference}", params={"key": key, **asked}, headers=headers)


async def test_a_guest_sees_what_was_said_to_him_and_nothing_of_the_inside(
    desk: ReportingDesk, http: httpx.AsyncClient
) -> None:
    ticket = await told(
        desk,
        (1, tickets.NoteAdded(body="a difficult one")),
        (1, tickets.PrioritySet(priority=Priority.P4, reason="can wait")),
        (2, tickets.ReplySent(body="We look into it.")),
        (2, tickets.CheckpointPromised(due_at=NOON + 5 * HOUR, by=PromisedBy.AGENT, text="We measure the line")),
        (3, tickets.FindingRecorded(finding=Finding.WE_MUST_FIX, cause=CauseClass.OUR_FAULT, text="bad patch")),
        (4, tickets.TicketResolved(summary="A cable was loose.")),
    )

    answer = await guest(desk, http, ticket, client="acme")

    shown = answer.json()
    GuestTicketShape.model_validate(shown)
    assert [(entry["kind"], entry["text"]) for entry in shown["history"]] == [
        ("submitted", "Since noon."),
        ("reply", "We look into it."),
        ("promised", "We measure the line"),
        ("resolved", "A cable was loose."),
    ]
    for inside in ("difficult", "can wait", "bad patch", "P4", "our_fault"):
        assert inside not in answer.text


async def test_a_key_opens_its_own_ticket_only(desk: ReportingDesk, http: httpx.AsyncClient) -> None:
    one, other = await told(desk), await told(desk)
    wrong = guest_key(desk.settings.session_secret_bytes, other)

    for asked in ({"key": wrong}, {"key": ""}, {"key": "é"}, {"client": "globex"}):
        answer = await guest(desk, http, one, **asked)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


# --- lists


async def test_clients_come_by_name_in_pages(http: httpx.AsyncClient) -> None:
    first = await get(http, "/clients", limit=1)
    second = await get(http, "/clients", limit=1, cursor=first["next_cursor"])

    ClientsShape.model_validate(first)
    assert [page["items"][0]["id"] for page in (first, second)] == ["acme", "globex"]
    assert second["next_cursor"] is None
    ClientShape.model_validate(await get(http, "/clients/acme"))
    assert (await http.get("/api/v1/clients/nobody")).status_code == 404


async def test_agents_come_with_their_names_opened(http: httpx.AsyncClient) -> None:
    first = await get(http, "/agents", limit=2)
    second = await get(http, "/agents", limit=2, cursor=first["next_cursor"])

    AgentsShape.model_validate(first)
    assert {item["name"] for page in (first, second) for item in page["items"]} == {"Agent 0", "Agent 1", "Agent 2"}


async def test_a_reader_of_one_client_sees_its_agents_alone_and_no_other_client(desk: ReportingDesk) -> None:
    mine, shared, foreign = sorted(desk.desk.agents)
    for agent, clients in ((mine, ["acme"]), (shared, ["acme", "globex"]), (foreign, ["globex"])):
        await desk.owner.execute(
            "UPDATE reporting_directory.agents SET clients = $2, teams = '{globex-team}' WHERE agent = $1",
            agent, clients,
        )  # fmt: skip
    try:
        async with reporting_api(desk, await desk.token(Role.MANAGER, "acme"), NOON) as (http, _):
            found = AgentsShape.model_validate(await get(http, "/agents"))
            answers = [await http.get(f"/api/v1{path}") for path in ("/agents", "/clients", "/queue", "/dashboard")]
            lanes = await http.get("/api/v1/subscribers")
    finally:
        await desk.owner.execute("UPDATE reporting_directory.agents SET clients = '{}', teams = '{}'")

    assert [(item.id, item.address, item.clients) for item in found.items] == [
        (mine, None, ["acme"]), (shared, None, ["acme"]),
    ]  # fmt: skip
    assert all(answer.status_code == 200 and "globex" not in answer.text.lower() for answer in answers)
    assert (lanes.status_code, lanes.json()["items"]) == (200, [])


async def test_health_tells_a_stranger_nothing_but_that_it_answers(desk: ReportingDesk) -> None:
    async with reporting_api(desk, "none", NOON) as (http, _):
        answer = await http.get("/api/v1/health", headers={"Authorization": ""})

    assert answer.json() == {"status": "ok"}


async def test_metrics_are_told_on_the_own_machine_and_to_who_sees_all_clients(desk: ReportingDesk) -> None:
    """They hold how far each consumer is behind: other clients' volume."""
    near, far = ("127.0.0.1", 40_000), ("203.0.113.9", 40_000)
    asked: list[tuple[tuple[str, int], dict[str, str], int]] = [
        (near, {}, 200),
        (near, {"x-forwarded-for": "203.0.113.9"}, 403),
        (far, {}, 403),
        (far, {"authorization": f"Bearer {await desk.token(Role.AUDITOR)}"}, 200),
        (far, {"authorization": f"Bearer {await desk.token(Role.AUDITOR, 'acme')}"}, 403),
        (far, {"authorization": f"Bearer {await desk.token(Role.SUBSCRIBER)}"}, 403),
    ]
    async with reporting_api(desk, "none", NOON) as (_, app):
        for client, headers, status in asked:
            transport = httpx.ASGITransport(app, client=client)
            async with httpx.AsyncClient(transport=transport, base_url="http://desk.example") as caller:
                answer = await caller.get("/api/v1/metrics", headers=headers)
            assert answer.status_code == status, (client, headers)
            assert status == 200 or "token create" in answer.json()["remedy"]


async def test_a_broken_cursor_of_a_list_is_refused(http: httpx.AsyncClient) -> None:
    for path in ("/clients", "/agents", "/mailbox"):
        for cursor in ("abc", "W10", "WyJhIl0", "WzFd", "e30"):
            answer = await http.get(f"/api/v1{path}", params={"cursor": cursor})
            assert answer.status_code == 422, (path, cursor)


async def test_kept_letters_are_opened_newest_first(desk: ReportingDesk, http: httpx.AsyncClient) -> None:
    ticket = await told(desk)
    person = desk.desk.requesters["acme"][1]
    seal = desk.writer.vault.sealer(person)
    for number in range(3):
        content = {name: seal(f"{name} {number}") for name in ("to", "subject", "text", "html")}
        await desk.owner.execute(
            "INSERT INTO notification.mailbox (lane, id, kept_at, client, ticket, reference, person, letter, language,"
            " message_id, headers, content)"
            " VALUES ($1, $2, $3, 'acme', $4, 'ACME-1', $5, 'receipt', 'en', '<x@y>', $6, $7)",
            lane_of_client("acme"), desk.desk.new_id("acme"), NOON + number * HOUR, ticket, person,
            {"From": "Desk <desk@desk.example>"}, content,
        )  # fmt: skip

    first = await get(http, "/mailbox", limit=2)
    second = await get(http, "/mailbox", limit=2, cursor=first["next_cursor"])

    LettersShape.model_validate(first)
    assert [item["subject"] for page in (first, second) for item in page["items"]] == [
        "subject 2", "subject 1", "subject 0",
    ]  # fmt: skip
    async with reporting_api(desk, await desk.token(Role.AGENT, "globex"), NOON) as (foreign, _):
        assert (await get(foreign, "/mailbox"))["items"] == []


async def test_subscribers_tell_how_far_they_are_behind(desk: ReportingDesk, http: httpx.AsyncClient) -> None:
    await desk.owner.execute("INSERT INTO log.cursors (lane, consumer, position) VALUES (0, 'triage', 0)")

    found = SubscribersShape.model_validate(await get(http, "/subscribers"))

    total = await desk.owner.fetchval("SELECT sum(position) FROM log.lanes")
    assert [(item.name, item.behind) for item in found.items] == [("triage", total), ("timers", 0)]


# --- the feed of a client


async def test_the_feed_holds_a_clients_events_by_their_sequence(desk: ReportingDesk) -> None:
    async with reporting_api(desk, await desk.token(Role.SUBSCRIBER, "acme"), NOON) as (http, _):
        lines: list[dict[str, Any]] = []
        while True:
            after = lines[-1]["sequence"] if lines else "0"
            page = await http.get("/api/v1/events", params={"after": after, "limit": 40})
            assert page.headers["content-type"] == "application/x-ndjson"
            found = [orjson.loads(line) for line in page.content.splitlines()]
            lines += found
            if not found:
                break

    assert [int(line["sequence"]) for line in lines] == list(range(1, len(lines) + 1))
    assert {line["client"] for line in lines} == {"acme"}
    assert all(line["specversion"] == "1.0" for line in lines)
    born = [line for line in lines if line["type"] == "ticket.submitted"]
    assert {type(line["data"]["subject"]) for line in born} == {dict}


async def test_an_erased_person_reads_erased_everywhere(desk: ReportingDesk) -> None:
    person = desk.desk.requesters["globex"][3]
    stream = desk.desk.new_id("globex")
    birth = tickets.TicketSubmitted(
        prefix="GLOBEX", requester=person, subject="my secret", body="my words", channel=Channel.WEB
    )
    await desk.writer.write("globex", stream, [(NOON, birth, person)])
    await desk.owner.execute("DELETE FROM personal.people WHERE person = $1", person)
    await desk.writer.write("globex", person, [(NOON, PersonErased(person=person), None)])
    await desk.feed()

    async with reporting_api(desk, await desk.token(), NOON) as (http, _):
        shown = await get(http, f"/tickets/{stream}")
        assert (shown["subject"], shown["requester"]["name"]) == (ERASED, ERASED)
        row = next(item for item in (await get(http, "/queue", limit=200))["items"] if item["id"] == str(stream))
        assert (row["subject"], row["requester_name"]) == (ERASED, ERASED)
        assert (await get(http, "/queue", q="secret"))["items"] == []
