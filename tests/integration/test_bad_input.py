"""What should not come in is refused by name, with the field and the remedy, and leaves nothing behind."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from starlette.types import Message

from contracts.subjects import lane_of_client
from services.kit.settings import Settings
from services.kit.web.codes import CODES
from services.kit.web.limits import BODY_BYTES_MAX, Limited, read_body
from services.kit.web.problem import Problem
from tests.conftest import PoolOf
from tests.integration.intake_desk import IntakeDesk, open_desk, ticket


@pytest.fixture(scope="module")
async def desk(database: Settings) -> AsyncIterator[IntakeDesk]:
    async with open_desk(database) as opened:
        yield opened


async def refused(desk: IntakeDesk, body: Any, path: str = "/tickets", **headers: str) -> dict[str, Any]:
    """The problem that a body meets. Nothing of it is in the log."""
    before = await desk.pool.fetchval("SELECT count(*) FROM log.events")
    response = await desk.post(path, body, **headers)
    assert response.is_client_error, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["status"] == response.status_code == CODES[problem["code"]].status
    assert problem["type"] == f"/problems/{problem['code']}"
    assert problem["remedy"]
    assert await desk.pool.fetchval("SELECT count(*) FROM log.events") == before
    return problem


async def test_an_unknown_client(desk: IntakeDesk) -> None:
    problem = await refused(desk, ticket("nobody"))
    assert (problem["code"], problem["field"]) == ("unknown_client", "client")
    assert "PUT /api/v1/clients" in problem["remedy"]


@pytest.mark.parametrize("slug", ["_desk", "ACME", "a/b", "", "x" * 40])
async def test_what_is_no_client_at_all(desk: IntakeDesk, slug: str) -> None:
    assert (await refused(desk, ticket(slug)))["code"] in {"unknown_client", "invalid_field"}


async def test_an_unknown_field(desk: IntakeDesk) -> None:
    problem = await refused(desk, ticket(urgensy="high"))
    assert (problem["code"], problem["field"]) == ("unknown_field", "urgensy")
    nested = await refused(desk, ticket(requester={"email": "a@b.example", "nmae": "Ann"}))
    assert (nested["code"], nested["field"]) == ("unknown_field", "requester.nmae")


async def test_every_field_at_fault_is_named_at_once(desk: IntakeDesk) -> None:
    problem = await refused(desk, {"client": "acme", "requester": {"email": "not an address"}, "urgency": "now!"})
    assert {(error["field"], error["code"]) for error in problem["errors"]} == {
        ("requester.email", "invalid_field"),
        ("subject", "missing_field"),
        ("body", "missing_field"),
        ("urgency", "invalid_field"),
    }


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"client=acme", "invalid_json"),
        (b"[" * 100_000, "invalid_json"),
        (b"[]", "invalid_field"),
        (b"null", "invalid_field"),
        (b'"text"', "invalid_field"),
        (orjson.dumps(ticket()).replace(b"printer", b"pr\xffnter"), "not_utf8"),
        (orjson.dumps(ticket()).decode().encode("utf-16"), "not_utf8"),
        (orjson.dumps(ticket()).replace(b"printer", b"pr\x00nter"), "nul_byte"),
        (orjson.dumps(ticket()).replace(b"printer", b"pr\\u0000nter"), "nul_byte"),
        (orjson.dumps(ticket()).replace(b"printer", b"pr\\ud800nter"), "invalid_json"),
        (orjson.dumps(ticket(body="x" * 200_001)), "invalid_field"),
        (orjson.dumps(ticket(subject="   ")), "invalid_field"),
    ],
)
async def test_a_body_that_is_none(desk: IntakeDesk, body: bytes, code: str) -> None:
    assert (await refused(desk, body))["code"] == code


async def test_a_backslash_before_u0000_is_text(desk: IntakeDesk) -> None:
    assert (await desk.submit(body="the log says \\u0000 here"))["status"] == "new"


@pytest.mark.parametrize("announced", [True, False])
async def test_two_megabytes(desk: IntakeDesk, announced: bool) -> None:
    body = orjson.dumps(ticket(body="x" * 2_000_000))

    async def in_pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 50_000):
            yield body[start : start + 50_000]

    response = await desk.http.post(
        "/api/v1/tickets",
        content=body if announced else in_pieces(),
        headers={"authorization": f"Bearer {desk.administrator}"},
    )
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert f"{BODY_BYTES_MAX:,}" in response.json()["detail"]


async def test_sixteen_megabytes_with_a_file_are_too_many_too(desk: IntakeDesk) -> None:
    upload = {"name": "big", "content": "A" * 16_000_000}
    assert (await refused(desk, ticket(attachments=[upload])))["code"] == "body_too_large"


async def test_a_file_of_more_than_ten_megabytes(desk: IntakeDesk) -> None:
    upload = {"name": "big", "content": b64encode(bytes(10_000_001)).decode()}
    problem = await refused(desk, ticket(attachments=[upload]))
    assert (problem["code"], problem["field"]) == ("attachment_too_large", "attachments.0.content")


async def test_a_form_s_field_by_the_log_s_own_word(desk: IntakeDesk) -> None:
    """Opened, such an answer could pass for a sealed text of somebody else's."""
    problem = await refused(desk, ticket(answers={"sealed": "AAAA", "person": str(UUID(int=1))}))
    assert problem["code"] == "invalid_field"
    assert "`sealed` is the log's own word" in problem["detail"]
    assert (await desk.submit(answers={"person": "me"}))["status"] == "new"


async def test_a_file_that_is_not_base64(desk: IntakeDesk) -> None:
    problem = await refused(desk, ticket(attachments=[{"name": "odd", "content": "!!!!"}]))
    assert (problem["code"], problem["field"]) == ("bad_attachment", "attachments.0.content")


async def test_the_same_key_with_another_body(desk: IntakeDesk) -> None:
    assert (await desk.post("/tickets", ticket(), idempotency_key="one")).status_code == 201
    assert (await refused(desk, ticket(subject="Other"), idempotency_key="one"))["code"] == "idempotency_key_reused"
    answer = await desk.submit()
    path = f"/tickets/{answer['id']}/notes"
    assert (await desk.post(path, {"body": "a"}, idempotency_key="two")).status_code == 200
    assert (await refused(desk, {"body": "b"}, path, idempotency_key="two"))["code"] == "idempotency_key_reused"


@pytest.mark.parametrize(
    ("header", "value"), [("idempotency_key", ""), ("idempotency_key", "x" * 201), ("if_match", "latest")]
)
async def test_a_header_that_cannot_be_read(desk: IntakeDesk, header: str, value: str) -> None:
    answer = await desk.submit()
    problem = await refused(desk, {"body": "x"}, f"/tickets/{answer['id']}/notes", **{header: value})
    assert (problem["code"], problem["field"].lower()) == ("bad_header", header.replace("_", "-"))


async def test_a_stale_version(desk: IntakeDesk) -> None:
    answer = await desk.submit()
    path = f"/tickets/{answer['id']}"
    await desk.post(f"{path}/notes", {"body": "newer"})
    problem = await refused(desk, {"body": "older"}, f"{path}/replies", if_match=str(answer["version"]))
    assert (problem["code"], problem["field"]) == ("stale_version", "If-Match")


@pytest.mark.parametrize(
    "name", ["ACME-0", "ACME-1x", "acme-1x", "NOPE-1", "ACME-999999999999999999999", "%00", "..", str(UUID(int=7))]
)
async def test_a_ticket_that_is_not_there(desk: IntakeDesk, name: str) -> None:
    assert (await refused(desk, {"body": "x"}, f"/tickets/{name}/notes"))["code"] == "not_found"


@pytest.mark.parametrize("slug", ["_desk", "ACME", "x" * 40, "a.b", "%00"])
async def test_a_client_that_cannot_be(desk: IntakeDesk, slug: str) -> None:
    response = await desk.send("PUT", f"/clients/{slug}", {"name": "X", "prefix": "XX"})
    assert (response.status_code, response.json()["code"]) == (422, "invalid_field")


async def test_a_route_or_method_that_is_not_there(desk: IntakeDesk) -> None:
    assert (await refused(desk, {}, "/tickets/ACME-1/explode"))["code"] == "not_found"
    response = await desk.send("PATCH", "/tickets", {})
    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
    assert response.headers["allow"] == "POST"


async def test_every_answer_forbids_keeping_it(desk: IntakeDesk) -> None:
    response = await desk.post("/tickets", ticket())
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_a_machine_clock_that_jumps_backwards_turns_nothing_round(desk: IntakeDesk, pool_of: PoolOf) -> None:
    answer = await desk.submit()
    ahead = datetime.now(UTC) + timedelta(hours=1)
    lane = lane_of_client("acme")
    await (await pool_of("owner")).execute("UPDATE log.lanes SET recorded_at = $1 WHERE lane = $2", ahead, lane)
    await desk.post(f"/tickets/{answer['id']}/notes", {"body": "an hour earlier, by the machine"})
    await desk.post(f"/tickets/{answer['id']}/notes", {"body": "and another"})
    events = await desk.events(answer["id"])
    for times in ([event.recorded_at for event in events], [event.occurred_at for event in events]):
        assert times == sorted(times)
    assert events[-1].recorded_at >= ahead


# --- bodies that come badly


async def test_a_slow_body_is_given_up() -> None:
    import asyncio

    async def never() -> Message:
        await asyncio.sleep(60)
        return {"type": "http.request"}

    with pytest.raises(Problem) as problem:
        await read_body([], never, bytes_max=10, seconds=0.05)
    assert (problem.value.code, problem.value.status) == ("slow_body", 408)


async def test_a_body_that_drips_is_given_up_as_a_whole() -> None:
    import asyncio

    async def drip() -> Message:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b".", "more_body": True}

    with pytest.raises(Problem) as problem:
        await read_body([], drip, bytes_max=1000, seconds=0.1)
    assert problem.value.code == "slow_body"


async def test_bytes_are_counted_whatever_was_announced() -> None:
    async def more() -> Message:
        return {"type": "http.request", "body": b"x" * 10, "more_body": True}

    with pytest.raises(Problem) as problem:
        await read_body([(b"content-length", b"5")], more, bytes_max=100)
    assert problem.value.code == "body_too_large"


async def test_an_app_that_reads_bodies_itself_is_limited_too() -> None:
    seen: list[bytes] = []

    async def app(_: Any, receive: Any, send: Any) -> None:
        seen.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def call(body: bytes) -> int:
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await Limited(app, bytes_max=10)({"type": "http", "method": "POST", "headers": []}, receive, send)
        return int(sent[0]["status"])

    assert await call(b"short") == 204
    assert await call(b"much too long") == 413
    assert seen == [b"short"]
