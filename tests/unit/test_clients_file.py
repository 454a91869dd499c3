"""`daybook clients apply --preview`: a file of clients and terms is judged and explained without a desk."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import holidays
import pytest
from typer.testing import CliRunner

from services.cli.app import Stop, build
from services.cli.clients import previewed, read
from services.cli.terms import shipped

NOW = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
WEEK = ("mon", "tue", "wed", "thu", "fri")
OFFICE: dict[str, Any] = {"zone": "Europe/Zurich", "hours": {day: ["09:00-17:00"] for day in WEEK}}
ACME: dict[str, Any] = {"id": "acme", "name": "Acme", "prefix": "ACME"}


@pytest.mark.parametrize("name", ["office", "shop", "operations"])
def test_a_set_that_ships_is_sound_and_says_what_would_be_due(name: str) -> None:
    given = read(shipped(Path(name)))
    assert given.desk is not None
    (line,) = previewed([{"id": "_desk", **given.desk}], NOW)
    assert line.outcome == "checked", line.reason
    assert line.terms[-1] == f"policy {name}"
    assert all("Friday 6 March 16:50" in sentence and "never" not in sentence for sentence in line.due)
    assert any(sentence.startswith("priority P1: resolution") for sentence in line.due)


def test_a_client_goes_by_its_own_policy_on_the_desk_s_calendar() -> None:
    desk = {"id": "_desk", "calendars": [OFFICE]}
    policy = {"rows": [{"targets": {"resolution": "2h"}}]}
    told = previewed([desk, {**ACME, "policy": policy}], NOW)
    assert [line.outcome for line in told] == ["checked", "checked"]
    assert told[1].due == (
        "any other ticket: resolution of a ticket of Friday 6 March 16:50 would be due Monday 9 March 10:50",
    )


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"calendars": [{**OFFICE, "zone": "Mars/X"}]}, "calendars.0.zone: 'Mars/X' is not an IANA time zone"),
        ({"calendars": [{**OFFICE, "hours": {"mon": [540]}}]}, "calendars.0.hours.mon.0"),
        ({"calendars": [{**OFFICE, "hours": {"mon": ["17:00-09:00"]}}]}, "is inverted"),
        ({"calendars": [{"zone": "UTC", "hours": {}}]}, "calendars.0.hours: a calendar without hours is never open"),
        ({"calendars": [{**OFFICE, "hours": {"mon": ["08:00-12:00", "11:00-17:00"]}}]}, "overlap: join them"),
        (
            {"calendars": [{**OFFICE, "closed": ["2026-12-24"], "special": {"2026-12-24": ["09:00-12:00"]}}]},
            "calendars.0.special: 2026-12-24 is closed and has special hours",
        ),
        (
            {
                "policy": {
                    "rows": [
                        {"tier": "premium", "targets": {"update": 60}},
                        {"priority": "P1", "targets": {"update": 60}},
                    ]
                }
            },
            "policy.rows: rows 1 and 2 tie for a ticket with tier premium, priority P1: add a row",
        ),
        ({"calendars": [{**OFFICE, "public_holidays": ["XX"]}]}, "public_holidays: public holidays of 'XX'"),
        ({"policy": {"rows": [{"targets": {"resolution": "2h"}}]}}, "calendar: no calendar is named 'default'"),
        ({"calendars": [OFFICE], "policy": {"rows": [{"targets": {"resolution": 0}}]}}, "a target of zero"),
        ({"calendar": OFFICE}, "calendar: Extra inputs"),
    ],
)
def test_terms_that_contradict_themselves_are_refused_by_field(terms: dict[str, Any], reason: str) -> None:
    (line,) = previewed([{**ACME, **terms}], NOW)
    assert line.outcome == "refused"
    assert reason in (line.reason or "")


def test_a_list_of_holidays_that_fails_to_load_is_told_and_never_taken_for_an_empty_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(holidays, "country_holidays", broken)
    (line,) = previewed([{**ACME, "calendars": [{**OFFICE, "public_holidays": ["IS"]}]}], NOW)
    assert line.outcome == "refused"
    assert "public_holidays: public holidays of 'IS' in 2025 can't be loaded (ZeroDivisionError)" in (line.reason or "")


def test_the_command_explains_and_its_exit_code_tells(tmp_path: Path) -> None:
    told = CliRunner().invoke(build("clients"), ["clients", "apply", "office", "--preview", "--json"])
    assert (told.exit_code, json.loads(told.stdout)[0]["outcome"]) == (0, "checked")
    file = tmp_path / "clients.yaml"
    file.write_text("desk: {policy: {rows: []}}\n")
    told = CliRunner().invoke(build("clients"), ["clients", "apply", str(file), "--preview"])
    assert told.exit_code == 1
    assert "refused: policy.rows" in told.stdout


@pytest.mark.parametrize("text", ["clients: [{closed: [2026-02-31]}]", "clients: " + "[" * 5_000])
def test_a_file_that_is_no_yaml_is_told_with_the_form(tmp_path: Path, text: str) -> None:
    file = tmp_path / "clients.yaml"
    file.write_text(text)
    with pytest.raises(Stop, match=r"is not a list of clients: .*; write it like this"):
        read(file)


def test_routes_of_a_file_are_checked_but_for_the_teams_that_only_a_desk_knows() -> None:
    sound, loop = {"routes": [{"team": "first"}]}, {"routes": [{"team": "first", "client": "bolt"}]}
    told = previewed([{**ACME, "routes": sound}, {**ACME, "routes": loop}, {**ACME, "routes": {}}], NOW)
    assert [(line.outcome, line.terms) for line in told] == [("checked", ("routes",)), ("refused", ()), ("refused", ())]
    assert "routes.0.client" in str(told[1].reason)
    assert "name at least one route" in str(told[2].reason)
