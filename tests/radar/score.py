"""(Desk, clusters that the radar declared) -> precision, recall by size, time to detect, false alarms a week."""

from __future__ import annotations

import resource
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

from services.triage.radar.clusters import Cluster
from services.triage.radar.radar import Radar, Report
from tests.radar.desk import Desk, Incident

SHARE_MIN = 0.5  # of a cluster's tickets have to be the incident's


@dataclass
class Score:
    weeks: float = 0.0
    found: dict[int, list[bool]] = field(default_factory=lambda: defaultdict(list))
    after_first: list[float] = field(default_factory=list)
    after_third: list[float] = field(default_factory=list)
    clusters: int = 0
    fragments: int = 0
    invented: list[Cluster] = field(default_factory=list)
    tickets: int = 0
    seconds: float = 0.0

    @property
    def false_a_week(self) -> float:
        return len(self.invented) / self.weeks

    @property
    def precision(self) -> float:
        return 1 - len(self.invented) / self.clusters if self.clusters else 1.0

    def recall(self, size: int) -> float:
        return sum(self.found[size]) / len(self.found[size])

    def add(self, other: Score) -> None:
        """Takes in another desk's score."""
        self.weeks += other.weeks
        for size, found in other.found.items():
            self.found[size] += found
        self.after_first += other.after_first
        self.after_third += other.after_third
        self.clusters += other.clusters
        self.fragments += other.fragments
        self.invented += other.invented
        self.tickets += other.tickets
        self.seconds += other.seconds

    def line(self) -> str:
        recall = " ".join(f"{size}:{self.recall(size):.2f}" for size in sorted(self.found))
        third = median(self.after_third) / 60 if self.after_third else 0
        first = median(self.after_first) / 60 if self.after_first else 0
        return (
            f"recall {recall}  false/week {self.false_a_week:.2f}  precision {self.precision:.2f}  "
            f"minutes after first {first:.1f} third client {third:.1f}  fragments {self.fragments}  "
            f"tickets/s {self.tickets / max(self.seconds, 1e-9):.0f}  "
            f"peak MB {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}"
        )


def play(desk: Desk) -> tuple[Score, list[Cluster]]:
    """Feeds a desk's tickets to a new radar; the time is the radar's alone."""
    declared: list[Cluster] = []
    radar = Radar(lambda cluster: declared.append(cluster) if cluster.declared_at is not None else None)
    score = Score(weeks=desk.plan.days / 7)
    batch: list[Report] = []
    for report in desk.reports():
        batch.append(report)
        if len(batch) == 4_096:
            _feed(radar, batch, score)
            batch = []
    _feed(radar, batch, score)
    radar.finish()
    judge(desk.incidents, declared, score)
    return score, declared


def _feed(radar: Radar, batch: list[Report], score: Score) -> None:
    started = time.process_time()
    for report in batch:
        radar.feed(report)
    score.seconds += time.process_time() - started
    score.tickets += len(batch)


def judge(incidents: Iterable[Incident], declared: Iterable[Cluster], score: Score) -> None:
    """Finds the incident of each cluster, and the clusters that have none."""
    owner = {ticket: incident for incident in incidents for ticket in incident.tickets}
    detected: dict[str, float] = {}
    for cluster in declared:
        score.clusters += 1
        mine = [owner[ticket] for ticket in cluster.tickets if ticket in owner]
        best = max(mine, key=mine.count, default=None)
        if best is None or mine.count(best) < max(2, SHARE_MIN * len(cluster.tickets)):
            score.invented.append(cluster)
            continue
        score.fragments += best.name in detected
        at = cluster.declared_at or 0.0
        detected[best.name] = min(at, detected.get(best.name, at))
    for incident in incidents:
        score.found[incident.size].append(incident.name in detected)
        if incident.name in detected:
            at = detected[incident.name]
            score.after_first.append(at - incident.times[0])
            score.after_third.append(max(0.0, at - incident.third_client))
