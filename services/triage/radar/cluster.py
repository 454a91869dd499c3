"""One cluster: what is known of a suspicion, and how it compares with others. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from services.triage.radar.sign import Sign

QUIET_SECONDS: Final = 4 * 3600
MERGE_SECONDS: Final = 6 * 3600
OVERLAP: Final = 0.3
TICKETS_MAX: Final = 5_000  # of one cluster by name; more are counted
NAMED_MIN: Final = 3  # tickets that give a cluster's name, before another name can show that it is another matter
UNNAMED_MAX: Final = 0.15  # chance that so many tickets of one matter give none of its names


@dataclass(slots=True)
class Cluster:
    id: int
    first_at: float
    suspected_at: float
    declared_at: float | None
    last_at: float
    last_place: int = 0
    """Where in the stream the last ticket stood that surely belongs to it."""
    closed_at: float | None = None
    signs: dict[str, Sign] = field(default_factory=dict)
    tickets: dict[str, float] = field(default_factory=dict)
    """Ticket -> strength of its membership, 0 to 1."""
    clients: dict[str, None] = field(default_factory=dict)
    more_tickets: int = 0
    confirmed: bool = False
    """A person knows that it is an incident: it stays open until they say that it is over."""
    named: dict[str, None] = field(default_factory=dict)
    """Tickets that give one of its names."""
    apart: list[int] = field(default_factory=list)
    """Clusters that looked like this one, and proved to be of another thing."""
    held: list[tuple[int, float]] = field(default_factory=list)
    """Where people declared it: handles of what its tickets have in common, and each one's share of usual tickets."""

    def take_in(self, ticket: str, client: str, strength: float) -> bool:
        """Adds a ticket, or strengthens its membership. Says whether it is new."""
        known = self.tickets.get(ticket)
        if known is None and len(self.tickets) >= TICKETS_MAX:
            self.more_tickets += 1
            return True
        self.tickets[ticket] = strength if known is None else max(known, strength)
        self.clients[client] = None
        return known is None


class Showed(NamedTuple):
    """One ticket of the window that shows a key."""

    ticket: str
    client: str
    at: float


def due(cluster: Cluster) -> float:
    """When a cluster closes, or is let go of, if it stays quiet."""
    if cluster.confirmed:
        return float("inf")
    return cluster.last_at + (QUIET_SECONDS if cluster.closed_at is None else MERGE_SECONDS)


def weight(cluster: Cluster) -> tuple[bool, bool, float, int]:
    """Sorts first what can be let go of with the least loss."""
    return cluster.confirmed, cluster.declared_at is not None, cluster.last_at, cluster.id


def overlaps(cluster: Cluster, showed: Sequence[Showed]) -> bool:
    """Whether enough tickets are shared, of the smaller of the two."""
    shared = sum(one.ticket in cluster.tickets for one in showed)
    return shared > 0 and shared >= OVERLAP * min(len(showed), len(cluster.tickets))


def names_another(sign: Sign, showed: Sequence[Showed], cluster: Cluster) -> bool:
    """Whether tickets that look like a cluster's give a name, and none of them its own, too many for chance."""
    if sign.key[0] != "e" or sign.margin < 0 or any(one.ticket in cluster.named for one in showed):
        return False
    mine = len(cluster.tickets) - sum(one.ticket in cluster.tickets for one in showed)
    unnamed = max(0.0, 1.0 - len(cluster.named) / max(mine, 1))
    return len(cluster.named) >= NAMED_MIN and unnamed ** len(showed) <= UNNAMED_MAX


def meant(found: list[Cluster]) -> list[Cluster]:
    """The clusters to make one of: without those that are known to be apart from the youngest of them."""
    if not found:
        return []
    youngest = max(found, key=lambda cluster: cluster.id)
    one = [cluster for cluster in found if cluster.id not in youngest.apart]
    return sorted(one, key=lambda cluster: not cluster.confirmed)  # what people confirmed goes on
