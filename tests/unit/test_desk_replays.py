"""The replay page: a form becomes the API's question, an answer becomes bars and the tickets behind them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from services.desk.pages.replay import ASKERS
from services.desk.reader import Reader
from services.desk.render import Pages
from services.desk.replays import Replay, Unasked, lines, moves, place_of, question, terms_text
from services.desk.sessions import Session
from services.reporting.whatif.asked import WhatifQuestion

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
DAYS = {"last": "", "from": "2026-07-01", "to": "2026-07-31"}
POLICY = {"name": "p", "calendar": "default", "rows": [{"priority": None, "targets": {"resolution": {"seconds": 60}}}]}
CALENDAR = {"name": "default", "zone": "UTC", "hours": {"mon": [["09:00", "17:00"]]}, "closed": [], "special": {}}


def problems(fields: dict[str, str]) -> dict[str, str]:
    with pytest.raises(Unasked) as unasked:
        question(fields, NOW)
    return unasked.value.problems


def test_a_form_asks_what_the_api_takes() -> None:
    body = question({**DAYS, "set": "P2.resolution=4h\nfirst_reply=30m", "client": "acme"}, NOW)
    asked = WhatifQuestion.model_validate(body)
    assert (f"{asked.from_at:%m-%d}", f"{asked.to_at:%m-%d}", asked.clients) == ("07-01", "08-01", ("acme",))
    assert [one.said() for one in asked.set] == ["P2.resolution=14400s", "first_reply=1800s"]
    quarter = question({"last": "quarter", "set": "resolution=4h"}, NOW)
    assert (quarter["from"][:10], quarter["to"][:10]) == ("2026-07-01", "2026-10-01")


def test_what_is_in_force_can_be_changed_as_text_and_asked_for() -> None:
    body = question({**DAYS, "terms": terms_text(POLICY, CALENDAR)}, NOW)
    asked = WhatifQuestion.model_validate(body)
    assert asked.policy is not None
    assert (asked.policy.name, asked.calendars[0].zone) == ("p", "UTC")
    rows = question({**DAYS, "terms": "rows: [{targets: {resolution: 2h}}]"}, NOW)
    assert WhatifQuestion.model_validate(rows).policy is not None


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        (DAYS, "set", "what is to be different"),
        ({"set": "resolution=4h"}, "from", "Pick a day"),
        ({**DAYS, "to": "9999-12-31"}, "to", "Pick a day"),
        ({**DAYS, "terms": "rows: ["}, "terms", "no YAML"),
        ({**DAYS, "terms": "mood: good"}, "terms", "`policy:` and `calendars:`"),
        ({**DAYS, "terms": "- one"}, "terms", "`policy:` and `calendars:`"),
        ({**DAYS, "terms": "calendars: [{closed: [2026-02-31]}]"}, "terms", "day is out of range"),
        ({**DAYS, "terms": "rows: " + "[" * 5_000}, "terms", "no YAML"),
        ({**DAYS, "terms": "rows: &a [1]\npolicy: *a"}, "terms", "written out"),
        ({**DAYS, "terms": "# " + "-" * 60_000}, "terms", "too long"),
    ],
)
def test_what_cannot_be_read_is_told_at_its_field(fields: dict[str, str], field: str, words: str) -> None:
    assert words in problems(fields)[field]


def test_dates_that_yaml_reads_as_dates_are_asked_as_text() -> None:
    text = "calendars: [{closed: [2026-12-24], special: {2026-12-31: [[08:00, 12:00]]}}]"
    (calendar,) = question({**DAYS, "terms": text}, NOW)["calendars"]
    assert (calendar["closed"], list(calendar["special"])) == (["2026-12-24"], ["2026-12-31"])


def test_a_problem_of_the_api_is_told_at_its_field() -> None:
    assert [place_of(path) for path in ("policy.rows.0", "calendars.0.zone", "set.0", "clients", "from")] == [
        "terms", "terms", "set", "client", "from",
    ]  # fmt: skip


def side(met: int, breached: int) -> dict[str, Any]:
    return {"met": met, "breached": breached, "waived": 0, "attained": 100 * met / (met + breached)}


def test_bars_are_drawn_against_the_longest_and_clients_without_a_move_are_left_out() -> None:
    row = {"metric": "resolution", "before": side(8, 2), "after": side(5, 5), "gained": 4, "lost": 1}
    calm = {**row, "gained": 0, "lost": 0}
    at = "2026-07-02T10:00:00Z"
    change = {"ticket": "ACME-1", "client": "acme", "metric": "resolution", "change": "gained", "at": at,
              "before": {"due": None}, "after": {"due": at}}  # fmt: skip
    result = {
        "total": [row],
        "clients": [{"client": "acme", "metrics": [row]}, {"client": "bolt", "metrics": [calm]}],
        "changes": [change, {**change, "change": "not_rejudged"}],
    }
    told = lines(result)
    assert [(line.client, line.gained_width, line.lost_width) for line in told] == [
        ("All clients", 100.0, 25.0),
        ("acme", 100.0, 25.0),
    ]
    (moved,) = moves(result)
    assert (moved.ticket, moved.change, moved.due_before, moved.metric) == ("ACME-1", "breach gained", None, "Solution")


def test_a_replay_says_what_is_different_and_how_far_it_is() -> None:
    told = {"id": "x", "state": "running", "asked_at": NOW, "progress": {"tickets": 5, "total": 10, "events": 50}}
    replay = Replay.model_validate(
        {**told, "asked": {"set": [{"metric": "resolution", "seconds": 14400, "priority": "P2"}]}}
    )
    assert (replay.title, replay.share, replay.under_way) == ("P2 solution 4h", 50, True)
    assert Replay.model_validate({**told, "state": "done"}).share == 100


@pytest.mark.parametrize(("role", "buttons"), [("auditor", False), ("manager", True)])
def test_who_may_only_read_replays_is_offered_no_button_that_is_refused(role: str, buttons: bool) -> None:
    session = Session(UUID(int=7), "Aisha", role, "L1", "csrf", "token")
    reader = Reader(ZoneInfo("Etc/UTC"), NOW, "", "/manage/replay", "csrf", session)
    pages = Pages()
    under_way = Replay.model_validate({"id": "r", "state": "running", "asked_at": NOW, "asked": DAYS})
    shown: dict[str, Any] = {"states": {"running": "Reckoning"}, "may_ask": role in ASKERS}
    state = pages.text("parts/replay_state.html", reader, replay=under_way, **shown)
    lists: dict[str, Any] = {"clients": (), "before": (), "fields": {}, "problems": {}, "lasts": {}}
    form = pages.text("replay_new.html", reader, mailbox=True, place="replay", **lists, **shown)
    assert ("Cancel" in state, ">Replay</button>" in form) == (buttons, buttons)
    assert "Policy replay" in form, "an auditor finds the page"
