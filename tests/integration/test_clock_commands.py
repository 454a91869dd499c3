"""What people say of clocks, promises and merges, through the API: done, refused by field, and by whom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts import sla
from contracts.calendars import CalendarCorrected
from contracts.people import Role
from contracts.sla import Metric
from contracts.subjects import client_stream
from contracts.ticket_state import Closed, Held, Waiting
from contracts.tickets import MessageReceived, TicketSubmitted
from services.kit.configuration import read_books
from services.kit.log.read import read_stream
from services.kit.rules.clocks import clocks
from services.kit.rules.open_time import us
from services.kit.settings import Settings
from tests.integration.intake_desk import IntakeDesk, open_desk

ALWAYS: dict[str, Any] = {"zone": "UTC", "hours": {day: [["00:00", "24:00"]] for day in
                          ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}}  # fmt: skip
POLICY: dict[str, Any] = {
    "rows": [
        {"targets": {"first_reply": "6h", "update": "12h", "promise": "4h"}},
        {"category": "quick", "targets": {"first_reply": "1s"}},
        {"category": "quick", "priority": "P1", "targets": {"first_reply": "1s"}},
        {"priority": "P1", "targets": {"promise": "30m", "resolution": "4h"}},
    ]
}
SOON = timedelta(minutes=1)


@pytest.fixture(scope="module")
async def desk(database: Settings) -> AsyncIterator[IntakeDesk]:
    async with open_desk(database) as opened:
        for path, body in (("calendar", ALWAYS), ("policy", POLICY)):
            answer = await opened.send("PUT", f"/clients/acme/{path}", body)
            assert answer.status_code in {200, 201}, answer.text
        yield opened


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def now() -> datetime:
    return datetime.now(UTC)


async def held(desk: IntakeDesk, ticket: str) -> Held:
    found = await desk.folded(ticket)
    assert isinstance(found, Held)
    return found


async def test_a_policy_says_when_the_requester_hears(desk: IntakeDesk) -> None:
    answer = await desk.submit()
    wait = at(answer["reply_expected_by"]) - now()
    assert timedelta(hours=4) - SOON < wait <= timedelta(hours=4)
    other = await desk.submit("bolt")
    assert timedelta(hours=4) - SOON < at(other["reply_expected_by"]) - now() <= timedelta(hours=4)


async def test_a_higher_priority_brings_the_promise_forward_and_never_back(desk: IntakeDesk) -> None:
    ticket = (await desk.submit())["id"]
    raised = await desk.post(f"/tickets/{ticket}/priority", {"priority": "P1", "reason": "The whole floor"})
    assert at(raised.json()["next_update_by"]) - now() <= timedelta(minutes=30)
    lowered = await desk.post(f"/tickets/{ticket}/priority", {"priority": "P4", "reason": "It works"})
    assert lowered.json()["next_update_by"] == raised.json()["next_update_by"]
    again = await desk.post(f"/tickets/{ticket}/checkpoint/anew", {})
    assert again.json()["version"] == lowered.json()["version"]


async def test_a_pin_is_set_moved_and_taken_back(desk: IntakeDesk) -> None:
    ticket = (await desk.submit())["id"]
    due = (now() + timedelta(hours=2)).isoformat()
    pin = {"metric": "resolution", "due_at": due, "reason": "Promised on the phone"}
    first = await desk.post(f"/tickets/{ticket}/pin", pin)
    assert first.status_code == 200, first.text
    assert (await desk.post(f"/tickets/{ticket}/pin", pin)).json()["version"] == first.json()["version"]
    events = await desk.events(ticket)
    books = await read_books(desk.pool, "acme")
    state = clocks(events, books.policies, books.calendars, events[-1].occurred_at)
    cycle = next(cycle for cycle in state.cycles if cycle.metric is Metric.RESOLUTION)
    assert cycle.pin == us(at(due))
    back = await desk.post(f"/tickets/{ticket}/unpin", {"metric": "resolution"})
    assert back.json()["version"] == first.json()["version"] + 1
    again = await desk.post(f"/tickets/{ticket}/unpin", {"metric": "resolution"})
    assert again.json()["version"] == back.json()["version"]


@pytest.mark.parametrize(
    ("path", "body", "code", "field"),
    [
        ("pin", {"metric": "promise", "due_at": "2200-01-01T00:00:00Z", "reason": "x"}, "promise_not_pinned", "metric"),
        ("pin", {"metric": "update", "due_at": "2020-01-01T00:00:00Z", "reason": "x"}, "deadline_past", "due_at"),
        ("pin", {"metric": "update", "due_at": "2190-01-01T00:00:00Z", "reason": "x"}, "deadline_too_far", "due_at"),
        ("pin", {"metric": "speed", "due_at": "2190-01-01T00:00:00Z", "reason": "x"}, "invalid_field", "metric"),
        ("pin", {"metric": "update", "due_at": "2190-01-01T00:00:00Z"}, "missing_field", "reason"),
        ("pin", {"metric": "update", "due_at": "2190-01-01T00:00:00", "reason": "x"}, "invalid_field", "due_at"),
        ("waiver", {"cycle": "first_reply/9", "reason": "x"}, "unknown_cycle", "cycle"),
        ("waiver", {"cycle": "first_reply/1", "reason": "x"}, "not_breached", "cycle"),
        ("waiver", {"cycle": "first_reply/1", "reason": ""}, "invalid_field", "reason"),
        ("waiver", {"cycle": "first reply", "reason": "x"}, "invalid_field", "cycle"),
        ("merge", {"into": "ACME-99999"}, "unknown_ticket", "into"),
        ("split", {"messages": [str(client_stream("x"))], "subject": "x"}, "unknown_message", "messages.0"),
        ("split", {"messages": [], "subject": "x"}, "invalid_field", "messages"),
        ("unsplit", {"ticket": "ACME-99999"}, "not_split", "ticket"),
        ("escalation", {"level": "L9", "reason": "x"}, "invalid_field", "level"),
        ("notices", {"agent": str(client_stream("x")), "metric": "update", "cycle": "update/1",
                     "due_at": "2190-01-01T00:00:00Z"}, "unknown_agent", "agent"),
    ],
)  # fmt: skip
async def test_what_can_t_be_is_refused_by_field(
    desk: IntakeDesk, path: str, body: dict[str, Any], code: str, field: str
) -> None:
    ticket = (await desk.submit())["id"]
    answer = await desk.post(f"/tickets/{ticket}/{path}", body)
    assert 400 <= answer.status_code < 500
    assert (answer.json()["code"], answer.json()["field"]) == (code, field), answer.text
    assert answer.json()["remedy"]
    assert len(await desk.events(ticket)) == 2


async def test_a_breach_is_waived_once_with_its_reason(desk: IntakeDesk) -> None:
    ticket = (await desk.submit(category="quick"))["id"]
    body = {"cycle": "first_reply/1", "reason": "The client closed the office"}
    answer = await desk.post(f"/tickets/{ticket}/waiver", body)
    while answer.json().get("code") == "not_breached":
        await asyncio.sleep(0.05)
        answer = await desk.post(f"/tickets/{ticket}/waiver", body)
    assert answer.status_code == 200, answer.text
    waived = (await desk.events(ticket))[-1].data
    assert isinstance(waived, sla.SlaWaived)
    assert (waived.metric, waived.cycle, isinstance(waived.reason, str)) == (Metric.FIRST_REPLY, "first_reply/1", False)
    assert (await desk.post(f"/tickets/{ticket}/waiver", body)).json()["version"] == answer.json()["version"]


async def test_who_leads_no_desk_may_neither_waive_nor_pin(desk: IntakeDesk) -> None:
    ticket = (await desk.submit())["id"]
    pin = {"metric": "update", "due_at": (now() + timedelta(hours=1)).isoformat(), "reason": "x"}
    for role in (Role.AGENT, Role.LEAD, Role.AUDITOR, Role.INTAKE, Role.SUBSCRIBER):
        token = await desk.token(role)
        for path, body in (("waiver", {"cycle": "update/1", "reason": "x"}), ("pin", pin)):
            assert (await desk.post(f"/tickets/{ticket}/{path}", body, token=token)).status_code == 403
    assert (await desk.post(f"/tickets/{ticket}/pin", pin, token=await desk.token(Role.MANAGER))).status_code == 200


async def test_another_client_s_ticket_is_not_there(desk: IntakeDesk) -> None:
    ticket, own = (await desk.submit())["id"], (await desk.submit("bolt"))["id"]
    token = await desk.token(Role.MANAGER, "bolt")
    pin = {"metric": "update", "due_at": (now() + timedelta(hours=1)).isoformat(), "reason": "x"}
    for path, body in (
        ("pin", pin),
        ("unpin", {"metric": "update"}),
        ("waiver", {"cycle": "update/1", "reason": "x"}),
        ("escalation", {"level": "L2", "reason": "x"}),
        ("merge", {"into": own}),
        ("unmerge", {}),
        ("split", {"messages": [str(client_stream("x"))], "subject": "x"}),
        ("unsplit", {"ticket": own}),
        ("adopt", {}),
        ("checkpoint/anew", {}),
    ):
        assert (await desk.post(f"/tickets/{ticket}/{path}", body, token=token)).status_code == 404, path
    hidden = await desk.post(f"/tickets/{own}/merge", {"into": ticket}, token=token)
    unknown = await desk.post(f"/tickets/{own}/merge", {"into": "BOLT-99999"}, token=token)
    assert hidden.json() == unknown.json()
    correction = correct(1)
    assert (await desk.post("/clients/acme/calendar/corrections", correction, token=token)).status_code == 404
    assert (await desk.post("/clients/acme/preview", {}, token=token)).status_code == 404


async def test_undoing_a_merge_gives_back_status_and_clocks(desk: IntakeDesk) -> None:
    ticket, other = (await desk.submit())["id"], await desk.submit()
    wait = {"status": "waiting_for_customer", "explanation": "Which floor?"}
    await desk.post(f"/tickets/{ticket}/status", wait)
    before = await held(desk, ticket)
    merged = await desk.post(f"/tickets/{ticket}/merge", {"into": other["reference"]})
    assert merged.status_code == 200, merged.text
    assert isinstance(await held(desk, ticket), Closed)
    assert (await desk.post(f"/tickets/{ticket}/replies", {"body": "?"})).json()["code"] == "merged"
    back = await desk.post(f"/tickets/{ticket}/unmerge", {"reason": "Another printer"})
    after = await held(desk, ticket)
    assert (back.json()["status"], isinstance(after, Waiting)) == ("waiting_for_customer", True)
    assert (after.promise, after.closed_at, after.merged_into) == (before.promise, None, None)
    books = await read_books(desk.pool, "acme")
    events = await desk.events(ticket)
    at_end = events[-1].occurred_at + timedelta(hours=30)
    plain = [event for event in events if event.type not in {"ticket.merged", "ticket.unmerged"}]
    found, expected = (
        [(cycle.id, cycle.parts, cycle.due(), cycle.firings) for cycle in state.cycles]
        for state in (clocks(one, books.policies, books.calendars, at_end) for one in (events, plain))
    )
    assert found == expected


async def test_a_call_counts_from_when_it_was_answered(desk: IntakeDesk) -> None:
    ticket = (await desk.submit(channel="phone"))["id"]
    began = (now() - timedelta(minutes=20)).isoformat()
    call = {"body": "We spoke.", "channel": "phone", "answered_at": began}
    assert (await desk.post(f"/tickets/{ticket}/replies", call)).status_code == 200
    assert (await held(desk, ticket)).first_reply_at == at(began)
    late = call | {"answered_at": (now() + timedelta(hours=1)).isoformat()}
    assert (await desk.post(f"/tickets/{ticket}/replies", late)).json()["field"] == "answered_at"
    mail = call | {"channel": "mail"}
    assert (await desk.post(f"/tickets/{ticket}/replies", mail)).json()["code"] == "not_a_call"


def correct(number: int, **more: Any) -> dict[str, Any]:
    calendar = {"zone": "UTC", "hours": {"mon": [["08:00", "12:00"]]}}
    wrong = {"wrong_from": "2026-01-01T00:00:00Z", "wrong_to": "2190-01-01T00:00:00Z"}
    return {"version": number, "calendar": calendar, "reason": "The office was closed"} | wrong | more


async def test_a_calendar_that_was_wrong_is_corrected_once(desk: IntakeDesk) -> None:
    path = "/clients/acme/calendar/corrections"
    assert (await desk.send("PUT", "/clients/acme/calendar", ALWAYS | {"name": "nights"})).status_code in {200, 201}
    first = await desk.post(path, correct(1, name="nights"))
    assert first.status_code == 201, first.text
    assert (await desk.post(path, correct(1, name="nights"))).status_code == 200
    told = [event.data for event in await read_stream(desk.pool, client_stream("acme"))]
    assert [event.reason for event in told if isinstance(event, CalendarCorrected)] == ["The office was closed"]
    books = await read_books(desk.pool, "acme")
    assert books.calendars.at("nights", us(now())).corrected
    assert (await desk.post(path, correct(1), token=await desk.token(Role.LEAD))).status_code == 403


@pytest.mark.parametrize(
    ("more", "code", "field"),
    [
        ({"version": 77}, "unknown_version", "version"),
        ({"name": "other"}, "unknown_version", "version"),
        ({"wrong_to": "2026-01-02T00:00:00Z"}, "correction_misses", "wrong_to"),
        ({"wrong_to": "2025-01-02T00:00:00Z"}, "invalid_field", "wrong_to"),
        ({"reason": ""}, "invalid_field", "reason"),
        ({"calendar": {"zone": "UTC", "hours": {}}}, "invalid_field", "calendar.hours"),
        ({"calendar": {"zone": "UTC", "hours": {"mon": [["08:00", "12:00"]]}, "hollidays": []}}, "unknown_field",
         "calendar.hollidays"),
        ({"calendar": {"zone": "UTC", "hours": {"mon": [["08:00", "12:00"]]}, "public_holidays": ["XX"]}},
         "unknown_region", "public_holidays"),
    ],
)  # fmt: skip
async def test_a_correction_that_can_t_be_is_refused_by_field(
    desk: IntakeDesk, more: dict[str, Any], code: str, field: str | None
) -> None:
    answer = await desk.post("/clients/acme/calendar/corrections", correct(1, **more))
    told = answer.json()
    assert (answer.status_code, told["code"], told.get("field") or None) == (422, code, field), told


async def test_terms_are_previewed_before_they_are_set(desk: IntakeDesk) -> None:
    wanted = {"rows": [{"priority": "P2", "targets": {"resolution": "4h"}}]}
    answer = await desk.post("/clients/acme/preview", {"policy": wanted, "at": "2190-01-01T16:50:00Z"})
    (line,) = answer.json()["preview"]
    assert (line["tickets"], at(line["due_at"])) == ("priority P2", at("2190-01-01T20:50:00Z"))
    bad = await desk.post("/clients/acme/preview", {"policy": {"rows": [{"targets": {"resolution": 0}}]}})
    assert (bad.status_code, bad.json()["field"]) == (422, "policy.rows.0.targets.resolution.seconds")
    assert len((await read_books(desk.pool, "acme")).policies.versions) == 1


async def test_a_message_goes_on_by_itself_and_comes_back(desk: IntakeDesk) -> None:
    first = await desk.submit()
    ticket, words = first["id"], "And the scanner is broken, too."
    await desk.post(f"/tickets/{ticket}/replies", {"body": "We look at the printer."})
    await desk.post(f"/tickets/{ticket}/messages", {"body": words})
    message = next(event for event in await desk.events(ticket) if event.type == "ticket.message_received")
    split = await desk.post(
        f"/tickets/{ticket}/split", {"messages": [str(message.id)], "subject": "Scanner"}, idempotency_key="split-1"
    )
    assert split.status_code == 201, split.text
    other = split.json()
    assert other["reference"] != first["reference"]
    assert other["reply_expected_by"]
    again = await desk.post(
        f"/tickets/{ticket}/split", {"messages": [str(message.id)], "subject": "Scanner"}, idempotency_key="split-1"
    )
    assert (again.json(), again.headers["idempotency-replayed"]) == (other, "true")
    here, there = await held(desk, ticket), await held(desk, other["id"])
    assert (here.messages, there.split_from, there.requester) == (1, here.id, here.requester)
    born = (await desk.events(other["id"]))[0].data
    assert isinstance(born, TicketSubmitted)
    assert isinstance(message.data, MessageReceived)
    assert born.body == message.data.body, "sealed as it was"
    books = await read_books(desk.pool, "acme")
    started = clocks(await desk.events(other["id"]), books.policies, books.calendars, now()).cycles[0].started
    assert started == us(message.occurred_at)
    back = await desk.post(f"/tickets/{ticket}/unsplit", {"ticket": other["reference"], "reason": "It is one matter"})
    assert back.status_code == 200, back.text
    assert (await held(desk, other["id"])).merged_into == here.id
    assert (await held(desk, ticket)).messages == 2
    assert (await desk.post(f"/tickets/{ticket}/unsplit", {"ticket": other["id"]})).json()["version"] == 7
    assert (await desk.post(f"/tickets/{other['id']}/unmerge", {})).json()["code"] == "split_undone"


async def test_a_ticket_of_another_client_is_no_split_of_this_one(desk: IntakeDesk) -> None:
    ticket, foreign = (await desk.submit())["id"], await desk.submit("bolt")
    answer = await desk.post(f"/tickets/{ticket}/unsplit", {"ticket": foreign["id"]})
    unknown = await desk.post(f"/tickets/{ticket}/unsplit", {"ticket": "BOLT-99999"})
    assert (answer.status_code, answer.json()["field"]) == (404, "ticket")
    assert answer.json() == unknown.json()
    refused = await desk.post(f"/tickets/{ticket}/adopt", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_imported")
