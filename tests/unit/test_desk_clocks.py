"""Bars of clocks, attainment and pauses: what is drawn is what was told."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from services.desk.attainment import day_bars, pause_bars, percent, shares
from services.desk.clocks import WIDTH, drawn, share
from services.desk.measures import Attainment, Clock, ClockMark, ClockPart, Clocks, Counts, GroupCounts, Paused

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
EVENT, TICKET = UUID(int=1), UUID(int=2)


def part(kind: str, begin: float, end: float) -> ClockPart:
    return ClockPart(
        kind=kind, from_at=START + begin * HOUR, to_at=START + end * HOUR, event=EVENT, open_microseconds=0
    )


def clock(*parts: ClockPart, due: float, outcome: str, ended: float | None = None, metric: str = "resolution") -> Clock:
    return Clock(
        metric=metric, cycle=f"{metric}/1", state="running", outcome=outcome, policy_version="office-1",
        calendar_version="default-1", target_seconds=3600, started_at=START, due_at=START + due * HOUR,
        ended_at=None if ended is None else START + ended * HOUR, parts=parts, sentence="…",
        marks=(ClockMark(what="activate", at=START, event=EVENT), ClockMark(what="warned:0.5", at=START + HOUR / 2)),
    )  # fmt: skip


def test_a_bar_shows_when_a_clock_ran_was_paused_and_ran_late() -> None:
    late = clock(part("run", 0, 1), part("pause", 1, 3), part("run", 3, 10), due=5, outcome="breached", ended=10)
    (bar,) = drawn(Clocks(reference="A-1", now=START + 11 * HOUR, clocks=(late,)), ())
    assert [(piece.kind, piece.x, piece.width) for piece in bar.pieces] == [
        ("run", 0.0, 100.0), ("pause", 100.0, 200.0), ("run", 300.0, 200.0), ("late", 500.0, 500.0),
    ]  # fmt: skip
    assert [(tick.kind, tick.x) for tick in bar.ticks] == [("warned", 50.0), ("due", 500.0)]
    assert bar.told == "runs 2 times, paused 1 time"
    assert [moment.words for moment in bar.moments] == ["Starts", "50% of the time used"]


def test_a_running_clock_is_drawn_up_to_its_due_time_with_now_on_it() -> None:
    running = clock(part("run", 0, 1), due=4, outcome="open")
    (bar,) = drawn(Clocks(reference="A-1", now=START + HOUR, clocks=(running,)), ())
    assert (bar.now_x, bar.end) == (WIDTH / 4, START + 4 * HOUR)


def test_what_goes_on_comes_first_and_what_has_no_target_is_not_drawn() -> None:
    done = clock(part("run", 0, 1), due=4, outcome="met", ended=1, metric="first_reply")
    running = clock(part("run", 0, 1), due=4, outcome="open")
    measured = running.model_copy(update={"target_seconds": None, "due_at": None})
    bars = drawn(Clocks(reference="A-1", now=START + HOUR, clocks=(done, measured, running)), ())
    assert [bar.title for bar in bars] == ["Solution", "First reply"]


def test_attainment_is_never_rounded_up_to_all() -> None:
    assert [percent(value) for value in (1.0, 0.9996, 0.5, None)] == ["100 %", "99.9 %", "50 %", "–"]
    (told,) = shares([Counts(metric="update", met=6, breached=3, waived=1, attained=0.6, attained_with_waived=0.7)])
    assert (told.met, told.waived, told.breached) == (60.0, 10.0, 30.0)
    assert told.told == "6 met, 3 late, 1 excused: 70 % with them"
    assert shares([Attainment(metric="promise")])[0].attained == "–"


def test_each_day_of_a_range_has_a_bar() -> None:
    rows = [GroupCounts(key="2026-03-02", metrics=(Counts(metric="update", met=3, breached=1),))]
    bars = day_bars(rows, date(2026, 3, 1), date(2026, 3, 3))
    assert [(bar.day, bar.met, bar.breached) for bar in bars] == [
        ("2026-03-01", 0.0, 0.0), ("2026-03-02", 75.0, 25.0), ("2026-03-03", 0.0, 0.0),
    ]  # fmt: skip


def test_a_pause_shows_when_the_customer_wrote_and_what_it_waited_for() -> None:
    pause = Paused(
        ticket=TICKET, client="acme", waits_for="customer", started_at=START, asked=False, messages=1,
        answered_at=START + HOUR, ended_at=START + 4 * HOUR, ended_by="desk",
    )  # fmt: skip
    lasting = pause.model_copy(update={"ended_at": None, "ended_by": None, "answered_at": None, "messages": 0})
    first, second = pause_bars([pause, lasting])
    assert (first.width, first.word) == (100.0, 25.0)
    assert first.judgement == "nothing was asked, the customer wrote, ended by the desk"
    assert (second.word, second.judgement) == (None, "nothing was asked, still lasts")


def test_lengths_of_time_are_told_in_two_units_at_most() -> None:
    assert [share(seconds) for seconds in (0, 40, 60, 5_400, 4_000_000)] == [
        "0",
        "40 s",
        "1 min",
        "1 h 30 min",
        "1,111 h",
    ]
