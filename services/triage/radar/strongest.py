"""The clients that showed a key, and how usual it is -> the strongest sign that it gives. Pure."""

from __future__ import annotations

from services.triage.radar.evidence import (
    CLIENTS_MIN,
    RATIO_MIN,
    SUSPECTED_BELOW,
    evidence,
    means_worth_asking,
    slowness,
    worth_asking,
)
from services.triage.radar.sign import Sign
from services.triage.radar.window import Kept, Showing


def strongest(
    key: str, showing: Showing, newest: Kept, share_of: tuple[float, float], bar: float, least_tickets: int
) -> Sign | None:
    """The strongest evidence of a key, over every number of late tickets that ends with the newest; None if too weak.

    Counting back, each further client that showed the key is asked: so many clients in so many tickets. Where so many
    tickets have passed that not even all clients together would be too many, the counting ends.
    """
    alpha, beta = share_of
    share = alpha / (alpha + beta)
    best: tuple[float, float, int, int] | None = None
    clients, ask, least, after = 0, CLIENTS_MIN, -SUSPECTED_BELOW, newest.place + 1
    worth = means_worth_asking(int((bar + least) * 10))
    all_clients = len(showing)
    most = (worth[all_clients] if all_clients < len(worth) else all_clients / RATIO_MIN) / share
    if most < least_tickets:
        return None
    for kept in reversed(showing.values()):
        clients += 1
        tickets = after - kept.place
        if tickets > most:
            break
        if clients < ask:
            continue
        ask = clients + 1 if clients < 16 else clients + clients // 6
        tickets = max(tickets, least_tickets)
        mean = tickets * share
        if clients < len(worth) and mean > worth[clients]:
            continue
        if not worth_asking(clients, mean, bar + least):
            continue
        found = evidence(clients, tickets, alpha, beta)
        margin = found - bar - slowness(newest.at - kept.at)
        if margin >= least:
            best, least = (found, margin, clients, tickets), margin
    if best is None:
        return None
    found, margin, clients, tickets = best
    return Sign(key, round(found, 6), round(margin, 6), clients, tickets, tickets * share, newest.at)
