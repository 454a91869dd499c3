"""Counts enter, the geometry of bars and lines leaves. Pure; the templates only write it down as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from services.desk.shapes import DayFigures

WIDTH, HEIGHT = 960, 190
LEFT, RIGHT, TOP, BOTTOM = 34, 8, 12, 26
TIP_WIDTH = 150
LABELS_MAX = 10
STEPS = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Bar:
    key: str
    title: str
    count: int
    width: float
    """Percent of the longest bar."""


@dataclass(frozen=True)
class DayPoint:
    day: str
    title: str
    label: str
    created: int
    resolved: int
    x: float
    left: float
    width: float
    created_y: float
    resolved_y: float
    tip_x: float


@dataclass(frozen=True)
class DayChart:
    points: tuple[DayPoint, ...]
    created_path: str
    area_path: str
    resolved_path: str
    ticks: tuple[tuple[float, int], ...]
    """(y, value) of each line of the grid."""


def bars(counts: Mapping[str, int], titles: Mapping[str, str]) -> list[Bar]:
    """One bar for each title, in its order, then what has no title; what was not judged only where there is some."""
    order = [
        key for key in [*titles, *(key for key in counts if key not in titles)] if key != "none" or counts.get(key)
    ]
    longest = max([*counts.values(), 1])
    return [Bar(key, titles.get(key, key), counts.get(key, 0), 100 * counts.get(key, 0) / longest) for key in order]


def day_chart(days: Sequence[DayFigures]) -> DayChart | None:
    """Created and resolved per day; None for fewer than two days, which make no line."""
    if len(days) < 2:
        return None
    top = nice_top(max(max(day.created, day.resolved) for day in days))
    step = (WIDTH - LEFT - RIGHT) / (len(days) - 1)

    def y(value: int) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top), 1)

    every = -(-len(days) // LABELS_MAX)
    points = tuple(_point(day, place, step, y(day.created), y(day.resolved), every) for place, day in enumerate(days))
    created = _path([(point.x, point.created_y) for point in points])
    floor = y(0)
    area = f"{created}L{points[-1].x} {floor}L{points[0].x} {floor}Z"
    resolved = _path([(point.x, point.resolved_y) for point in points])
    ticks = tuple((y(value), value) for value in range(0, top + 1, max(1, top // 4)))
    return DayChart(points, created, area, resolved, ticks)


def _point(day: DayFigures, place: int, step: float, created_y: float, resolved_y: float, every: int) -> DayPoint:
    x = round(LEFT + place * step, 1)
    on = date.fromisoformat(day.day[:10])
    return DayPoint(
        day=day.day[:10],
        title=f"{on:%a} {on.day} {on:%b}",
        label=f"{on.day} {on:%b}" if place % every == 0 else "",
        created=day.created,
        resolved=day.resolved,
        x=x,
        left=round(max(LEFT, x - step / 2), 1),
        width=round(step, 1),
        created_y=created_y,
        resolved_y=resolved_y,
        tip_x=round(min(max(x - TIP_WIDTH / 2, LEFT), WIDTH - RIGHT - TIP_WIDTH), 1),
    )


def nice_top(highest: int) -> int:
    """The least top that holds the highest value in four steps of a round number: 4, 8, 12, 16, 20, 40, 60, 80 …"""
    scale = 1
    while True:
        for step in STEPS:
            if 4 * step * scale >= highest:
                return 4 * step * scale
        scale *= 10


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x} {y}" for x, y in points)
