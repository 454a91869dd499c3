"""Calendars and policies set through the API: versions, previews, refusals by field."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import holidays
import pytest

from contracts.calendars import CalendarSet
from contracts.model import DESK
from contracts.people import Role
from contracts.policies import PolicySet
from contracts.subjects import client_stream
from services.kit.configuration import read_books
from services.kit.log.read import read_stream
from services.kit.rules.open_time import us
from services.kit.settings import Settings
from tests.integration.intake_desk import ACME, IntakeDesk, open_desk
from tests.integration.test_intake_people import daybook

OFFICE: dict[str, Any] = {
    "zone": "Europe/Zurich",
    "hours": {day: [["08:00", "12:00"], ["13:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")},
    "public_holidays": ["CH-ZH"],
}
POLICY: dict[str, Any] = {
    "rows": [
        {"targets": {"first_reply": "4h", "resolution": "24h"}},
        {"priority": "P1", "targets": {"first_reply": "15m", "resolution": "4h"}},
    ]
}


@pytest.fixture(scope="module")
async def desk(database: Settings) -> AsyncIterator[IntakeDesk]:
    async with open_desk(database) as opened:
        await opened.send("PUT", "/clients/acme", ACME)
        yield opened


async def test_a_calendar_and_a_policy_are_versions_with_a_preview(desk: IntakeDesk) -> None:
    first = await desk.send("PUT", "/clients/acme/calendar", OFFICE)
    assert (first.status_code, first.json()["version"]) == (201, 1)
    again = await desk.send("PUT", "/clients/acme/calendar", OFFICE)
    assert (again.status_code, again.json()["version"]) == (200, None)
    longer = {**OFFICE, "hours": {**OFFICE["hours"], "sat": [["09:00", "12:00"]]}}
    assert (await desk.send("PUT", "/clients/acme/calendar", longer)).json()["version"] == 2
    policy = await desk.send("PUT", "/clients/acme/policy", POLICY)
    assert (policy.status_code, policy.json()["version"]) == (201, 1)
    urgent = next(line for line in policy.json()["preview"] if (line["row"], line["metric"]) == (2, "resolution"))
    assert urgent["tickets"] == "priority P1"
    asked, due = (datetime.fromisoformat(urgent[name]) for name in ("asked_at", "due_at"))
    assert (f"{asked:%a %H:%M}", due > asked) == ("Fri 16:50", True)
    assert (await desk.send("PUT", "/clients/acme/policy", POLICY)).status_code == 200
    events = [event.data for event in await read_stream(desk.pool, client_stream("acme"))]
    kept = [event for event in events if isinstance(event, CalendarSet | PolicySet)]
    assert [(event.type, event.version) for event in kept] == [
        ("client.calendar_set", 1),
        ("client.calendar_set", 2),
        ("client.policy_set", 1),
    ]
    assert isinstance(kept[0], CalendarSet)
    assert len({day.year for day in kept[0].holidays}) == 12


async def test_a_client_is_still_changed_after_its_calendar(desk: IntakeDesk) -> None:
    changed = await desk.send("PUT", "/clients/acme", {**ACME, "name": "Acme Foundries"})
    assert changed.status_code == 200
    assert (await desk.send("PUT", "/clients/acme", {**ACME, "name": "Acme Foundries"})).status_code == 200


async def test_the_desk_has_terms_for_clients_without_their_own(desk: IntakeDesk) -> None:
    await desk.send("PUT", "/clients/bare", {"name": "Bare", "prefix": "BARE"})
    assert (await desk.send("PUT", f"/clients/{DESK}/calendar", OFFICE)).status_code == 201
    assert (await desk.send("PUT", f"/clients/{DESK}/policy", POLICY)).status_code == 201
    books = await read_books(desk.pool, "bare")
    version = books.policies.at(us(datetime.now(UTC)))
    assert version is not None
    assert version.label == "default-1"
    assert books.calendars.at("default", us(datetime.now(UTC))).version == "default-1"


@pytest.mark.parametrize(
    ("path", "body", "code", "field"),
    [
        ("calendar", {"zone": "Mars/X", "hours": {"mon": [["09:00", "17:00"]]}}, "invalid_field", "zone"),
        ("calendar", {"zone": "UTC", "hours": {}}, "invalid_field", "hours"),
        ("calendar", {**OFFICE, "hours": {"mon": [["17:00", "09:00"]]}}, "invalid_field", "hours"),
        ("calendar", {**OFFICE, "hours": {"mon": [["08:00", "12:00"], ["11:00", "17:00"]]}}, "invalid_field", "hours"),
        (
            "calendar",
            {**OFFICE, "closed": ["2199-12-24"], "special": {"2199-12-24": [["09:00", "12:00"]]}},
            "invalid_field",
            "special",
        ),
        ("calendar", {**OFFICE, "public_holidays": ["XX"]}, "unknown_region", "public_holidays"),
        ("calendar", {**OFFICE, "holds_from": "2020-01-01T00:00:00Z"}, "holds_from_past", "holds_from"),
        ("calendar", {"zone": "UTC", "special": {"2020-01-01": [["09:00", "10:00"]]}}, "calendar_closed", "hours"),
        ("calendar", {**OFFICE, "holidays": []}, "unknown_field", "holidays"),
        ("policy", {**POLICY, "calendar": "nights"}, "unknown_calendar", "calendar"),
        ("policy", {"rows": [POLICY["rows"][0]] * 2}, "invalid_field", "rows"),
        ("policy", {"rows": [{"targets": {"resolution": 0}}]}, "invalid_field", "rows.0.targets.resolution.seconds"),
        ("policy", {"rows": [{"client": "bolt", "targets": {"resolution": 60}}]}, "invalid_field", "rows.0.client"),
    ],
)
async def test_what_contradicts_itself_is_refused_by_field(
    desk: IntakeDesk, path: str, body: dict[str, Any], code: str, field: str | None
) -> None:
    answer = await desk.send("PUT", f"/clients/acme/{path}", body)
    assert answer.status_code == 422, answer.text
    told = answer.json()
    assert (told["code"], told.get("field") or None) == (code, field), told


async def test_a_list_of_holidays_that_fails_to_load_is_an_error_and_never_a_calendar_without_any(
    desk: IntakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("easter")

    body = {**OFFICE, "public_holidays": ["NO"]}
    monkeypatch.setattr(holidays, "country_holidays", broken)
    answer = await desk.send("PUT", "/clients/acme/calendar", body)
    told = answer.json()
    assert (answer.status_code, told["code"], told["field"]) == (503, "holidays_unavailable", "public_holidays")
    assert "KeyError" in told["detail"]
    assert told["remedy"]
    monkeypatch.undo()
    assert (await desk.send("PUT", "/clients/acme/calendar", body)).status_code == 201


async def test_an_unknown_client_and_another_ones_token_are_refused(desk: IntakeDesk) -> None:
    assert (await desk.send("PUT", "/clients/nobody/calendar", OFFICE)).json()["code"] == "unknown_client"
    other = await desk.token(Role.MANAGER, "bolt")
    assert (await desk.send("PUT", "/clients/acme/calendar", OFFICE, token=other)).status_code == 404
    assert (await desk.send("PUT", f"/clients/{DESK}/policy", POLICY, token=other)).status_code == 404
    agent = await desk.token(Role.AGENT)
    assert (await desk.send("PUT", "/clients/acme/policy", POLICY, token=agent)).status_code == 403


async def test_the_sets_that_ship_are_applied_and_again_change_nothing(desk: IntakeDesk, database: Settings) -> None:
    code, out = await daybook(database, "clients", "apply", "operations")
    assert (code, "calendar always version 1" in out) == (0, True), out
    code, out = await daybook(database, "clients", "apply", "operations")
    assert (code, out.count("unchanged")) == (0, 3), out
