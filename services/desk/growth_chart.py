"""How an incident grew -> the geometry of its drawing. Pure; the template only writes it down as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.desk.charts import nice_top
from services.desk.incident_shapes import Growth

WIDTH, HEIGHT = 720, 200
LEFT, RIGHT, TOP, BOTTOM = 34, 12, 12, 28
LABELS = 5


@dataclass(frozen=True)
class GrowthChart:
    tickets_path: str
    tickets_area: str
    clients_path: str
    grid: tuple[tuple[float, int], ...]
    """(y, value)"""
    labels: tuple[tuple[float, datetime], ...]
    """(x, instant)"""


def growth_chart(points: Sequence[Growth], until: datetime | None = None) -> GrowthChart | None:
    """Steps of tickets and of clients over time, up to `until` (the incident's end, or now). None without a point."""
    if not points:
        return None
    start = points[0].at
    end = max(until or points[-1].at, points[-1].at)
    span = max((end - start).total_seconds(), 60.0)
    top = nice_top(max(points[-1].tickets, 1))

    def x(at: datetime) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (at - start).total_seconds() / span, 1)

    def y(value: int) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top), 1)

    tickets = _steps([(x(point.at), y(point.tickets)) for point in points], y(0), x(end))
    clients = _steps([(x(point.at), y(point.clients)) for point in points], y(0), x(end))
    values = range(0, top + 1, max(1, top // 4))
    return GrowthChart(
        tickets_path=tickets,
        tickets_area=f"{tickets}V{y(0)}H{LEFT}Z",
        clients_path=clients,
        grid=tuple((y(value), value) for value in values),
        labels=tuple(
            (
                round(LEFT + (WIDTH - LEFT - RIGHT) * place / (LABELS - 1), 1),
                start + (end - start) * place / (LABELS - 1),
            )
            for place in range(LABELS)
        ),
    )


def spark(points: Sequence[Growth], width: int = 96, height: int = 24) -> str:
    """The same without axes, for a row of a list: the path of its tickets."""
    if not points:
        return ""
    start, span = points[0].at, max((points[-1].at - points[0].at).total_seconds(), 60.0)
    top = max(points[-1].tickets, 1)
    at = [
        (
            round(width * (one.at - start).total_seconds() / span, 1),
            round(height - 2 - (height - 4) * one.tickets / top, 1),
        )
        for one in points
    ]
    return _steps(at, float(height - 2), float(width))


def _steps(at: Sequence[tuple[float, float]], floor: float, end: float) -> str:
    path = f"M{at[0][0]} {floor}"
    for x, y in at:
        path += f"H{x}V{y}"
    return f"{path}H{end}"
