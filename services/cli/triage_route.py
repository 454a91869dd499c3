"""Tickets and a desk in files -> who would work each, and why: `daybook triage route --file TICKETS --desk DESK`.

The desk's file holds {routes: [{team, category?, level?, language?, client?, skills?, give?}], people: [{id, name?,
level, teams, clients?, languages?, skills?, load?, capacity?, present?}]}. A ticket says {client, category?, level?,
language?, skills?}; category and language that it leaves out are read in its subject and body. It assigns nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.people import Level
from contracts.routes import StrictRouteRow
from services.cli.app import Stop
from services.cli.ticket_lines import Bad, Line, TicketFile, Wrong, text, word
from services.kit.rules.routes import route_of
from services.kit.rules.routing import Matter, Route, Worker, route
from services.triage.reading import read_ticket
from services.triage.tone import Table
from services.triage.tone_tables import load_tables

DESK_BYTES_MAX = 8_000_000
UNKNOWN = "unknown"
Names = Annotated[frozenset[Annotated[str, Field(max_length=80)]], Field(max_length=1_000)]


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PersonSaid(_Said):
    id: UUID
    name: str | None = None
    level: Level
    teams: Names
    clients: Names = frozenset()
    languages: Names = frozenset()
    skills: Names = frozenset()
    load: Annotated[int, Field(ge=0)] = 0
    capacity: Annotated[int, Field(ge=1)] = 20
    present: bool = True


class DeskSaid(_Said):
    routes: Annotated[list[StrictRouteRow], Field(max_length=10_000)]
    people: Annotated[list[PersonSaid], Field(max_length=100_000)]


def route_command(
    file: Annotated[Path, typer.Option("--file", help="JSON lines {client, category?, level?, language?, skills?}")],
    desk: Annotated[Path, typer.Option("--desk", help="JSON {routes, people}")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Say which team and whom each ticket of a file would go to, and why."""
    said, tables = desk_of(desk), load_tables()
    routes = [route_of(one) for one in said.routes]
    people = [Worker(**one.model_dump(exclude={"name"})) for one in said.people]
    names = {one.id: one.name for one in said.people}
    for line in TicketFile(file).lines():
        told = routed(line, routes, people, names, tables)
        print(json.dumps(told, ensure_ascii=False) if as_json else _for_people(told))


def desk_of(file: Path) -> DeskSaid:
    """The desk of a file. Raises Stop with the field that is wrong and what it has to be."""
    try:
        if file.stat().st_size > DESK_BYTES_MAX:
            raise Stop(f"{file} is larger than {DESK_BYTES_MAX:,} bytes: that is no desk")
        return DeskSaid.model_validate_json(file.read_bytes())
    except OSError as error:
        raise Stop(f"{file} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise Stop(f"{file}: {'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}") from error


def routed(
    line: Line | Bad,
    routes: list[Route],
    people: list[Worker],
    names: Mapping[UUID, str | None],
    tables: Mapping[str, Table],
) -> dict[str, Any]:
    """One line's answer, or what is wrong with it."""
    if isinstance(line, Bad):
        return {"line": line.line, "error": line.reason}
    try:
        matter = matter_of(line.said, tables)
    except Wrong as wrong:
        return {"line": line.number, "error": str(wrong)}
    found = route(matter, routes, people)
    return {
        "line": line.number,
        "client": matter.client,
        "category": matter.category,
        "level": matter.level.value,
        "language": matter.language,
        "team": found.team,
        "agent": None if found.agent is None else str(found.agent),
        "agent_name": None if found.agent is None else names[found.agent],
        "why": list(found.why),
    }


def matter_of(said: dict[str, Any], tables: Mapping[str, Table]) -> Matter:
    """What a line says of a ticket, and what its text adds. Raises Wrong."""
    reading = read_ticket(text(said, "subject"), text(said, "body"), tables, chosen=word(said, "category"))
    spoken = text(said, "language") or reading.heard.language
    skills = said.get("skills") or []
    if not isinstance(skills, list) or not all(isinstance(one, str) for one in skills):
        raise Wrong("“skills” is no list of words")
    level = text(said, "level") or Level.L1.value
    if level not in set(Level):
        raise Wrong(f"“level” is none of {', '.join(Level)}: {level[:40]!r}")
    return Matter(
        client=text(said, "client", needed=True),
        category=reading.classified.category if reading.classified else None,
        level=Level(level),
        language=None if spoken == UNKNOWN else spoken,
        skills=frozenset(skills),
    )


def _for_people(told: dict[str, Any]) -> str:
    if "error" in told:
        return f"line {told['line']}: {told['error']}"
    whom = told["agent_name"] or told["agent"] or "nobody yet"
    return f"line {told['line']}: {told['team'] or 'no team'}, {whom}: {'; '.join(told['why'])}"
