"""How far the month is played enters; a progress bar leaves, or a line now and then where no terminal is watching."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

LINE_EVERY = timedelta(days=5)  # of simulated time


class Show:
    """Use it as a context: the bar is gone from the terminal's control afterwards, however it ends."""

    def __init__(self, start: datetime, total: int, console: Console | None = None) -> None:
        self._console = console or Console()
        self._now, self._next_line = start, start + LINE_EVERY
        self._bar = Progress(
            TextColumn("[bold]A month of a support desk"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[day]}"),
            TextColumn("{task.fields[tickets]} tickets,"),
            MofNCompleteColumn(),
            TextColumn("actions"),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=total, day=f"{start:%a %d %b}", tickets=0)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def advance(self, now: datetime, actions: int, tickets: int) -> None:
        """So many more actions are played, the last of them at `now`. Tickets side by side are not quite in order."""
        self._now = max(self._now, now)
        self._bar.update(self._task, advance=actions, day=f"{self._now:%a %d %b %H:%M}", tickets=tickets)
        if not self._console.is_terminal and self._now >= self._next_line:
            self._console.print(f"played up to {self._now:%a %d %b}: {tickets} tickets", highlight=False)
            while self._next_line <= self._now:
                self._next_line += LINE_EVERY
