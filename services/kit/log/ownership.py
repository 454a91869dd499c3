"""contracts/ownership.py -> the table that log.append asks. I/O, run by `daybook provision` as the owner."""

from __future__ import annotations

from contracts.ownership import rows
from services.kit.postgres import Connection, queries

SQL = queries("services/kit/log/sql/ownership.sql")


async def write_ownership(owner: Connection) -> None:
    """Makes the table say what the contracts say. Safe at any time; a running append sees the old or the new whole."""
    roles, types = zip(*rows(), strict=True)
    async with owner.transaction():
        await owner.execute(SQL["forget"], roles, types)
        await owner.execute(SQL["remember"], roles, types)
