"""Signs of an incident, ticket by ticket -> clusters that open, grow, merge and close. Pure.

A key whose evidence passes the threshold belongs to the cluster that has the key already, else to one with which it
shares OVERLAP of its tickets, else to a new one. A cluster takes in later tickets by its keys and closes after
QUIET_SECONDS in which nothing spoke for it.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, Literal, NamedTuple

from services.triage.radar.cluster import (
    MERGE_SECONDS,
    QUIET_SECONDS,
    TICKETS_MAX,
    Cluster,
    Showed,
    due,
    meant,
    names_another,
    overlaps,
    weight,
)
from services.triage.radar.sign import Sign

__all__ = ["Change", "Cluster", "Clusters", "Showed"]

MEMBER_MIN: Final = 0.6  # strength
ALIVE_MIN: Final = 0.9  # strength; a weaker member does not keep a cluster open
OPEN_MAX: Final = 500  # clusters; the quietest suspicion gives way

Kind = Literal["suspected", "declared", "joined", "merged", "closed"]


class Change(NamedTuple):
    """What happened to a cluster, and by which ticket or other cluster."""

    kind: Kind
    cluster: int
    by: str


@dataclass(slots=True)
class Clusters:
    """The clusters that are open, or closed so lately that they may open again."""

    number: int = 0
    open: dict[int, Cluster] = field(default_factory=dict)
    by_key: dict[str, int] = field(default_factory=dict)
    due: float = float("-inf")
    """No cluster becomes quiet before."""
    by_handle: dict[int, int] = field(default_factory=dict)
    """Handle of a declared incident's key -> its cluster."""

    @property
    def listening(self) -> bool:
        """Whether a ticket could join any."""
        return bool(self.by_key or self.by_handle)

    def declare(
        self, showed: Sequence[Showed], held: Sequence[tuple[int, float]], at: float, place: int, known: Container[int]
    ) -> int:
        """A cluster that people know of: it takes in whatever shows a key that they hold it by. Gives its number."""
        found = [one for one in self.open.values() if one.id not in known and overlaps(one, showed)]
        if found:
            cluster = found[0]
        else:
            self.number += 1
            cluster = self.open[self.number] = Cluster(self.number, at, at, at, at, place)
        cluster.confirmed, cluster.closed_at = True, None
        cluster.declared_at = cluster.declared_at or at
        for one in showed:
            cluster.take_in(one.ticket, one.client, 1.0)
            cluster.first_at = min(cluster.first_at, one.at)
        self.hold_by(cluster, held)
        return cluster.id

    def hold_by(self, cluster: Cluster, held: Sequence[tuple[int, float]]) -> None:
        """Has a cluster take in what shows these keys, instead of those before."""
        self._release(cluster)
        cluster.held = [(handle, doubt) for handle, doubt in held if handle not in self.by_handle]
        self.by_handle.update((handle, cluster.id) for handle, _ in cluster.held)

    def _release(self, cluster: Cluster) -> None:
        for handle, _ in cluster.held:
            del self.by_handle[handle]
        cluster.held = []

    def join_held(self, handles: Sequence[int], report: Showed, place: int) -> list[Change]:
        """Takes the ticket at this place of the stream into the declared clusters whose keys it shows."""
        changes, by_handle = [], self.by_handle
        for number in sorted({by_handle[handle] for handle in handles if handle in by_handle}):
            cluster = self.open[number]
            strength = 1.0 - min(doubt for handle, doubt in cluster.held if handle in handles)
            if cluster.closed_at is not None:
                continue
            if cluster.take_in(report.ticket, report.client, strength):
                changes.append(Change("joined", number, report.ticket))
            cluster.last_at, cluster.last_place = report.at, place
        return changes

    def meet(self, sign: Sign, shown_by: Callable[[], Sequence[Showed]], by: str, place: int) -> list[Change]:
        """What a key's evidence changes. `shown_by` gives the tickets that it rests on, the oldest first."""
        known = self.by_key.get(sign.key)
        changes: list[Change] = []
        if known is not None and not self._is_news(self.open[known], sign):
            return changes
        showed = shown_by()
        if known is None:
            found = [cluster for cluster in self.open.values() if overlaps(cluster, showed)]
            others = [cluster for cluster in found if names_another(sign, showed, cluster)]
            touched = meant([cluster for cluster in found if cluster not in others])
            if touched:
                known = touched[0].id
                for other in touched[1:]:
                    changes += self._merge(self.open[known], other)
            else:
                known = self._open(sign, showed)
                self._part(self.open[known], others)
                changes.append(Change("suspected", known, by))
        cluster = self.open[known]
        self._note(cluster, sign)
        cluster.last_place = place
        taken = 0
        for ticket, client, at in showed:
            taken += cluster.take_in(ticket, client, 1.0 - sign.doubt)
            cluster.first_at = min(cluster.first_at, at)
            if sign.key[0] == "e" and len(cluster.named) < TICKETS_MAX:
                cluster.named[ticket] = None
        if taken and cluster.declared_at is not None:
            changes.append(Change("joined", known, by))
        if sign.margin >= 0 and cluster.declared_at is None:
            cluster.declared_at = sign.at
            changes.append(Change("declared", known, by))
        return changes

    def join(self, keys: Sequence[str], report: Showed, place: int) -> list[Change]:
        """Takes the ticket at this place of the stream into the clusters whose keys it shows."""
        changes = []
        by_key = self.by_key
        named = {by_key[key] for key in keys if key[0] == "e" and key in by_key}
        for number in sorted({by_key[key] for key in keys if key in by_key}):
            cluster = self.open[number]
            if number not in named and not named.isdisjoint(cluster.apart):
                continue
            gap = place - cluster.last_place
            shown = [cluster.signs[key] for key in keys if key in cluster.signs]
            strength = 1.0 - min(sign.doubt_after(gap) for sign in shown)
            if cluster.confirmed and strength < MEMBER_MIN:
                known = 1.0 - min(sign.doubt for sign in shown)
                strength = known if known >= ALIVE_MIN else strength
            if strength < MEMBER_MIN or cluster.closed_at is not None:
                continue
            if cluster.take_in(report.ticket, report.client, strength):
                changes.append(Change("joined", number, report.ticket))
            if number in named and len(cluster.named) < TICKETS_MAX:
                cluster.named[report.ticket] = None
            if strength >= ALIVE_MIN:
                cluster.last_at, cluster.last_place = report.at, place
        return changes

    def quieten(self, at: float) -> list[tuple[Change, Cluster]]:
        """Closes what has been quiet, and lets go of what cannot open again, each with its last change."""
        gone: list[tuple[Change, Cluster]] = []
        for cluster in list(self.open.values()) if at >= self.due else ():
            quiet = at - cluster.last_at
            if cluster.confirmed:
                continue
            if quiet >= QUIET_SECONDS and cluster.closed_at is None:
                cluster.closed_at = cluster.last_at + QUIET_SECONDS
            if quiet >= MERGE_SECONDS:
                gone.append((self._let_go(cluster), cluster))
        while len(self.open) > OPEN_MAX:
            quietest = min(self.open.values(), key=weight)
            quietest.closed_at = quietest.closed_at or at
            gone.append((self._let_go(quietest), quietest))
        if at >= self.due:
            self.due = min([at + QUIET_SECONDS, *map(due, self.open.values())])
        return gone

    def _let_go(self, cluster: Cluster) -> Change:
        del self.open[cluster.id]
        for key in cluster.signs:
            del self.by_key[key]
        self._release(cluster)
        return Change("closed", cluster.id, "")

    def _open(self, sign: Sign, showed: Sequence[Showed]) -> int:
        self.number += 1
        first = min((one.at for one in showed), default=sign.at)
        self.open[self.number] = Cluster(self.number, first, sign.at, None, sign.at)
        return self.number

    def _is_news(self, cluster: Cluster, sign: Sign) -> bool:
        """Whether a sign is new or stronger than before: only such a one shows that it goes on."""
        before = cluster.signs.get(sign.key)
        return before is None or before.evidence < sign.evidence or cluster.closed_at is not None

    def _part(self, cluster: Cluster, others: Sequence[Cluster]) -> None:
        for other in others:
            other.apart.append(cluster.id)
            cluster.apart.append(other.id)

    def _note(self, cluster: Cluster, sign: Sign) -> None:
        cluster.signs[sign.key] = sign
        self.by_key[sign.key] = cluster.id
        cluster.last_at = sign.at
        cluster.closed_at = None

    def _merge(self, into: Cluster, other: Cluster) -> list[Change]:
        """The younger of two that prove to be one goes into the older."""
        del self.open[other.id]
        for key, sign in other.signs.items():
            into.signs[key] = sign
            self.by_key[key] = into.id
        for ticket, strength in other.tickets.items():
            into.tickets[ticket] = max(strength, into.tickets.get(ticket, 0.0))
        into.clients.update(other.clients)
        into.named.update(other.named)
        into.apart = list(dict.fromkeys([*into.apart, *other.apart]))
        into.more_tickets += other.more_tickets
        into.first_at = min(into.first_at, other.first_at)
        into.suspected_at = min(into.suspected_at, other.suspected_at)
        into.last_at = max(into.last_at, other.last_at)
        into.last_place = max(into.last_place, other.last_place)
        into.confirmed = into.confirmed or other.confirmed
        held = [*into.held, *other.held]
        self._release(other)
        self.hold_by(into, held)
        into.declared_at = min((at for at in (into.declared_at, other.declared_at) if at is not None), default=None)
        return [Change("merged", into.id, str(other.id))]

    def state(self) -> dict[str, Any]:
        """Everything, as JSON can hold it exactly."""
        return {"number": self.number, "open": [asdict(cluster) for cluster in self.open.values()]}

    @staticmethod
    def of(state: dict[str, Any]) -> Clusters:
        """The clusters that had this state."""
        clusters = Clusters(state["number"])
        for given in state["open"]:
            cluster = Cluster(**{part.name: given[part.name] for part in fields(Cluster)})
            cluster.signs = {key: Sign(**sign) for key, sign in given["signs"].items()}
            cluster.held = [(handle, doubt) for handle, doubt in given["held"]]
            clusters.by_handle.update((handle, cluster.id) for handle, _ in cluster.held)
            clusters.open[cluster.id] = cluster
            clusters.by_key.update(dict.fromkeys(cluster.signs, cluster.id))
        return clusters
