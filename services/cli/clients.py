"""The command `daybook clients apply`: a YAML file of clients and their terms -> the log, and one line for each."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from contracts.clients import PutClient
from contracts.envelope import Recorded
from contracts.model import DESK, Event
from services.cli.app import Stop
from services.cli.terms import Terms, explained, names_of_sets, put_terms, shipped
from services.cli.token import AsJson, on_database
from services.kit.clients import Author, put_client
from services.kit.log.append import NotAppended
from services.kit.postgres import Pool
from services.kit.refused import Refused
from services.kit.web.handlers import field_of

EXAMPLE = "clients: [{id: acme, name: Acme Ltd, prefix: ACME, zone: Europe/Zurich, tier: premium, languages: [en]}]"
TERMS = frozenset(Terms.model_fields)


class Entry(PutClient):
    """One client of the file."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,38}$")]


class ClientsFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    clients: list[dict[str, Any]] = Field(default_factory=list)
    desk: dict[str, Any] | None = None


@dataclass(frozen=True)
class Line:
    """What became of one client: registered, changed, unchanged, checked, or refused and why; and of its terms."""

    client: str
    outcome: str
    reason: str | None = None
    terms: tuple[str, ...] = ()
    due: tuple[str, ...] = ()


def register(app: typer.Typer) -> None:
    group = typer.Typer(name="clients", help="The organisations that the desk serves.", no_args_is_help=True)
    app.add_typer(group)
    group.callback()(lambda: None)  # without it a lone command would lose its name
    group.command("apply")(apply)


def apply(
    file: Annotated[Path, typer.Argument(help=f"YAML, such as {EXAMPLE}; or a set of terms: {names_of_sets()}")],
    preview: Annotated[bool, typer.Option("--preview", help="write nothing: check, and say what would be due")] = False,
    as_json: AsJson = False,
) -> None:
    """Make clients and their terms what a file says. Safe to run again; exit code 1 if one is refused."""
    given = read(shipped(file))
    entries = [*([{"id": DESK, **given.desk}] if given.desk is not None else []), *given.clients]

    async def put_all(pool: Pool) -> list[Line]:
        return [await put(pool, number, entry) for number, entry in enumerate(entries, 1)]

    lines = previewed(entries, datetime.now(UTC)) if preview else on_database(put_all)
    if as_json:
        print(json.dumps([asdict(line) for line in lines]))
    else:
        for line in lines:
            told = [line.reason] if line.reason else list(line.terms)
            print(f"{line.client:<40} {line.outcome}" + (f": {', '.join(told)}" if told else ""))
            print("".join(f"  {sentence}\n" for sentence in line.due), end="")
    raise typer.Exit(1 if any(line.outcome == "refused" for line in lines) else 0)


def read(file: Path) -> ClientsFile:
    """The entries of a file, not yet judged. Raises Stop."""
    try:
        content = yaml.safe_load(file.read_text())
        given = ClientsFile.model_validate({"clients": content} if isinstance(content, list) else content)
    except FileNotFoundError:
        raise Stop(f"there is no file {file}") from None
    except (ValidationError, IsADirectoryError) as error:
        raise Stop(f"{file} is not a list of clients; write it like this: {EXAMPLE}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: no UTF-8, or a day that is none
        reason = " ".join(str(error).split())[:200]
        raise Stop(f"{file} is not a list of clients: {reason}; write it like this: {EXAMPLE}") from error
    if given.desk is None and "clients" not in given.model_fields_set:
        raise Stop(f"{file} is not a list of clients; write it like this: {EXAMPLE}")
    return given


def parted(entry: dict[str, Any]) -> tuple[Entry | None, Terms]:
    """The client and its terms; no client where the entry is the desk's. Raises ValidationError."""
    terms = Terms.model_validate({key: value for key, value in entry.items() if key in TERMS})
    rest = {key: value for key, value in entry.items() if key not in TERMS}
    return (None if rest == {"id": DESK} else Entry.model_validate(rest)), terms


def previewed(entries: list[dict[str, Any]], now: datetime) -> list[Line]:
    """What `apply` would be asked, judged as the desk would, without a desk."""
    lines: list[Line] = []
    desk: list[Recorded[Event]] = []
    for number, entry in enumerate(entries, 1):
        name = str(entry.get("id", f"entry {number}"))
        try:
            client, terms = parted(entry)
            told, history = explained(name, terms, desk, now)
        except ValidationError as error:
            lines.append(Line(name, "refused", _first(error)))
        except Refused as refused:
            lines.append(Line(name, "refused", f"{refused.field}: {refused}"))
        else:
            desk = history if client is None else desk
            lines.append(Line(name, "checked", terms=tuple(told.put), due=tuple(told.due)))
    return lines


async def put(pool: Pool, number: int, entry: dict[str, Any]) -> Line:
    """Registers or changes one client, and sets its terms."""
    from uuid_utils.compat import uuid7

    name, author = str(entry.get("id", f"entry {number}")), Author("system:cli", uuid7)
    try:
        wanted, terms = parted(entry)
        outcome = "desk" if wanted is None else await _put_client(pool, wanted, author)
        told = await put_terms(pool, name, terms, author)
    except ValidationError as error:
        return Line(name, "refused", _first(error))
    except Refused as refused:
        return Line(name, "refused", f"{refused.field}: {refused}")
    except NotAppended as conflict:
        return Line(name, "refused", f"{conflict}; run it again")
    return Line(name, outcome, terms=tuple(told.put))


async def _put_client(pool: Pool, wanted: Entry, author: Author) -> str:
    command = PutClient(**wanted.model_dump(exclude={"id"}))
    async with pool.acquire() as connection:
        client, appended = await put_client(connection, wanted.id, command, author)
    return "unchanged" if appended is None else "registered" if client.version == 1 else "changed"


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, field_of(first)))}: {first['msg'].removeprefix('Value error, ')}"
