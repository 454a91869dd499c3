"""Claims of stated urgency <-> their rows, in the consumer's transaction. I/O; `claims` thinks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from contracts.envelope import Recorded
from contracts.model import Event
from contracts.tickets import TicketSubmitted
from services.kit.postgres import Connection, queries
from services.triage.claims import Claim, totals

SQL = queries("services/triage/sql/claims.sql")
LAST = 2**62  # a position behind every other

Totals = tuple[int, int]
ClaimsAt = Callable[[int], Totals]
"""How many claims of a client were confirmed and denied by a position of its lane."""


async def write_claims(connection: Connection, claims: Iterable[Claim]) -> None:
    """Adds the answers that are new, in the order of their lanes."""
    found = list(claims)
    if not found:
        return
    rows = await connection.fetch(SQL["known"], [claim.lane for claim in found], [claim.ticket for claim in found])
    known = {row["ticket"] for row in rows}
    by_client: dict[tuple[int, str], list[Claim]] = defaultdict(list)
    for claim in sorted(found, key=lambda claim: (claim.lane, claim.position)):
        if claim.ticket not in known:
            by_client[claim.lane, claim.client].append(claim)
    if not by_client:
        return
    before = await _totals(connection, [(lane, client, LAST) for lane, client in by_client])
    counted = [one for place, mine in by_client.items() for one in totals(before.get((place[1], LAST), (0, 0)), mine)]
    columns = zip(*((c.lane, c.client, c.position, c.ticket, yes, no) for c, yes, no in counted), strict=True)
    await connection.execute(SQL["add"], *columns)


async def claims_before(connection: Connection, events: Sequence[Recorded[Event]]) -> Mapping[str, ClaimsAt]:
    """For the clients whose tickets are new in this batch, what was thought of their claims by then."""
    asked = [(event.lane, event.client, event.position) for event in events if isinstance(event.data, TicketSubmitted)]
    if not asked:
        return {}
    found = await _totals(connection, asked)
    return {client: _at(client, found) for _, client, _ in asked}


def _at(client: str, found: Mapping[tuple[str, int], Totals]) -> ClaimsAt:
    return lambda position: found.get((client, position), (0, 0))


async def _totals(connection: Connection, asked: Sequence[tuple[int, str, int]]) -> dict[tuple[str, int], Totals]:
    lanes, clients, positions = zip(*asked, strict=True)
    rows = await connection.fetch(SQL["totals"], lanes, clients, positions)
    return {(row["client"], row["position"]): (row["confirmed"], row["denied"]) for row in rows}
