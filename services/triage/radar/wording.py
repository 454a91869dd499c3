"""A cluster's signs -> sentences for people. Pure."""

from __future__ import annotations

from typing import Final

from services.triage.radar.clusters import Cluster, Sign

KINDS: Final = {"c": "category", "s": "service", "e": "name", "w": "word", "p": "words"}


def strongest_first(cluster: Cluster) -> list[Sign]:
    """The signs of a cluster, those that pass their threshold by most first."""
    return sorted(cluster.signs.values(), key=lambda sign: (-sign.margin, sign.key))


def sentence(sign: Sign, clients: int) -> str:
    """“9 of 200 clients reported error 1252 in the last 64 tickets; 0.03 expected”, of a desk of so many clients."""
    what = f"{KINDS[sign.key[0]]} “{sign.key[2:]}”"
    expected = f"{sign.expected:.2g}" if sign.expected >= 0.01 else "less than 0.01"
    return (
        f"{sign.clients} of {max(clients, sign.clients)} clients reported {what} "
        f"in the last {sign.tickets} tickets; {expected} expected"
    )
