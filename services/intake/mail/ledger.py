"""A mail that is about to be answered with 250, and what became of it -> one row that says so. I/O: one insert.

`daybook verify` holds these rows against the log and the quarantine.
"""

from __future__ import annotations

from contracts.model import DESK
from contracts.subjects import lane_of_client
from services.intake.edge import Edge
from services.kit.postgres import queries

SQL = queries("services/intake/mail/sql/ledger.sql")


async def note(edge: Edge, key: bytes, client: str | None, *, quarantined: bool) -> None:
    """Notes that a mail was taken; the same again is the same row. `client` is None where its address names none."""
    outcome = "quarantine" if quarantined else "ticket"
    await edge.pool.execute(SQL["note"], lane_of_client(client or DESK), key, outcome, client)
