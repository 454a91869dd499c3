"""An instant of the demo's outage enters; the incident that the radar has raised of it leaves, if any. I/O: the log."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from contracts.incident import IncidentStatus, fold
from contracts.model import DESK
from contracts.subjects import lane_of_client
from services.kit.log.read import read_stream
from services.kit.postgres import Pool, queries

SQL = queries("services/demo/sql/demo.sql")

LATELY = timedelta(hours=4)  # an older suspicion is another matter
IN_HAND = frozenset({IncidentStatus.CONFIRMED, IncidentStatus.RESOLVED})
OPEN = IN_HAND | {IncidentStatus.SUSPECTED}


async def found_by_radar(pool: Pool, at: datetime) -> UUID | None:
    """The incident of the last hours that a person has in hand, else the suspicion of most tickets."""
    rows = await pool.fetch(SQL["suspicions"], lane_of_client(DESK), at - LATELY, at)
    known = [(row["stream"], fold(await read_stream(pool, row["stream"]))) for row in rows]
    able = [(stream, incident) for stream, incident in known if incident.status in OPEN]
    best = max(able, key=lambda one: (one[1].status in IN_HAND, len(one[1].members)), default=None)
    return best and best[0]
