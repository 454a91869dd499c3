"""How often a key was seen before, how many clients show it now -> how surprising that is. Pure.

The share of the stream that a key has is not known but estimated, so the count of clients in the next N tickets is
beta-binomial; evidence is -log10 of the chance of so many or more. `STEADY_MAX` bounds how sure a long history can make
us of a share: topics drift with the hour and the day, and no count of tickets says otherwise.
"""

from __future__ import annotations

from functools import lru_cache
from math import lgamma, log, log2, log10, sqrt
from typing import Final

CLIENTS_MIN: Final = 3
RATIO_MIN: Final = 1.5  # times the mean; a smaller excess is nobody's incident
STEADY_MAX: Final = 14.0  # pseudo-counts; the share of a key is known to about a quarter of itself, at best
TICKETS_MIN: Final = 32  # tickets; three in a row are judged as three in so many
SMALL: Final = 0.25  # of it, where a day has few tickets: then there are fewer moments at which three may meet
BASE_STREAM: Final = 20_000.0  # tickets in the decayed history, about 2,000 a day: where the thresholds hold as given
LN10: Final = log(10.0)

GROWTH: Final = {"c": 2.2, "s": 2.2, "e": 2.2, "w": 2.2, "p": 4.2}
"""Units for each tenfold of it: more tickets ask more often, and of rarer words; rare pairs grow as tickets do."""
UNSURE: Final = 0.8  # units for each tenth that a short history holds of a long one: what is usual is not known yet

THRESHOLDS: Final = {"c": 6.2, "s": 6.2, "e": 4.8, "w": 7.7, "p": 8.9}
SUSPECTED_BELOW: Final = 1.0  # units of evidence below the threshold


def thresholds(total: float, pace: float) -> dict[str, float]:
    """The evidence that declares an incident, for a key of each kind, where `total` tickets are remembered.

    `pace` is how many there will be at this rate once the history is long: a desk asks as often on its first day.
    """
    often = max(0.0, log10(max(pace, 1.0) / BASE_STREAM))
    lacking = UNSURE * log10(max(pace, 1.0) / max(total, pace / 100, 1.0))
    return {kind: base + max(GROWTH[kind] * often, lacking) for kind, base in THRESHOLDS.items()}


def least_tickets(pace: float) -> int:
    """The fewest tickets among which a count is judged, at this pace (`threshold`)."""
    return round(TICKETS_MIN * min(1.0, max(SMALL, sqrt(max(pace, 0.0) / BASE_STREAM))))


def slowness(seconds: float) -> float:
    """How much more evidence is asked where it took so long to come: what is new, but no incident, comes slowly."""
    return log2(1.0 + seconds / 3600.0)


def parameters(seen: float, total: float) -> tuple[float, float]:
    """Alpha and beta of the share of a key that was seen in `seen` of `total` tickets."""
    alpha, beta = seen + 0.5, max(total - seen, 0.0) + 0.5
    if alpha <= STEADY_MAX:
        return alpha, beta
    return STEADY_MAX, beta * STEADY_MAX / alpha


def evidence(clients: int, tickets: int, alpha: float, beta: float) -> float:
    """-log10 P(X >= clients) of a beta-binomial of `tickets` trials, by its first term and a geometric tail."""
    tickets = max(tickets, clients)
    rest = tickets - clients
    first = (
        lgamma(tickets + 1.0) - lgamma(clients + 1.0) - lgamma(rest + 1.0)
        + lgamma(clients + alpha) + lgamma(rest + beta) - lgamma(tickets + alpha + beta)
        + lgamma(alpha + beta) - lgamma(alpha) - lgamma(beta)
    )  # fmt: skip
    ratio = rest * (clients + alpha) / ((clients + 1.0) * max(rest - 1.0 + beta, 1e-9))
    if ratio >= 0.98:  # not in the tail: no evidence worth the sum
        return 0.0
    return max(0.0, -(first - log(1.0 - ratio)) / LN10)


def worth_asking(clients: int, mean: float, least: float) -> bool:
    """Whether even a Poisson count, whose tail is thinner, could reach the evidence; spares most of the logarithms."""
    if clients < RATIO_MIN * mean:
        return False
    return clients * (log(clients / mean) - 1.0) + mean > least * LN10 * 0.9


CAPPED: Final = 160  # clients; beyond, only the least excess is asked for


@lru_cache(maxsize=256)
def means_worth_asking(tenths: int) -> tuple[float, ...]:
    """For 0, 1, 2 … clients, the largest mean that is worth asking where so many tenths of evidence are the least."""
    found = [0.0]
    for clients in range(1, CAPPED):
        low, high = 0.0, clients / RATIO_MIN
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if worth_asking(clients, middle, tenths / 10) else (low, middle)
        found.append(high * (1 + 1e-9))
    return tuple(found)
