"""What a form asks of GET /questions, and its answer as bars and weeks. Pure; the template only writes it down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from services.desk import words
from services.desk.charts import Bar, bars
from services.desk.shapes import Shape, Text

LIMIT, LIMIT_MAX = 20, 100
WEEKS_DRAWN: Final = 53
WEEKS_WIDE: Final = 13  # fewer weeks are drawn as wide as if they were so many, so that a bar stays a bar
STEP, HEIGHT = 10, 30
WEEK: Final = timedelta(days=7)


class Week(Shape):
    week: date
    tickets: int


class Example(Shape):
    reference: str
    client: str
    client_name: Text = None
    subject: Text = None
    status: str
    opened_at: datetime


class Question(Shape):
    """Tickets that ask the same."""

    id: UUID
    category: str | None = None
    tickets: int
    clients: int
    requesters: int
    first_at: datetime
    last_at: datetime
    words: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()
    weeks: tuple[Week, ...] = ()

    @property
    def title(self) -> str:
        """Its words; where none may be shown, what the ticket nearest to all of them is called."""
        subject = next((one.subject for one in self.examples if one.subject), "")
        return ", ".join(self.words) or subject or words.plain(self.category) or "Without words of its own"


class Questions(Shape):
    items: tuple[Question, ...] = ()
    total: int = 0
    looked_at: int = 0
    looked_at_most: int = 0
    is_cut: bool = False
    oldest_at: datetime | None = None


@dataclass(frozen=True)
class WeekBar:
    x: int
    y: float
    height: float
    title: str


@dataclass(frozen=True)
class Trend:
    """One bar a week, drawn to the highest of them; `told` says the same in words."""

    bars: tuple[WeekBar, ...]
    width: int
    told: str


@dataclass(frozen=True)
class Line:
    question: Question
    bar: Bar
    trend: Trend


def wanted(fields: Mapping[str, str], clients: Sequence[str] | None) -> tuple[dict[str, str], dict[str, str]]:
    """(parameters of GET /questions, a sentence for each field at fault). `clients`: all there are, None if unknown."""
    problems: dict[str, str] = {}
    days: dict[str, date] = {}
    for name in ("from", "to"):
        try:
            days |= {name: date.fromisoformat(fields[name])} if fields.get(name) else {}
        except ValueError:
            problems[name] = "This is no day: pick one, or write it as 2026-03-01."
    if len(days) == 2 and days["from"] > days["to"]:
        problems["from"] = "This day comes after the last one: pick an earlier day, or a later one beside it."
    if clients is not None and fields.get("client") and fields["client"] not in clients:
        problems["client"] = "You see no client of this name: choose one of the list."
    limit = fields.get("limit", "")
    if limit and not (limit.isascii() and limit.isdigit() and len(limit) <= 3 and 1 <= int(limit) <= LIMIT_MAX):
        problems["limit"] = f"Write a number from 1 to {LIMIT_MAX}."
    asked = {name: value for name, value in fields.items() if value} | {name: f"{day}" for name, day in days.items()}
    return asked, problems


def lines(found: Questions, until: date) -> list[Line]:
    """The most asked first: each with its bar, of the longest, and its weeks, the same ones for all."""
    weeks = weeks_of(found.items, until)
    counts = {str(one.id): one.tickets for one in found.items}
    drawn = bars(counts, {str(one.id): one.title for one in found.items})
    return [Line(one, bar, trend(one, weeks)) for one, bar in zip(found.items, drawn, strict=True)]


def weeks_of(questions: Sequence[Question], until: date) -> list[date]:
    """Mondays from the first week in which somebody asked, on to that of `until` while so many can be drawn."""
    asked = [one.week for question in questions for one in question.weeks]
    if not asked:
        return []
    most = WEEK * (WEEKS_DRAWN - 1)
    last = max(*asked, min(until - timedelta(days=until.weekday()), min(asked) + most))
    first = max(min(asked), last - most)
    return [first + WEEK * nth for nth in range((last - first).days // 7 + 1)]


def trend(question: Question, weeks: Sequence[date]) -> Trend:
    """A week in which nobody asked counts nothing, and has its place."""
    counts = {one.week: one.tickets for one in question.weeks}
    told = [(week, counts.get(week, 0)) for week in weeks]
    top = max([count for _, count in told] + [1])
    drawn = tuple(
        WeekBar(
            x=place * STEP,
            y=round(HEIGHT * (1 - count / top), 1),
            height=round(HEIGHT * count / top, 1),
            title=f"Week of {day(week)}: {words.count(count, 'ticket', 'tickets')}",
        )
        for place, (week, count) in enumerate(told)
    )
    return Trend(drawn, STEP * max(len(weeks), WEEKS_WIDE), _told(told))


def _told(told: Sequence[tuple[date, int]]) -> str:
    if not any(count for _, count in told):
        return "Not asked in these weeks"
    week, most = max(told, key=lambda one: one[1])
    if len(told) == 1:
        return f"Asked in the week of {day(week)} alone"
    asked = sum(1 for _, count in told if count)
    return f"Asked in {asked} of {words.count(len(told), 'week', 'weeks')}, most in the week of {day(week)}: {most:,}"


def day(on: date) -> str:
    return f"{on.day} {on:%b %Y}"
