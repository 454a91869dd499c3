"""Rows of measured figures -> one table for people and one JSON file. Writes only what it is given."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Row:
    """One figure of goals.md. `reached` is None where no goal is a plain number."""

    figure: str
    what: str
    measured: str
    goal: str
    reached: bool | None
    values: dict[str, float]


def show(rows: list[Row], console: Console) -> None:
    """The table. A goal missed is told by a word, not by colour alone."""
    table = Table(
        "", "what", "measured", "goal", "reached", title="Daybook, measured on this machine", title_justify="left"
    )
    for row in rows:
        verdict = {None: "", True: "[green]yes[/]", False: "[red]no[/]"}[row.reached]
        table.add_row(row.figure, row.what, row.measured, row.goal, verdict)
    console.print(table)


def write(rows: list[Row], path: Path) -> None:
    """The same as JSON, with the machine it was measured on."""
    machine = {"system": platform.platform(), "python": platform.python_version()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": machine, "rows": [asdict(row) for row in rows]}, indent=2) + "\n")
