"""The radar on what happened: problem links of a ServiceNow log, and Downdetector's windows of declared outages."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import median

from services.triage.radar.clusters import Cluster
from services.triage.radar.radar import Radar, Report
from tests.radar.desk import START, Desk, Plan
from tests.radar.texts import Made

REPORTS_MAX = 250  # of one window; larger outages are thinned, which makes them harder
CLIENTS = 200
WARM_DAYS = 5


def _declared(reports: list[Report], radar_state: dict[str, object] | None = None) -> list[Cluster]:
    found: list[Cluster] = []
    radar = Radar(found.append) if radar_state is None else Radar.of(radar_state, found.append)
    for report in reports:
        radar.feed(report)
    radar.finish()
    return [cluster for cluster in found if cluster.declared_at is not None]


def problem_links(data: Path) -> Iterator[str]:
    """Incidents of one problem, opened at several places, that one cluster holds. Links are sparse: recall only."""
    opened: dict[str, dict[str, str]] = {}
    with gzip.open(
        data / "event-logs" / "uci_incidents_opened_before_2016-04.csv.gz", "rt", encoding="utf-8", newline=""
    ) as lines:
        for row in csv.DictReader(lines):
            opened.setdefault(row["number"], row)
    reports = [
        Report(
            datetime.fromisoformat(row["opened_at"]).replace(tzinfo=UTC).timestamp(),
            f"place {row['location']}",
            row["number"],
            f"symptom{row['u_symptom']}" if row["u_symptom"] else "",
            f"subcategory{row['subcategory']} {'ci' + row['cmdb_ci'] if row['cmdb_ci'] else ''}",
            row["category"] or None,
        )
        for row in opened.values()
    ]
    clusters = _declared(sorted(reports, key=lambda report: report.at))
    problems: dict[str, set[str]] = defaultdict(set)
    with (data / "incidents" / "uci_problem_links_before_2016-04.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            problems[row["problem_id"]].add(row["number"])
    several = {name: numbers for name, numbers in problems.items() if len(numbers) >= 3}
    linked = set().union(*several.values())
    held = {number for cluster in clusters for number in cluster.tickets} & linked
    hit = sum(any(len(numbers & cluster.tickets.keys()) >= 2 for cluster in clusters) for numbers in several.values())
    weeks = (max(report.at for report in reports) - min(report.at for report in reports)) / 604_800
    yield (
        f"radar, ServiceNow problem links: {hit} of {len(several)} problems with three or more incidents touched by a "
        f"cluster that holds two of them; {len(held)} of {len(linked)} linked incidents in a cluster; "
        f"{len(clusters) / weeks:.1f} clusters a week in all ({len(reports)} incidents)"
    )


def downdetector(data: Path, seed: int = 1) -> Iterator[str]:
    """Each window's reports as tickets of distinct clients among an everyday desk: found or not, and how soon."""
    counts: dict[str, list[tuple[float, int]]] = defaultdict(list)
    with gzip.open(
        data / "incidents" / "downdetector_reports_azure_gcp.csv.gz", "rt", encoding="utf-8", newline=""
    ) as lines:
        for row in csv.DictReader(lines):
            counts[row["incident_id"]].append((_at(row["time_utc"]), int(float(row["reports"]))))
    with (data / "incidents" / "downdetector_incidents_azure_gcp.csv").open(encoding="utf-8", newline="") as file:
        windows = list(csv.DictReader(file))
    texts = Made(seed)
    usual = list(Desk(Plan(seed, days=WARM_DAYS + 1, incidents=0, decoys=False), texts).reports())
    border = START + WARM_DAYS * 86_400
    warm = Radar()
    for report in usual:
        if report.at < border:
            warm.feed(report)
    state, today = warm.state(), [report for report in usual if report.at >= border]
    lead: list[float] = []
    for window in windows:
        start = _at(window["window_start"])
        told = _told(
            counts[window["incident_id"]], window, border - start, texts, Random(f"{seed} {window['incident_id']}")
        )
        clusters = _declared(sorted([*today, *told], key=lambda report: report.at), state)
        mine = [
            one for one in clusters if sum(ticket.startswith("D") for ticket in one.tickets) * 2 >= len(one.tickets)
        ]
        if mine:
            opened = min(one.declared_at or 0.0 for one in mine)
            lead.append((_at(window["declared_at"]) - start + border - opened) / 60)
    yield (
        f"radar, Downdetector: {len(lead)} of {len(windows)} declared outages found, a median "
        f"{median(lead):.0f} minutes before the site declared them (reports as tickets that name the service, "
        f"among 2,000 a day of {CLIENTS} clients that do not)"
    )


def _told(
    counts: list[tuple[float, int]], window: dict[str, str], shift: float, texts: Made, chance: Random
) -> list[Report]:
    total = sum(count for _, count in counts)
    kept = min(1.0, REPORTS_MAX / max(1, total))
    name = window["service"].split("-")[-1].title()
    found: list[Report] = []
    for at, count in counts:
        for _ in range(count):
            if chance.random() <= kept:
                subject, body = texts.ticket(chance.randrange(texts.topics), chance)
                who = f"client-{chance.randrange(CLIENTS)}"
                when = at + shift + chance.random() * 900
                found.append(Report(when, who, f"D{len(found)}", f"{name} {subject}", body))
    return found


def _at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
