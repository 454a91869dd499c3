"""The command `daybook sla check`: a file of cases and timelines -> totals and every difference.

It asks the open time, the cycles and the fold that the timers use, nothing beside them. Exit code 1 where anything
differs or can't be asked.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.app import Stop
from services.cli.sla_cases import Case, Wrong, agrees, answer, read, shown
from services.cli.sla_timelines import Timeline, answers

FORM = '{"cases": [{"id", "op", "calendar", "start", …, "expected"}], "timelines": [{"id", "policy", "calendar", …}]}'


@dataclass
class Tally:
    total: int = 0
    agree: int = 0
    differ: int = 0
    checks: int = 0
    """What was compared: a timeline is asked more than once."""

    def count(self, checks: int, agree: bool) -> None:
        self.total += 1
        self.checks += checks
        self.agree += agree
        self.differ += not agree


@dataclass
class Report:
    """What became of a file."""

    file: str
    cases: Tally = field(default_factory=Tally)
    timelines: Tally = field(default_factory=Tally)
    differences: list[dict[str, Any]] = field(default_factory=list)


def register(app: typer.Typer) -> None:
    group = typer.Typer(name="sla", help="Service levels: calendars, targets and clocks.", no_args_is_help=True)
    app.add_typer(group)
    group.callback()(lambda: None)  # without it a lone command would lose its name
    group.command("check")(check)


def check(
    file: Annotated[Path, typer.Argument(help="JSON: cases of open time and timelines of tickets")],
    as_json: Annotated[bool, typer.Option("--json", help="one object for programs")] = False,
) -> None:
    """Hold our clocks against a file of cases: totals, and every difference. Exit code 1 if there is one."""
    report = checked(str(file), load(file))
    if as_json:
        print(json.dumps(asdict(report), ensure_ascii=False, indent=1))
    else:
        print_report(report)
    raise typer.Exit(1 if report.differences else 0)


def load(file: Path) -> dict[str, Any]:
    """The content of a file. Raises Stop where it is not of the form."""
    try:
        content = json.loads(file.read_text())
    except FileNotFoundError:
        raise Stop(f"there is no file {file}") from None
    except (json.JSONDecodeError, UnicodeDecodeError, IsADirectoryError, RecursionError) as error:
        raise Stop(f"{file} is not JSON ({error}); it has to be of the form {FORM}") from error
    if not isinstance(content, dict) or not ({"cases", "timelines"} & content.keys()):
        raise Stop(f"{file} has neither cases nor timelines; it has to be of the form {FORM}")
    for part in ("cases", "timelines"):
        if not isinstance(content.get(part, []), list):
            raise Stop(f"{part} of {file} is not a list; the file has to be of the form {FORM}")
    if not content.get("cases") and not content.get("timelines"):
        raise Stop(f"{file} holds no case and no timeline: nothing was checked")
    return content


def checked(name: str, content: dict[str, Any]) -> Report:
    """The report of a file's content."""
    report = Report(name)
    for number, given in enumerate(content.get("cases", []), 1):
        differences = _check_case(given)
        report.cases.count(1, not differences)
        report.differences += [{"id": _id(given, "case", number), **found} for found in differences]
    for number, given in enumerate(content.get("timelines", []), 1):
        asked, differences = _check_timeline(given)
        report.timelines.count(asked, not differences)
        report.differences += [{"id": _id(given, "timeline", number), **found} for found in differences]
    return report


def _id(given: Any, kind: str, number: int) -> str:
    return str(given.get("id", f"{kind} {number}")) if isinstance(given, dict) else f"{kind} {number}"


def _check_case(given: Any) -> list[dict[str, Any]]:
    try:
        case = read(Case, given)
        got = answer(case)
    except Wrong as wrong:
        return [{"error": str(wrong)}]
    if agrees(case.expected, got):
        return []
    return [{"op": case.op, "start": shown(case.start), "expected": case.expected, "got": shown(got)}]


def _check_timeline(given: Any) -> tuple[int, list[dict[str, Any]]]:
    """How many answers were compared, and those that differ."""
    try:
        told = list(answers(read(Timeline, given)))
    except Wrong as wrong:
        return 0, [{"error": str(wrong)}]
    except ValueError as wrong:  # a history out of order, or a policy that says no number
        return 0, [{"error": str(wrong)}]
    return len(told), [
        {"after_event": event, "what": what, "expected": expected, "got": shown(got)}
        for event, what, expected, got in told
        if not (expected == got if isinstance(got, str) else agrees(expected, got))
    ]


def print_report(report: Report) -> None:
    for found in report.differences:
        what = ", ".join(f"{key} {value}" for key, value in found.items() if key != "id")
        print(f"{found['id']}: {what}")
    for name, tally in (("cases", report.cases), ("timelines", report.timelines)):
        print(f"{name}: {tally.agree} of {tally.total} agree ({tally.checks} answers compared)")
