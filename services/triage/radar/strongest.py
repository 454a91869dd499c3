"""The clients that showed a key, and how usual it is -> the strongest sign that it gives. Pure."""

from __future__ import annotations

from services.triage.radar.clusters import Sign
from services.triage.radar.evidence import CLIENTS_MIN, SUSPECTED_BELOW, evidence, slowness, worth_asking
from services.triage.radar.window import Kept, Showing


def strongest(
    key: str, showing: Showing, newest: Kept, share_of: tuple[float, float], bar: float, least_tickets: int
) -> Sign | None:
    """The strongest evidence of a key, over every number of late tickets that ends with the newest; None if too weak.

    Counting back, each further client that showed the key is asked: so many clients in so many tickets.
    """
    alpha, beta = share_of
    share = alpha / (alpha + beta)
    best: tuple[float, float, int, int] | None = None
    clients, ask, least = 0, CLIENTS_MIN, -SUSPECTED_BELOW
    for kept in reversed(showing.values()):
        clients += 1
        if clients < ask:
            continue
        ask = clients + 1 if clients < 16 else clients + clients // 6
        tickets = max(newest.place - kept.place + 1, least_tickets)
        if not worth_asking(clients, tickets * share, bar + least):
            continue
        found = evidence(clients, tickets, alpha, beta)
        margin = found - bar - slowness(newest.at - kept.at)
        if margin >= least:
            best, least = (found, margin, clients, tickets), margin
    if best is None:
        return None
    found, margin, clients, tickets = best
    return Sign(key, round(found, 6), round(margin, 6), clients, tickets, tickets * share, newest.at)
