"""The command `daybook quarantine list`: mails that could not become tickets, and why. Nothing of a person is shown."""

from __future__ import annotations

import json
from typing import Annotated

import asyncpg
import typer

from services.cli.token import AsJson, on_database
from services.kit.postgres import Pool, queries

SQL = queries("services/intake/mail/sql/quarantine.sql")


def register(app: typer.Typer) -> None:
    group = typer.Typer(name="quarantine", help="Mails that could not become tickets.", no_args_is_help=True)
    app.add_typer(group)
    group.callback()(lambda: None)
    group.command("list")(list_all)


def list_all(
    limit: Annotated[int, typer.Option(help="At most so many, newest first.", min=1, max=10_000)] = 100,
    as_json: AsJson = False,
) -> None:
    """List the mails in the quarantine, newest first."""

    async def rows(pool: Pool) -> list[dict[str, str | int | None]]:
        return [_plain(row) for row in await pool.fetch(SQL["list"], limit)]

    found = on_database(rows)
    if as_json:
        print(json.dumps(found))
        return
    for row in found:
        client = row["client"] or "-"
        print(f"{row['received_at']}  {row['reason']:<22} {client:<20} {row['bytes']:>9} bytes  {row['id']}")
    if not found:
        print("The quarantine is empty: every mail became a ticket.")


def _plain(row: asyncpg.Record) -> dict[str, str | int | None]:
    return {
        "id": str(row["id"]),
        "reason": row["reason"],
        "client": row["client"],
        "bytes": row["bytes"],
        "received_at": row["received_at"].isoformat(timespec="seconds"),
    }
