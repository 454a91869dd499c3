"""A cluster's signs -> sentences for people. Pure."""

from __future__ import annotations

from services.kit.rules.signs import KINDS, sign_sentence
from services.triage.radar.clusters import Cluster
from services.triage.radar.sign import Sign

__all__ = ["KINDS", "sentence", "strongest_first"]


def strongest_first(cluster: Cluster) -> list[Sign]:
    """The signs of a cluster, those that pass their threshold by most first."""
    return sorted(cluster.signs.values(), key=lambda sign: (-sign.margin, sign.key))


def sentence(sign: Sign, clients: int) -> str:
    """What a sign says, in a desk of so many clients."""
    return sign_sentence(
        KINDS[sign.key[0]],
        sign.key[2:],
        clients=sign.clients,
        tickets=sign.tickets,
        expected=sign.expected,
        desk_clients=clients,
    )
