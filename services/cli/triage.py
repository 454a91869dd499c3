"""Tickets in a file -> what triage makes of each: `daybook triage explain --file TICKETS.jsonl`.

The rules of the service, fed with what a line says: {subject, body, urgency?, category?, service?, client?, tier?,
clients?, incident_clients?, exchanges?}. With --json one object for each line, in the file's order; a line that cannot
be taken gives one with its number and `error`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from contracts.clients import Tier
from contracts.terms import Urgency
from services.cli.app import Stop
from services.cli.ticket_lines import Bad, Line, TicketFile, Wrong, text, word
from services.cli.triage_evaluate import evaluate_command
from services.cli.triage_route import route_command
from services.triage.explain import Asked, Explained, explain
from services.triage.tone import Table
from services.triage.tone_tables import load_tables

COUNT_MAX = 1_000_000
SYNONYMS = {
    "urgent": "critical",
    "medium": "normal",
    "middle": "normal",
    "very high": "critical",
    "highest": "critical",
}


def register(app: typer.Typer) -> None:
    group = typer.Typer(name="triage", help="Category, tone and priority, explained.", no_args_is_help=True)
    app.add_typer(group)
    group.command("explain")(explain_command)
    group.command("evaluate")(evaluate_command)
    group.command("route")(route_command)


def explain_command(
    file: Annotated[Path, typer.Option("--file", help="JSON lines {subject, body, urgency?, category?, client?}")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, and no progress.")] = False,
) -> None:
    """Say what triage makes of each ticket of a file, and why. Exit code 1 if no line holds a ticket."""
    source, tables = TicketFile(file), load_tables()
    console = Console(stderr=True, quiet=as_json or not sys.stderr.isatty())
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    taken, first = 0, None
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("explaining", total=source.size)
        for line in source.lines():
            told = explained(line, tables)
            if "error" in told:
                first = first or told
            else:
                taken += 1
            print(json.dumps(told, ensure_ascii=False) if as_json else for_people(told))
            bar.update(task, completed=source.read)
    if first is not None and not taken:
        raise Stop(f"{file} holds no ticket: line {first['line']}: {first['error']}")


def explained(line: Line | Bad, tables: Mapping[str, Table]) -> dict[str, Any]:
    """One line's answer, or what is wrong with it."""
    if isinstance(line, Bad):
        return {"line": line.line, "error": line.reason}
    try:
        asked = asked_of(line.said)
    except Wrong as wrong:
        return {"line": line.number, "error": str(wrong)}
    named: dict[str, Any] = {
        name: line.said[name] for name in ("id", "ticket", "reference", "client") if name in line.said
    }
    return {"line": line.number, **named, **as_json_of(explain(asked, tables))}


def asked_of(said: dict[str, Any]) -> Asked:
    """What a line asks. Raises Wrong where a field is not what it has to be."""
    return Asked(
        subject=text(said, "subject"),
        body=text(said, "body"),
        urgency=_urgency(text(said, "urgency")),
        category=word(said, "category"),
        service=word(said, "service"),
        tier=_tier(text(said, "tier")),
        clients=_count(said, "clients", 1),
        incident_clients=_count(said, "incident_clients", 0),
        exchanges=_count(said, "exchanges", 1),
    )


def _urgency(said: str) -> Urgency | None:
    name = said.strip().lower()
    if not name:
        return None
    try:
        return Urgency(SYNONYMS.get(name, name))
    except ValueError:
        raise Wrong(f"“urgency” is none of {', '.join(Urgency)}: {said[:40]!r}") from None


def _tier(said: str) -> Tier:
    try:
        return Tier(said.strip().lower()) if said.strip() else Tier.STANDARD
    except ValueError:
        raise Wrong(f"“tier” is none of {', '.join(Tier)}: {said[:40]!r}") from None


def _count(said: dict[str, Any], name: str, default: int) -> int:
    value = said.get(name, default)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= COUNT_MAX:
        raise Wrong(f"“{name}” is no count: {str(value)[:40]!r}; write a whole number from 0 to {COUNT_MAX:,}")
    return value


def as_json_of(found: Explained) -> dict[str, Any]:
    """An answer for programs."""
    classified, heard, prioritised = found
    return {
        "category": classified.category,
        "service": classified.service,
        "confidence": classified.confidence,
        "category_from": classified.source,
        "category_words": list(classified.words),
        "candidates": [{"category": name, "confidence": share} for name, share in classified.candidates],
        "tone": heard.tone.value,
        "degree": heard.degree,
        "tone_words": list(heard.words),
        "language": heard.language,
        "priority": prioritised.priority.value,
        "urgency": prioritised.urgency,
        "impact": prioritised.impact,
        "reasons": [
            {"code": one.code, "axis": one.axis, "points": one.points, "words": [str(word) for word in one.words]}
            for one in prioritised.reasons
        ],
        "smallest_change": prioritised.smallest_change,
        "rule_version": prioritised.rule_version,
    }


def for_people(told: dict[str, Any]) -> str:
    """The same in a few lines."""
    if "error" in told:
        return f"line {told['line']}: {told['error']}"
    tone = f"{told['tone']} {told['degree']:.2f}" + (
        f" ({', '.join(told['tone_words'])})" if told["tone_words"] else ""
    )
    category = f"{told['category'] or 'unsure'} {told['confidence']:.2f} from {told['category_from']}"
    reasons = [
        f"  {one['points']:+g} {one['axis']}: {one['code']} {', '.join(one['words'])}".rstrip()
        for one in told["reasons"]
    ]
    change = [f"  {told['smallest_change']}"] if told["smallest_change"] else []
    return "\n".join([f"line {told['line']}: {told['priority']}; category {category}; tone {tone}", *reasons, *change])
