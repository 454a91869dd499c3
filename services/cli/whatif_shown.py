"""A finished replay -> the terminal: figures per client and metric, the first tickets that moved. Prints."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import orjson
from rich.console import Console
from rich.table import Table

from services.reporting.whatif.result import Result

CLIENTS_SHOWN: Final = 30
CHANGES_SHOWN: Final = 20
WORDS: Final = {"gained": "breach gained", "lost": "breach lost", "raised": "raised", "lowered": "lowered"}


def show(result: Result) -> None:
    """The result for a person: --json has all of it."""
    console = Console(highlight=False, markup=False)
    said = result.header()
    moved = {place["client"] for place in said["clients"] if any(m["gained"] or m["lost"] for m in place["metrics"])}
    if result.asked.times or moved:
        shown = [place for place in said["clients"] if place["client"] in moved][:CLIENTS_SHOWN]
        everybody = [{"client": "all clients", "metrics": said["total"]}]
        console.print(_attained([*shown, *everybody]))
        if len(moved) > len(shown):
            console.print(f"… and {len(moved) - len(shown):,} clients more; --json names them")
    if said["priorities"] is not None:
        _show_priorities(console, said["priorities"])
    _show_changes(console, result, said)
    for note in said["notes"]:
        console.print(f"note: {note}", style="yellow")
    console.print(
        f"before {said['before']['digest'][:16]}  after {said['after']['digest'][:16]}  engine {said['engine']}"
    )


def _attained(clients: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("client", "clock", box=None, header_style="bold", pad_edge=False)
    for name in ("before", "after", "breaches", "then", "gained", "lost"):
        table.add_column(name, justify="right")
    for place in clients:
        for row in place["metrics"]:
            before, after = row["before"], row["after"]
            if not any(before[name] or after[name] for name in ("met", "breached", "waived")):
                continue
            table.add_row(
                place["client"],
                row["metric"].replace("_", " "),
                percent(before["attained"]),
                percent(after["attained"]),
                f"{before['breached']:,}",
                f"{after['breached']:,}",
                f"+{row['gained']:,}" if row["gained"] else "",
                f"-{row['lost']:,}" if row["lost"] else "",
            )
    return table


def percent(attained: float | None) -> str:
    return "–" if attained is None else f"{attained:.1f} %"


def _show_priorities(console: Console, said: Mapping[str, Any]) -> None:
    table = Table("was \\ would be", box=None, header_style="bold", pad_edge=False)
    for name in said["matrix"]:
        table.add_column(name, justify="right")
    for name, row in said["matrix"].items():
        table.add_row(name, *(f"{count:,}" if count else "" for count in row.values()))
    console.print(table)
    told = f"{said['raised']:,} tickets higher, {said['lowered']:,} lower, {said['by_person']:,} by a person's word"
    console.print(f"{told}; {said['unjudged']:,} that no rules have judged")
    if said["not_rejudged"]:
        console.print(f"{said['not_rejudged']:,} not judged again: their persons were erased; --json names them")


def _show_changes(console: Console, result: Result, said: Mapping[str, Any]) -> None:
    lines = (orjson.loads(line) for line in result.changes())
    changes = (line for line in lines if line["change"] in WORDS)
    for line in islice(changes, CHANGES_SHOWN):
        console.print(sentence(line))
    more = _count(changes)
    if more:
        console.print(f"… and {more:,} more; --json has them all")


def _count(lines: Iterable[Any]) -> int:
    counted = enumerate(lines, 1)
    last = deque(counted, maxlen=1)
    return last[0][0] if last else 0


def sentence(line: Mapping[str, Any]) -> str:
    """One thing that moved, in a line."""
    at, word = line["at"][:16].replace("T", " "), WORDS[line["change"]]
    if line["change"] in ("raised", "lowered"):
        return f"{at}  {line['ticket']:<14} {word} from {line['before']} to {line['after']}"
    return f"{at}  {line['ticket']:<14} {line['metric'].replace('_', ' ')}: {word}{_due(line)}"


def _due(line: Mapping[str, Any]) -> str:
    before, after = ((line[side] or {}).get("due") for side in ("before", "after"))
    return f" (due {_short(before)}, then {_short(after)})"


def _short(at: str | None) -> str:
    return at[:16].replace("T", " ") if at else "never"
