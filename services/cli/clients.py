"""The command `daybook clients apply`: a YAML file of clients -> the log, and one line for each."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from contracts.clients import PutClient
from services.cli.app import Stop
from services.cli.token import AsJson, on_database
from services.kit.clients import Author, put_client
from services.kit.log.append import NotAppended
from services.kit.postgres import Pool
from services.kit.refused import Refused

EXAMPLE = "clients: [{id: acme, name: Acme Ltd, prefix: ACME, zone: Europe/Zurich, tier: premium, languages: [en]}]"


class Entry(PutClient):
    """One client of the file."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,38}$")]


class ClientsFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    clients: list[dict[str, Any]]


@dataclass(frozen=True)
class Line:
    """What became of one client: registered, changed, unchanged, or refused and why."""

    client: str
    outcome: str
    reason: str | None = None


def register(app: typer.Typer) -> None:
    group = typer.Typer(name="clients", help="The organisations that the desk serves.", no_args_is_help=True)
    app.add_typer(group)
    group.callback()(lambda: None)  # without it a lone command would lose its name
    group.command("apply")(apply)


def apply(
    file: Annotated[Path, typer.Argument(help=f"YAML, such as {EXAMPLE}")],
    as_json: AsJson = False,
) -> None:
    """Make the clients what a file says. Safe to run again; exit code 1 if one is refused."""
    entries = read(file)

    async def put_all(pool: Pool) -> list[Line]:
        return [await put(pool, number, entry) for number, entry in enumerate(entries, 1)]

    lines = on_database(put_all)
    if as_json:
        print(json.dumps([asdict(line) for line in lines]))
    else:
        for line in lines:
            print(f"{line.client:<40} {line.outcome}" + (f": {line.reason}" if line.reason else ""))
    raise typer.Exit(1 if any(line.outcome == "refused" for line in lines) else 0)


def read(file: Path) -> list[dict[str, Any]]:
    """The entries of a file, not yet judged. Raises Stop."""
    try:
        content = yaml.safe_load(file.read_text())
        return ClientsFile.model_validate({"clients": content} if isinstance(content, list) else content).clients
    except FileNotFoundError:
        raise Stop(f"there is no file {file}") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValidationError) as error:
        raise Stop(f"{file} is not a list of clients; write it like this: {EXAMPLE}") from error


async def put(pool: Pool, number: int, entry: dict[str, Any]) -> Line:
    """Registers or changes one client."""
    from uuid_utils.compat import uuid7

    name = str(entry.get("id", f"entry {number}"))
    try:
        wanted = Entry.model_validate(entry)
        command = PutClient(**wanted.model_dump(exclude={"id"}))
        async with pool.acquire() as connection:
            client, appended = await put_client(connection, wanted.id, command, Author("system:cli", uuid7))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        return Line(name, "refused", f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    except Refused as refused:
        return Line(name, "refused", f"{refused.field}: {refused}")
    except NotAppended as conflict:
        return Line(name, "refused", f"{conflict}; run it again")
    outcome = "unchanged" if appended is None else "registered" if client.version == 1 else "changed"
    return Line(name, outcome)
