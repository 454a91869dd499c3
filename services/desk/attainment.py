"""Figures of clocks and promises -> the geometry of bars, days and pauses, and where each leads. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from services.desk.clocks import METRICS
from services.desk.measures import Attainment, Counts, GroupCounts, Paused

DAY_HEIGHT = 100
BREACHES = {
    "ran_out": "Time ran out",
    "by_change": "A change made it late",
    "promise": "A promise called for it earlier",
    "pinned": "A pinned deadline passed",
}
OUTCOMES = {
    "": "All outcomes",
    "breached": "Late",
    "waived": "Late, excused",
    "met": "Met",
    "provisional": "Met so far",
    "moved": "Moved in time",
    "spam": "Left out: spam",
    "duplicate": "Left out: duplicate",
    "merged": "Left out: merged",
}
GROUPS = {"agent": "Agent", "team": "Team", "category": "Category", "priority": "Priority"}


@dataclass(frozen=True)
class Share:
    """One bar of attainment in percent of its width: met, excused, late."""

    key: str
    title: str
    attained: str
    met: float
    waived: float
    breached: float
    told: str


@dataclass(frozen=True)
class DayBar:
    """A day's judged clocks, stacked; heights in the chart's units."""

    day: str
    title: str
    x: float
    width: float
    met: float
    waived: float
    breached: float
    told: str


@dataclass(frozen=True)
class PauseBar:
    """A pause in percent of the longest one: when the customer wrote, and what came after it."""

    pause: Paused
    width: float
    word: float | None
    judgement: str


def shares(lines: Iterable[Counts | Attainment]) -> list[Share]:
    return [_share(line) for line in lines]


def _share(line: Counts | Attainment) -> Share:
    judged = line.met + line.breached + line.waived
    told = [f"{line.met:,} met", f"{line.breached:,} late"]
    if line.waived:
        told.append(f"{line.waived:,} excused: {percent(line.attained_with_waived)} with them")
    if isinstance(line, Counts):
        more = ((line.provisional, "may still go on"), (line.moved, "moved in time"), (line.excluded, "left out"))
        told += [f"{count:,} {words}" for count, words in more if count]
    scale = 100 / judged if judged else 0.0
    return Share(
        line.metric, METRICS.get(line.metric, line.metric), percent(line.attained), line.met * scale,
        line.waived * scale, line.breached * scale, ", ".join(told),
    )  # fmt: skip


def percent(value: float | None) -> str:
    """Never rounded up to all: 99.96 % is not 100 %."""
    if value is None:
        return "–"
    shown = int(value * 1000) / 10
    return f"{shown:g} %"


def day_bars(groups: Sequence[GroupCounts], first: date, last: date) -> list[DayBar]:
    """One bar for each day of the range, of all metrics but the promise; days without a judged clock are empty."""
    by_day = {row.key: row for row in groups}
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    told = [_sums(by_day.get(day.isoformat())) for day in days]
    highest = max((sum(sums) for sums in told), default=0) or 1
    step = 1000 / max(len(days), 1)
    return [
        DayBar(
            day.isoformat(), f"{day:%a} {day.day} {day:%b}", round(number * step + step * 0.1, 1), round(step * 0.8, 1),
            DAY_HEIGHT * met / highest, DAY_HEIGHT * waived / highest, DAY_HEIGHT * breached / highest,
            f"{met} met, {breached} late" + (f", {waived} excused" if waived else ""),
        )
        for number, (day, (met, waived, breached)) in enumerate(zip(days, told, strict=True))
    ]  # fmt: skip


def _sums(row: GroupCounts | None) -> tuple[int, int, int]:
    lines = [line for line in (row.metrics if row else ()) if line.metric != "promise"]
    return sum(line.met for line in lines), sum(line.waived for line in lines), sum(line.breached for line in lines)


def pause_bars(pauses: Sequence[Paused]) -> list[PauseBar]:
    longest = max((_wall(pause) for pause in pauses), default=0.0) or 1.0
    return [_pause_bar(pause, longest) for pause in pauses]


def _wall(pause: Paused) -> float:
    return (pause.ended_at - pause.started_at).total_seconds() if pause.ended_at else 0.0


def _pause_bar(pause: Paused, longest: float) -> PauseBar:
    word = (pause.answered_at - pause.started_at).total_seconds() if pause.answered_at else None
    width = 100 * _wall(pause) / longest if pause.ended_at else 100.0
    said = []
    if pause.waits_for == "customer" and not pause.asked:
        said.append("nothing was asked")
    if pause.messages:
        said.append(f"the customer wrote {pause.messages} times" if pause.messages > 1 else "the customer wrote")
    ends = {"customer": "ended by their word", "desk": "ended by the desk", "solved": "ended by the solution"}
    said.append(ends.get(pause.ended_by or "", "still lasts"))
    return PauseBar(pause, width, None if word is None else min(100 * word / longest, width), ", ".join(said))


@dataclass(frozen=True)
class Wanted:
    """What the address bar says about a client's SLA."""

    client: str
    since: str = ""
    to: str = ""
    group: str = "agent"
    show: str = "cycles"
    metric: str = ""
    outcome: str = ""
    breach: str = ""
    agent: str = ""
    team: str = ""
    category: str = ""
    priority: str = ""
    cursor: str = ""
    as_of: str = ""

    def url(self, **changes: str) -> str:
        """The same page with some of these changed; a change leaves the cursor behind."""
        kept = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in ("client", "cursor")}
        kept |= changes
        kept["from"] = kept.pop("since")
        asked = {name: value for name, value in kept.items() if value}
        return f"/manage/sla/{self.client}?{urlencode(asked)}#list"

    @property
    def range(self) -> dict[str, str | int | list[str] | None]:
        return {"from": self.since, "to": self.to, "as_of": self.as_of}
