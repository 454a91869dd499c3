"""The policy editor's text: special days and escalations are read back as they were shown, or refused by their line."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.calendars import PutCalendar
from contracts.policies import PutPolicy
from services.desk import terms
from services.desk.terms_text import Unread, read_days, read_parts, read_steps

STEPS: list[dict[str, Any]] = [
    {"at": 0.75, "action": "notify", "to": "lead"},
    {"after_breach_seconds": 7200, "action": "move_to_level", "to": "L2", "any_hours": True},
    {"at": 1, "action": "raise_priority"},
    {"after_breach_seconds": 0, "action": "reassign", "to": "field team"},
]
POLICY = PutPolicy.model_validate(
    {
        "rows": [
            {"priority": "P2", "targets": {"resolution": {"seconds": "4h", "escalations": STEPS, "warn_at": [0.5]}}},
            {"targets": {"first_reply": {"seconds": "90m", "calendar": "night"}, "update": "24h"}},
        ],
        "warn_at": [0.125, 0.9],
        "reopen": "restart",
        "reopen_window_seconds": "36h",
        "supplier_pauses_resolution": True,
    }
)
CALENDAR = PutCalendar.model_validate(
    {
        "zone": "Asia/Kolkata",
        "hours": {"mon": ["09:30-13:00", "14:00-18:00"]},
        "public_holidays": ["IN"],
        "closed": ["2026-03-05"],
        "yearly_closed": ["12-25"],
        "special": {"2026-03-06": ["10:00-12:00"], "2026-03-07": []},
        "breaks": {"2026-03-09": ["12:00-12:30"]},
    }
)


def test_what_the_editor_shows_it_asks_for_unchanged() -> None:
    calendar, policy = CALENDAR.model_dump(mode="json"), POLICY.model_dump(mode="json")
    asked = terms.asked(terms.fields_of(calendar, policy, "default"), "default")
    assert asked.unread == {}
    assert PutPolicy.model_validate(asked.policy) == POLICY
    assert PutCalendar.model_validate(asked.calendar) == CALENDAR


@pytest.mark.parametrize("line", ["Solution 75% notify lead", "Sleep 75%: notify lead", "Solution: notify", "x"])
def test_an_escalation_that_can_t_be_read_is_told_with_its_form(line: str) -> None:
    with pytest.raises(Unread, match="write such as Solution 75%: notify lead"):
        read_steps(line)


@pytest.mark.parametrize("line", ["24.12.2026 08:00-12:00", "2026-12-24", "2026-12-24 closed\n2026-12-24 08:00-12:00"])
def test_a_special_day_that_can_t_be_read_is_told(line: str) -> None:
    with pytest.raises(Unread, match="2026-12-24"):
        read_days(line)


def test_a_long_line_is_told_before_anybody_tries_to_read_it() -> None:
    with pytest.raises(Unread, match="too long"):
        read_steps("Solution 5%: notify" + " x" * 100_000)
    with pytest.raises(Unread, match="can't be read"):
        read_steps("Solution 5%: notify" + " " * 100_000 + ",x")


def test_warnings_are_parts_of_the_target() -> None:
    assert read_parts("50%, 75; 90 %".replace(" %", "%")) == [0.5, 0.75, 0.9]
    for text in ("half", "nan%", "50%, 1e999"):
        with pytest.raises(Unread):
            read_parts(text)


def test_a_problem_is_told_at_its_field() -> None:
    fields = terms.fields_of({}, {}, "default") | {"r0-update": "8h", "r0-steps": "Solution 75%: notify lead"}
    assert "no target for solution" in terms.asked(fields, "default").unread["r0-steps"]
    assert terms.place_of("policy.rows.0.targets.update.escalations.1.to", (4,)) == "r4-steps"
    assert terms.place_of("calendar.special.2026-12-24.0", ()) == "special"
    assert terms.place_of("rows.0.targets.update.seconds", (4,)) == "r4-update"
