"""`daybook sla check`: other desks' own cases, and what it says of files that are wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli.app import Stop, build
from services.cli.sla import checked, load

OFFICE = {"tz": "Europe/Zurich", "hours": {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}}


def case(**said: Any) -> dict[str, Any]:
    return {"id": "one", "calendar": OFFICE, "start": "2026-03-27T15:00:00Z", **said}


def differences(*cases: dict[str, Any]) -> list[dict[str, Any]]:
    return checked("test", {"cases": list(cases)}).differences


def test_every_case_and_timeline_of_other_desks_agrees(shared_data: Path) -> None:
    report = checked("peers", load(shared_data / "sla" / "sla_cases.json"))
    assert report.differences == []
    assert (report.cases.agree, report.timelines.agree) == (203, 6)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        # Friday 16:00 in Zurich; clocks go forward on Sunday: Monday's 10:00 is 08:00 in UTC
        ({"op": "add", "duration_s": 7200}, "2026-03-30T08:00:00Z"),
        ({"op": "add", "duration_s": 3600}, "2026-03-27T16:00:00Z"),
        ({"op": "add", "duration_s": 3600, "boundary_convention": "next_open"}, "2026-03-30T07:00:00Z"),
        ({"op": "add", "duration_s": 0.5}, "2026-03-27T15:00:00.500Z"),
        ({"op": "add", "duration_s": -3600}, "2026-03-27T14:00:00Z"),
        (
            {"op": "add", "duration_s": 3600, "pauses": [["2026-03-27T15:30:00Z", "2026-03-30T07:30:00Z"]]},
            "2026-03-30T08:00:00Z",
        ),
        (
            {"op": "add", "duration_s": 1800, "pauses": [["2026-03-27T15:30:00Z", "2026-03-30T07:30:00Z"]]},
            "2026-03-27T15:30:00Z",
        ),
        ({"op": "add", "duration_s": 3600, "pauses": [["2026-03-27T15:30:00Z", None]]}, None),
        (
            {"op": "subtract", "duration_s": 7200, "pauses": [["2026-03-27T13:00:00Z", "2026-03-27T14:00:00Z"]]},
            "2026-03-27T12:00:00Z",
        ),
        ({"op": "between", "end": "2026-03-27T15:00:01.5Z"}, 1.5),
        ({"op": "between", "end": "2026-03-26T15:00:00Z"}, 0),
        ({"op": "is_open"}, True),
        ({"op": "add", "duration_s": 8 * 3600 * 261 * 180}, None),
        ({"op": "is_open", "start": "9999-12-31T23:59:59-12:00"}, False),
        ({"op": "is_open", "start": "2026-03-27T16:00:00Z"}, False),
        ({"op": "prev_close", "start": "2026-03-29T00:00:00Z"}, "2026-03-27T16:00:00Z"),
    ],
)
def test_a_case_is_answered(said: dict[str, Any], expected: Any) -> None:
    assert differences(case(**said, expected=expected)) == []


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        ({"op": "between", "end": "2030-01-01T00:00:00Z"}, 0),
        ({"op": "is_open"}, False),
        ({"op": "add", "duration_s": 1}, None),
        ({"op": "subtract", "duration_s": 1}, {"error": "never"}),
        ({"op": "next_open"}, None),
        ({"op": "prev_close"}, None),
    ],
)
def test_a_calendar_without_hours_is_never_open(op: dict[str, Any], expected: Any) -> None:
    assert differences(case(**op, expected=expected) | {"calendar": {"tz": "UTC", "hours": {}}}) == []


def test_a_difference_is_told_with_both_answers() -> None:
    (found,) = differences(case(op="add", duration_s=3600, expected="2026-03-27T17:00:00Z"))
    assert found == {
        "id": "one",
        "op": "add",
        "start": "2026-03-27T15:00:00Z",
        "expected": "2026-03-27T17:00:00Z",
        "got": "2026-03-27T16:00:00Z",
    }


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"op": "stretch", "expected": 1}, "op"),
        ({"op": "add", "expected": None}, "duration_s is missing"),
        ({"op": "between", "expected": 0}, "end is missing"),
        ({"op": "add", "expected": 0, "duration_s": float("inf")}, "duration_s: write seconds as a number"),
        ({"op": "is_open"}, "expected: is missing"),
        ({"op": "is_open", "start": "2026-03-27T15:00:00", "expected": True}, "start: an instant needs its zone"),
        ({"op": "is_open", "expected": True, "calendar": {"tz": "Mars/Olympus"}}, "calendar.tz: 'Mars/Olympus' is not"),
        ({"op": "is_open", "expected": True, "calendar": {"tz": "UTC", "hour": {}}}, "calendar.hour"),
        (
            {"op": "is_open", "expected": True, "calendar": {"tz": "UTC", "hours": {"mon": [["9", "17"]]}}},
            "calendar.hours.mon.0.0: '9' can't be read: write HH:MM",
        ),
        ({"op": "is_open", "expected": True, "calendar": {"tz": "UTC", "yearly_holidays": ["25.12."]}}, "write MM-DD"),
        ({"op": "is_open", "expected": True, "calendar": {"hours": {}}}, "calendar.tz: is missing"),
    ],
)
def test_a_case_that_cannot_be_asked_says_where_it_is_wrong(said: dict[str, Any], words: str) -> None:
    (found,) = differences(case(**said))
    assert words in found["error"]


def timeline(**said: Any) -> dict[str, Any]:
    events = [{"at": "2026-03-27T15:00:00Z", "types": ["created"]}, {"at": "2026-03-27T15:10:00Z", "types": ["closed"]}]
    usual = {"id": "life", "policy": {"solution_h": 8}, "calendar": OFFICE, "events": events, "checks": []}
    return {**usual, **said}


BACKWARDS = [
    {"at": "2026-03-27T15:00:00Z", "types": ["created"]},
    {"at": "2026-03-27T14:59:59Z", "types": ["closed"]},
]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"policy": {"solution_h": 0}}, "policy.solution_h: a target of 0 is broken at once"),
        ({"policy": {}}, "policy: it has no target"),
        ({"policy": {"solution_days": 1}}, "policy.solution_days is not known"),
        ({"events": [{"at": "2026-03-27T15:00:00Z", "types": ["created", "abducted"]}]}, "events.0.types: there is no"),
        ({"events": []}, "events"),
        ({"checks": [{"after_event": 7, "expect": {}}]}, "checks: after_event 7"),
        ({"checks": [{"after_event": 0, "expect": {"mood": "good"}}]}, "'mood' can't be asked"),
        ({"events": BACKWARDS}, "events.1.at: 2026-03-27T14:59:59+00:00 is before the event before it"),
    ],
)
def test_a_timeline_that_cannot_be_asked_says_where_it_is_wrong(said: dict[str, Any], words: str) -> None:
    (found,) = checked("test", {"timelines": [timeline(**said)]}).differences
    assert found["id"] == "life"
    assert words in found["error"]


def test_events_of_one_instant_are_taken_in_the_order_of_the_file() -> None:
    at = "2026-03-27T15:00:00Z"
    words = (["created", "customer_message"], ["agent_reply"], ["state:pending"])
    expect = {"response_due": None, "status": "Paused", "first_response_breached": False}
    asked = timeline(
        events=[{"at": at, "types": types} for types in words],
        policy={"response_h": 1, "solution_h": 8},
        checks=[{"after_event": 2, "expect": expect}],
    )
    assert checked("test", {"timelines": [asked]}).differences == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "neither cases nor timelines"),
        ('{"cases": {}}', "cases of"),
        ('{"cases": []}', "nothing was checked"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, content: str, words: str) -> None:
    file = tmp_path / "cases.json"
    file.write_text(content)
    with pytest.raises(Stop, match=words):
        load(file)


def test_the_command_prints_totals_and_ends_with_1_where_something_differs(tmp_path: Path) -> None:
    file = tmp_path / "cases.json"
    timeline = {
        "id": "life",
        "policy": {"solution_h": 8, "first_response_min": 30, "pause_on": "waiting for customer or supplier"},
        "calendar": OFFICE,
        "events": [
            {"at": "2026-03-27T15:00:00Z", "types": ["created_by_agent"]},
            {"at": "2026-03-27T15:10:00Z", "types": ["customer_message", "state:vendor"]},
            {"at": "2026-03-30T07:00:00Z", "types": ["state:open", "internal_note"]},
            {"at": "2026-03-30T07:20:00Z", "types": ["auto_reply", "policy:solution_h=4"]},
        ],
        "checks": [
            {"after_event": 0, "expect": {"first_response_due": None, "solution_due": "2026-03-30T14:00:00Z"}},
            {"after_event": 1, "expect": {"first_response_due": "2026-03-27T15:40:00Z", "status": "Paused"}},
            {"after_event": 2, "expect": {"hold_s": 3000, "first_response_breached": True}},
            {"after_event": 3, "expect": {"solution_due": "2026-03-30T10:50:00Z", "status": "Failed"}},
        ],
    }
    file.write_text(json.dumps({"cases": [case(op="is_open", expected=True)], "timelines": [timeline]}))
    told = CliRunner().invoke(build("sla"), ["sla", "check", str(file), "--json"])
    assert (told.exit_code, json.loads(told.stdout)["differences"]) == (0, [])
    file.write_text(json.dumps({"cases": [case(op="is_open", expected=False)]}))
    told = CliRunner().invoke(build("sla"), ["sla", "check", str(file)])
    assert told.exit_code == 1
    assert "one: op is_open" in told.stdout
    assert "cases: 0 of 1 agree" in told.stdout
