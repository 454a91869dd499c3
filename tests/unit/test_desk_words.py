"""What the desk's pages say of times, deadlines and the queue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from services.desk import charts, public, queue, words
from services.desk.commands import NotSaid, due_at, reply, status, tags
from services.desk.queue import Filters
from services.desk.reader import Reader, instant_of_input, next_morning, zone_of
from services.desk.render import linked
from services.desk.shapes import DayFigures, GuestTicket, QueueItem

NOW = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def reader(now: datetime = NOW, real_now: datetime | None = None) -> Reader:
    return Reader(BERLIN, now, "", "/inbox", "csrf", None, real_now)


def item(minutes: int | None, state: str = "open") -> QueueItem:
    due = None if minutes is None else NOW + timedelta(minutes=minutes)
    return QueueItem(
        id=UUID(int=1),
        reference="ACME-1",
        client="acme",
        status=state,
        opened_at=NOW,
        updated_at=NOW,
        next_update_by=due,
    )


@pytest.mark.parametrize(
    ("minutes", "state", "told"),
    [
        (-190, "overdue", "3 h overdue"),
        (-1, "overdue", "1 min overdue"),
        (25, "soon", "in 25 min"),
        (75, "later", "today 23:45"),
        (120, "later", "tomorrow 00:30"),
        (5 * 1440, "later", "Fri 22:30"),
        (20 * 1440, "later", "12 Dec"),
        (60 * 1440, "later", "21 Jan 2027"),
    ],
)
def test_a_deadline_says_how_near_it_is_by_the_readers_calendar(minutes: int, state: str, told: str) -> None:
    near = reader().deadline(NOW + timedelta(minutes=minutes))
    assert (near.state, near.words) == (state, told)


def test_in_the_past_nothing_is_called_today() -> None:
    then = reader(NOW, NOW + timedelta(days=60))
    assert then.day(NOW) == "Sunday 22 November 2026"
    assert then.deadline(NOW + timedelta(minutes=75)).words == "that day 23:45"
    assert then.ago(NOW - timedelta(hours=3)) == "3 h before"
    assert then.stamp(NOW) == "22 Nov 2026, 22:30", "the reader sits in another year"


def test_a_time_that_is_picked_is_the_readers_wall_clock() -> None:
    assert instant_of_input("2026-07-01T09:00", BERLIN) == datetime(2026, 7, 1, 7, tzinfo=UTC)
    assert instant_of_input("2026-12-01T09:00", BERLIN) == datetime(2026, 12, 1, 8, tzinfo=UTC)


def test_nine_in_the_morning_stays_nine_when_the_clocks_change() -> None:
    saturday = datetime(2026, 10, 24, 12, tzinfo=UTC)
    assert next_morning(saturday, BERLIN, 1) == datetime(2026, 10, 25, 8, tzinfo=UTC)


@pytest.mark.parametrize("cookie", ["", "Mars/Olympus", "../../etc/passwd", "Europe"])
def test_a_zone_that_nobody_knows_is_utc(cookie: str) -> None:
    assert zone_of({"daybook_zone": cookie}).key == "Etc/UTC"


def test_the_queue_falls_into_groups_by_nearness_and_what_has_ended_owes_nothing() -> None:
    items = [item(-5), item(10), item(75), item(300), item(9000), item(-5, "resolved")]
    found = queue.groups(items, Filters(), reader())
    assert [group.key for group in found] == ["overdue", "soon", "today", "tomorrow", "later", "none"]


def test_another_order_has_no_groups() -> None:
    (group,) = queue.groups([item(5)], Filters(sort="newest"), reader())
    assert group.title == ""


def test_a_change_of_filter_leaves_the_cursor_behind_and_keeps_the_rest() -> None:
    filters = Filters.of({"q": " vpn ", "client": "acme", "cursor": "abc", "sort": "sideways", "nonsense": "1"})
    assert filters.order == "relevance"
    assert filters.url(priority="P1") == "/inbox?priority=P1&client=acme&q=vpn"
    assert filters.url(cursor="next") == "/inbox?client=acme&q=vpn&cursor=next"


def test_without_words_the_next_deadline_comes_first_and_with_words_the_best_match() -> None:
    assert Filters().order == "deadline"
    assert Filters(q="vpn").order == "relevance"
    assert list(Filters(q="vpn").orders) == ["", "deadline", "priority", "newest", "oldest"]


def test_unresolved_is_what_the_inbox_asks_for_unless_it_is_told_otherwise() -> None:
    assert Filters().asked(50)["status"] == list(words.UNRESOLVED)
    assert Filters(status="all").asked(50)["status"] == []
    assert Filters(status="closed").asked(50)["status"] == ["closed"]


def test_the_figures_of_the_dashboard_are_filters_of_the_queue() -> None:
    filters = Filters.of({"overdue": "yes", "opened_on": "2026-03-01", "cursor": "abc"})
    assert (filters.asked(50)["overdue"], filters.asked(50)["opened_on"]) == ("true", "2026-03-01")
    assert filters.narrowed
    assert filters.url(overdue="") == "/inbox?opened_on=2026-03-01"
    assert Filters.of({"opened_on": "yesterday"}) == Filters()


def test_a_reply_carries_the_promise_that_was_picked() -> None:
    fields = {"body": "We found it.", "due": "tomorrow", "due_text": "We confirm.", "status": "waiting_for_customer"}
    ask = reply(fields, reader())
    assert ask.path == "replies"
    assert ask.body == {
        "body": "We found it.",
        "checkpoint": {"due_at": "2026-11-23T08:00:00+00:00", "text": "We confirm."},
        "status": "waiting_for_customer",
    }


def test_a_reply_without_a_choice_leaves_promise_and_status_to_the_desk() -> None:
    assert reply({"body": "Done.", "due": "", "status": ""}, reader()).body == {"body": "Done."}


@pytest.mark.parametrize(
    ("command", "fields", "field"),
    [
        (reply, {"body": ""}, "body"),
        (status, {"status": "open"}, "explanation"),
        (tags, {"add": " , "}, "add"),
        (due_at, {"due": "pick", "due_at": "soon"}, "due_at"),
    ],
)
def test_what_is_missing_is_told_beside_its_field(command: object, fields: dict[str, str], field: str) -> None:
    assert callable(command)
    with pytest.raises(NotSaid) as missing:
        command(fields, reader())
    assert missing.value.field == field


@pytest.mark.parametrize(
    ("highest", "top"), [(0, 4), (4, 4), (5, 8), (9, 12), (19, 20), (41, 80), (115, 120), (900, 1200)]
)
def test_the_axis_ends_at_a_round_number(highest: int, top: int) -> None:
    assert charts.nice_top(highest) == top


def test_a_chart_needs_two_days_and_stays_inside_its_frame() -> None:
    days = [DayFigures(day=f"2026-11-{day:02}", created=day, resolved=0) for day in range(1, 31)]
    assert charts.day_chart(days[:1]) is None
    chart = charts.day_chart(days)
    assert chart is not None
    assert all(charts.LEFT <= point.x <= charts.WIDTH for point in chart.points)
    assert all(0 <= point.created_y <= charts.HEIGHT for point in chart.points)


def test_an_address_in_a_letter_becomes_a_link_and_nothing_else_becomes_markup() -> None:
    text = "<b>Follow</b> it: http://127.0.0.1:8400/portal/acme/tickets/ACME-1?key=a&b."
    assert str(linked(text)) == (
        "&lt;b&gt;Follow&lt;/b&gt; it: "
        '<a href="http://127.0.0.1:8400/portal/acme/tickets/ACME-1?key=a&amp;b" rel="noreferrer">'
        "http://127.0.0.1:8400/portal/acme/tickets/ACME-1?key=a&amp;b</a>."
    )


def test_the_requester_reads_what_the_agent_promised_to_do() -> None:
    ticket = GuestTicket(
        reference="ACME-1", client="acme", status="open", opened_at=NOW, next_update_text="We test the new certificate."
    )
    told = public.state(ticket)
    assert told.doing == "We test the new certificate."
    assert [step.name for step in told.steps if step.now] == ["In work"]


def test_a_solved_request_promises_nothing_more() -> None:
    ticket = GuestTicket(reference="ACME-1", client="acme", status="resolved", opened_at=NOW, next_update_text="old")
    assert public.state(ticket).doing.startswith("Nothing more is planned")
