"""The page of recurring questions: what its form asks, its weeks, its words, and who is shown the way to it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from services.desk.questions import LIMIT, LIMIT_MAX, Question, Questions, Week, lines, trend, wanted, weeks_of
from services.desk.reader import Reader
from services.desk.render import Pages
from services.desk.sessions import Session
from services.kit.access.roles import RULES

NOW = datetime(2026, 4, 2, 9, tzinfo=UTC)
MARCH = [date(2026, 3, day) for day in (2, 9, 16, 23, 30)]


def question(number: int, weeks: dict[date, int], **more: Any) -> Question:
    asked = tuple(Week(week=week, tickets=count) for week, count in weeks.items())
    counted: dict[str, Any] = {
        "tickets": sum(weeks.values()),
        "clients": 1,
        "requesters": 2,
        "first_at": NOW,
        "last_at": NOW,
    }
    return Question(id=UUID(int=number), weeks=asked, **(counted | more))


def page(found: Questions | None, role: str = "manager", **shown: Any) -> str:
    reader = Reader(
        ZoneInfo("Etc/UTC"), NOW, "", "/", "csrf", Session(UUID(int=7), "Aisha", role, "L1", "csrf", "token")
    )
    fields = dict.fromkeys(("client", "from", "to", "limit"), "")
    told: dict[str, Any] = {"found": found, "clients": (), "fields": fields, "problems": {}, "weeks": []}
    told |= {"limit": LIMIT, "limit_max": LIMIT_MAX, "lines": lines(found, NOW.date()) if found else []}
    return Pages().text("questions.html", reader, mailbox=True, place="questions", **(told | shown))


def test_a_week_in_which_nobody_asked_counts_nothing_and_has_its_place() -> None:
    asked = question(1, {MARCH[0]: 4, MARCH[2]: 1})
    weeks = weeks_of([asked], NOW.date())
    assert weeks == MARCH, "up to the reader's week"
    drawn = trend(asked, weeks)
    assert [bar.height for bar in drawn.bars] == [30.0, 0.0, 7.5, 0.0, 0.0]
    assert drawn.bars[1].title == "Week of 9 Mar 2026: 0 tickets"
    assert drawn.told == "Asked in 2 of 5 weeks, most in the week of 2 Mar 2026: 4"


def test_of_many_weeks_the_newest_in_which_somebody_asked_are_drawn() -> None:
    weeks = weeks_of([question(1, {date(2013, 1, 7): 1, date(2016, 5, 2): 3})], NOW.date())
    assert (len(weeks), weeks[-1]) == (53, date(2016, 5, 2))
    assert weeks_of([], NOW.date()) == []


def test_the_most_asked_question_has_the_longest_bar_and_a_title_without_shown_words() -> None:
    example = {"reference": "ACME-1", "client": "acme", "subject": "Lost", "status": "new", "opened_at": NOW}
    often = question(1, {MARCH[0]: 4}, words=("scanner", "lost"))
    told = lines(Questions(items=(often, question(2, {MARCH[1]: 2}, examples=(example,)))), NOW.date())
    assert [(line.bar.title, line.bar.width) for line in told] == [("scanner, lost", 100.0), ("Lost", 50.0)]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"from": "yesterday"}, "from"),
        ({"to": "2026-02-30"}, "to"),
        ({"from": "2026-03-02", "to": "2026-03-01"}, "from"),
        ({"client": "bolt"}, "client"),
        ({"limit": "101"}, "limit"),
        ({"limit": "²"}, "limit"),
    ],
)
def test_what_cannot_be_asked_is_said_at_its_field(given: dict[str, str], field: str) -> None:
    _, problems = wanted(given, ["acme"])
    assert list(problems) == [field]
    told = page(None, problems=problems)
    assert f'aria-describedby="{field}-problem"' in told
    assert problems[field] in told


def test_what_is_left_empty_is_not_asked_for() -> None:
    given = {"client": "acme", "from": "2026-03-01", "to": "", "limit": ""}
    assert wanted(given, None) == ({"client": "acme", "from": "2026-03-01"}, {})


def test_the_page_says_what_was_looked_at_and_what_to_do_where_nothing_recurs() -> None:
    cut = Questions(items=(question(1, {MARCH[0]: 4}),), total=9, looked_at=2000, is_cut=True, oldest_at=NOW)
    assert "Looked at the newest 2,000 tickets, since <time" in page(cut)
    assert "1 of 9 questions are shown" in page(cut)
    assert "Choose other days, or all clients" in page(Questions())
    assert "confirm similar tickets" in page(Questions(looked_at=3))


@pytest.mark.parametrize("role", ["administrator", "manager", "lead", "agent", "auditor", "intake", "subscriber"])
def test_the_way_to_the_page_is_shown_to_those_whom_the_api_answers(role: str) -> None:
    allowed = RULES["GET /questions"]
    assert allowed is not None
    assert ('href="/manage/questions" data-key' in page(Questions(), role)) == (role in {str(one) for one in allowed})
