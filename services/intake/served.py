"""The log -> what every client of the desk is called, so that words for everybody can be held against it. I/O."""

from __future__ import annotations

from contracts.clients import ClientChanged, ClientRegistered
from contracts.subjects import client_stream, lane_of
from services.intake.decide_incident import Names
from services.kit.log.read import recorded
from services.kit.postgres import Pool, queries

SQL = queries("services/intake/sql/served.sql")
SERVED_MAX = 50_000  # prefixes; publishing is rare, and a desk of more is held against these


async def everyone_served(pool: Pool) -> tuple[Names, ...]:
    """Each client by its newest name, once for every prefix. The slug is left out: it is the desk's own word, and often
    an ordinary one."""
    rows = await pool.fetch(SQL["prefixes"], SERVED_MAX)
    streams = [client_stream(slug) for slug in sorted({row["client"] for row in rows})]
    told = recorded(await pool.fetch(SQL["told"], [lane_of(stream) for stream in streams], streams))
    names = {
        event.client: event.data.name for event in told if isinstance(event.data, ClientRegistered | ClientChanged)
    }
    return tuple(Names(names[row["client"]], "", row["prefix"]) for row in rows if row["client"] in names)
