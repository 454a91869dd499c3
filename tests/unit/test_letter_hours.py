"""Hours of service as a letter writes them, in the language of its reader."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from contracts.calendars import Calendar, CalendarSet
from contracts.model import Event
from contracts.policies import PolicySet, PutPolicy
from services.notification.hours import calendar_of, week_of
from tests.unit.test_clock_properties import recorded

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SPLIT = [["08:00", "12:00"], ["13:00", "17:00"]]


def calendar(hours: dict[str, list[list[str]]], **more: object) -> Calendar:
    return Calendar.model_validate({"zone": "Europe/Zurich", "hours": hours, **more})


def test_days_of_like_hours_stand_together() -> None:
    week = {**dict.fromkeys(("mon", "tue", "wed", "thu"), SPLIT), "fri": [["08:00", "12:00"]]}
    assert week_of(calendar(week), "en") == (
        "Monday–Thursday 08:00–12:00 + 13:00–17:00, Friday 08:00–12:00 (Europe/Zurich)"
    )


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "at any time (Europe/Zurich), closed on public holidays"),
        ("de", "rund um die Uhr (Europe/Zurich), an Feiertagen geschlossen"),
        ("fr", "à toute heure (Europe/Zurich), fermé les jours fériés"),
        ("it", "a ogni ora (Europe/Zurich), chiuso nei giorni festivi"),
        ("es", "a cualquier hora (Europe/Zurich), cerrado los días festivos"),
    ],
)
def test_a_desk_that_never_closes_says_so(language: str, expected: str) -> None:
    week = {key: [["00:00", "24:00"]] for key in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    assert week_of(calendar(week, public_holidays=["CH-ZH"]), language) == expected


def test_a_calendar_of_special_days_alone_has_no_week_to_tell() -> None:
    assert week_of(calendar({}, special={"2026-03-09": [["09:00", "12:00"]]}), "en") == ""


def test_the_client_s_calendar_comes_before_the_desk_s_and_the_policy_names_it() -> None:
    def told(client: str, *events: Event) -> list[object]:
        return [recorded(n, NOW, "agent:x", event)._replace(client=client) for n, event in enumerate(events, 1)]

    def put(client: str, name: str, since: datetime, day: str) -> CalendarSet:
        week = calendar({day: [["09:00", "17:00"]]})
        return CalendarSet(client=client, name=name, version=1, calendar=week, holds_from=since)

    policy = PutPolicy.model_validate({"calendar": "night", "rows": [{"targets": {"resolution": "8h"}}]}).policy()
    rules = PolicySet(client="acme", name="p", version=1, policy=policy, holds_from=NOW)
    desk = told("_desk", put("_desk", "default", NOW, "mon"), put("_desk", "night", NOW, "tue"))
    own = told("acme", put("acme", "night", NOW, "wed"), rules)
    assert [week_of(found, "en")[:3] for found in (
        calendar_of((desk, []), NOW), calendar_of((desk, own), NOW),  # type: ignore[arg-type]
    ) if found] == ["Mon", "Wed"]  # fmt: skip
    assert calendar_of(([], []), NOW) is None
