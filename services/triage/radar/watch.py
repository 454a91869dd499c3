"""(Events in the order of all lanes, one at a time) -> which clusters have news for the desk. Pure.

A watch is a radar and what it has told: which incident each cluster is. Events of incidents come to it in the same
order as tickets, so what people decide counts from the same place on in every replay.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from contracts import incidents as tell
from contracts.envelope import Recorded
from contracts.model import DESK, Event
from contracts.people import PersonErased
from contracts.subjects import named_stream
from services.triage.radar.clusters import Change, Cluster
from services.triage.radar.radar import Radar
from services.triage.radar.reading import SUBMITTED, Read
from services.triage.radar.reports import Report

TYPES: Final = (
    SUBMITTED,
    tell.IncidentOpened.type,
    tell.IncidentTicketAdded.type,
    tell.IncidentConfirmed.type,
    tell.IncidentRejected.type,
    tell.IncidentReopened.type,
    tell.IncidentMerged.type,
    tell.IncidentResolved.type,
    PersonErased.type,
)
"""What a watch reads of the log."""


@dataclass
class News:
    """A cluster to tell of, and the event that made it so. `into`: it goes on in that incident."""

    incident: UUID
    cause: Recorded[Event]
    cluster: Cluster
    ended: bool = False
    into: UUID | None = None


@dataclass
class Watch:
    """One desk's radar, and the incidents that its clusters are."""

    secret: bytes
    radar: Radar = field(init=False)
    incidents: dict[int, UUID] = field(default_factory=dict)
    """Cluster -> incident, of clusters that were declared."""
    born: dict[int, UUID] = field(default_factory=dict)
    """The same as it was at first: people may merge incidents, and take that back."""

    def __post_init__(self) -> None:
        self._gone: list[Cluster] = []
        self.radar = Radar(self._gone.append, self.secret)

    def see(self, read: Read, keys: Collection[str] = ()) -> list[News]:
        """What one event changes for the desk. `keys` are those of the incident that an event rejects, opened."""
        if read.report is not None:
            return self._ticket(read)
        match read.event.data:
            case tell.IncidentRejected():
                self._reject(read.event.stream, keys)
            case tell.IncidentConfirmed():
                self._hold(read.event.stream, confirmed=True)
            case tell.IncidentResolved():
                self._hold(read.event.stream, confirmed=False)
            case tell.IncidentMerged(into=into):
                for cluster in self._clusters_of(read.event.stream):
                    self.incidents[cluster] = into
            case tell.IncidentReopened():
                for cluster, incident in self.born.items():
                    if incident == read.event.stream:
                        self.incidents[cluster] = incident
            case _:
                pass
        return []

    def _ticket(self, read: Read) -> list[News]:
        assert read.report is not None  # noqa: S101  the caller's choice
        before = {number: cluster for number, cluster in self.radar.clusters.open.items() if number in self.incidents}
        news: dict[UUID, News] = {}
        for number, change in enumerate(self.radar.feed(read.report)):
            for one in self._changed(change, number, read.event, before):
                news[one.incident] = one
        self._gone.clear()
        return list(news.values())

    def _changed(self, change: Change, number: int, cause: Recorded[Event], before: dict[int, Cluster]) -> list[News]:
        match change.kind:
            case "declared":
                incident = named_stream(DESK, "incident", f"{cause.stream}:{number}")
                self.incidents.setdefault(change.cluster, incident)
                self.born.setdefault(change.cluster, incident)
            case "merged":
                return self._merged(change.cluster, int(change.by), cause, before)
            case "closed":
                return self._closed(change.cluster, cause)
            case _:
                pass
        return self._grown(change.cluster, cause)

    def _grown(self, number: int, cause: Recorded[Event]) -> list[News]:
        cluster = self.radar.clusters.open.get(number)
        if cluster is None or number not in self.incidents:
            return []
        return [News(self.incidents[number], cause, cluster)]

    def _merged(self, into: int, other: int, cause: Recorded[Event], before: dict[int, Cluster]) -> list[News]:
        lost, first = self.incidents.pop(other, None), self.born.pop(other, None)
        if lost is None:
            return self._grown(into, cause)
        kept = self.incidents.setdefault(into, lost)
        self.born.setdefault(into, first or lost)
        if kept == lost:
            return self._grown(into, cause)
        return [News(lost, cause, before[other], ended=True, into=kept), *self._grown(into, cause)]

    def _closed(self, number: int, cause: Recorded[Event]) -> list[News]:
        incident = self.incidents.pop(number, None)
        self.born.pop(number, None)
        gone = next((cluster for cluster in self._gone if cluster.id == number), None)
        if incident is None or gone is None or incident in self.incidents.values():
            return []
        return [News(incident, cause, gone, ended=True)]

    def declared(self, incident: UUID, tickets: Sequence[Report], title: Report | None) -> None:
        """People declared an incident, or added to one that they had declared; these are all its tickets by then."""
        mine = self._clusters_of(incident)
        for cluster in mine:
            self.radar.learn_more(cluster, tickets, title)
        if not mine:
            cluster = self.radar.declare(tickets, title, self.incidents)
            self.incidents[cluster] = self.born[cluster] = incident

    def _clusters_of(self, incident: UUID) -> list[int]:
        return [cluster for cluster, known in self.incidents.items() if known == incident]

    def _reject(self, incident: UUID, keys: Collection[str]) -> None:
        raised = set(keys)
        for cluster in self._clusters_of(incident):
            if cluster in self.radar.clusters.open:
                raised |= self.radar.clusters.open[cluster].signs.keys()
        self.radar.raise_bar(sorted(raised))
        self._hold(incident, confirmed=False)

    def _hold(self, incident: UUID, *, confirmed: bool) -> None:
        for cluster in self._clusters_of(incident):
            self.radar.hold(cluster, confirmed=confirmed)

    def forget(self, tickets: Collection[str]) -> None:
        """The requester of these tickets was erased."""
        self.radar.forget(tickets)

    def state(self) -> dict[str, Any]:
        """Everything, as JSON holds it exactly."""
        return {
            "radar": self.radar.state(),
            "incidents": [[cluster, str(incident)] for cluster, incident in self.incidents.items()],
            "born": [[cluster, str(incident)] for cluster, incident in self.born.items()],
        }

    @staticmethod
    def of(state: dict[str, Any], secret: bytes) -> Watch:
        """The watch that had this state. Raises ValueError for one of another version."""
        watch = Watch(secret)
        watch.radar = Radar.of(state["radar"], watch._gone.append, secret)
        watch.incidents = {cluster: UUID(incident) for cluster, incident in state["incidents"]}
        watch.born = {cluster: UUID(incident) for cluster, incident in state["born"]}
        return watch
