"""The ServiceNow log's `made_sla` beside our own clocks: shipped terms, the best target per priority, and what is left.

The log says of each incident whether it made its SLA, and not what that was. So its definitions are guessed from below:
for several calendars, the target per priority is taken that agrees with most incidents. What it comes to: the log's SLA
runs by the wall clock until the incident is closed, days after its solution, and never pauses; ours stops there.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

from contracts.calendars import PutCalendar
from contracts.envelope import Recorded
from contracts.model import DESK, Event
from contracts.policies import PutPolicy
from contracts.sla import Metric
from contracts.terms import Priority
from services.cli.clients import read as read_clients
from services.cli.terms import Terms, explained, shipped
from services.importing.find_map import find_map
from services.importing.job import plan_import
from services.importing.translate import Parties
from services.kit.rules.clock_words import outcome_of
from services.kit.rules.clocks import Clocks, clocks
from services.kit.rules.open_time import SECOND
from services.kit.rules.policies import Calendars, Policies

FILE = "event-logs/uci_incidents_opened_before_2016-04.csv.gz"
BEFORE = datetime(2009, 1, 1, tzinfo=UTC)
AFTER = datetime(2017, 1, 1, tzinfo=UTC)
WEEK = ("mon", "tue", "wed", "thu", "fri")
HOURS: Mapping[str, Mapping[str, list[str]]] = {
    "around the clock": {day: ["00:00-24:00"] for day in (*WEEK, "sat", "sun")},
    "Mon-Fri 00-24": {day: ["00:00-24:00"] for day in WEEK},
    "Mon-Fri 08-18": {day: ["08:00-18:00"] for day in WEEK},
}
YEAR_HOURS = 8_000

History = list[Recorded[Event]]


class Incident(NamedTuple):
    made: bool
    priority: str
    events: History


class Timed(NamedTuple):
    """An incident's solution clock: open seconds used, and what the log says."""

    made: bool
    priority: str
    seconds: int


def incidents(data: Path) -> list[Incident]:
    """Every incident through the import's own translation, with its last word on made_sla."""
    made: dict[str, bool] = {}
    with gzip.open(data / FILE, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            made[row["number"]] = row["made_sla"].lower() == "true"
    plan = plan_import(data / FILE, find_map("servicenow"), AFTER)
    found = []
    for case in plan.cases:
        agents = {name: uuid5(NAMESPACE_URL, name) for name, _ in plan.translation.agents(case)}
        stream = uuid5(NAMESPACE_URL, case.name)
        drafts = plan.translation.events(case, stream, Parties("A", UUID(int=1), agents))
        events: History = [
            Recorded(
                lane=0, position=number, client="location", sequence=number, number=None, stream=stream, version=number,
                id=draft.id, type=draft.data.type, schema_version=1, actor=draft.actor, causation=None, origin="import",
                occurred_at=draft.at, recorded_at=draft.at, trace=None, data=draft.data,
            )
            for number, draft in enumerate(drafts, 1)
        ]  # fmt: skip
        priority = next((event.data.priority.value for event in reversed(events) if _sets(event)), "P3")  # type: ignore[attr-defined]
        found.append(Incident(made[case.name], priority, events))
    return found


def _sets(event: Recorded[Event]) -> bool:
    return event.type == "ticket.priority_set"


def books(
    hours: Mapping[str, list[str]], targets: Mapping[str, int], *, supplier: bool = True
) -> tuple[Policies, Calendars]:
    """A desk's terms with these hours and a target in seconds for each priority; one that is not there has a year."""
    calendar = PutCalendar.model_validate({"zone": "Etc/UTC", "hours": dict(hours)})
    rows = [
        {"priority": key, "targets": {"resolution": targets.get(key, YEAR_HOURS * 3600)}} for key in map(str, Priority)
    ]
    policy = PutPolicy.model_validate({"rows": rows, "supplier_pauses_resolution": supplier})
    _, told = explained(DESK, Terms(calendars=(calendar,), policy=policy), (), BEFORE)
    return Policies.of((), told), Calendars.of((), told)


def made(state: Clocks) -> bool:
    """Whether no solution clock of the ticket ran out."""
    return all(
        outcome_of(cycle, state) not in ("breached", "waived")
        for cycle in state.cycles
        if cycle.metric is Metric.RESOLUTION
    )


def agreement(found: Sequence[Incident], terms: tuple[Policies, Calendars]) -> tuple[Counter[tuple[bool, bool]], float]:
    """(ours, theirs) -> incidents, and the share of those that agree."""
    seen = Counter((made(clocks(each.events, *terms, AFTER)), each.made) for each in found)
    return seen, (seen[True, True] + seen[False, False]) / len(found)


def timed(found: Sequence[Incident], terms: tuple[Policies, Calendars]) -> list[Timed]:
    rows = []
    for each in found:
        state = clocks(each.events, *terms, AFTER)
        used = sum(cycle.consumed for cycle in state.cycles if cycle.metric is Metric.RESOLUTION)
        rows.append(Timed(each.made, each.priority, used // SECOND))
    return rows


def walls(found: Sequence[Incident], until: str) -> list[Timed]:
    """Wall time from the opening to the last event of a type, pauses and nights in it; of incidents that have one."""
    rows = []
    for each in found:
        ends = [event.occurred_at for event in each.events if event.type == until]
        if ends:
            rows.append(Timed(each.made, each.priority, int((ends[-1] - each.events[0].occurred_at).total_seconds())))
    return rows


def best_targets(rows: Sequence[Timed]) -> Mapping[str, int]:
    """For each priority the target in seconds that agrees with most incidents: those up to it were made."""
    found: dict[str, int] = {}
    by_priority: dict[str, list[Timed]] = defaultdict(list)
    for row in rows:
        by_priority[row.priority].append(row)
    for priority, lines in by_priority.items():
        lines.sort(key=lambda row: row.seconds)
        right = best = sum(not row.made for row in lines)
        target = 1
        for row in lines:
            right += 1 if row.made else -1
            if right > best:
                best, target = right, row.seconds + 1
        found[priority] = max(target, 1)
    return found


def overlap(rows: Sequence[Timed]) -> float:
    """Of pairs of one priority, one made and one not, the share in which the one that was made took longer."""
    wrong = pairs = 0
    for priority in {row.priority for row in rows}:
        lines = sorted((row for row in rows if row.priority == priority), key=lambda row: row.seconds)
        missed = 0
        for row in lines:
            if row.made:
                wrong += missed
            else:
                missed += 1
        pairs += missed * (len(lines) - missed)
    return wrong / pairs if pairs else 0.0


def evaluate(data: Path) -> Iterator[str]:
    found = incidents(data)
    share = sum(each.made for each in found) / len(found)
    yield f"made_sla: {len(found)} incidents, {share:.1%} made theirs; always saying missed: {1 - share:.1%}"
    for name, until in (("solution", "ticket.resolved"), ("closing", "ticket.closed")):
        rows = walls(found, until)
        targets = best_targets(rows)
        right = sum(row.made == (row.seconds < targets[row.priority]) for row in rows) / len(rows)
        yield (
            f"made_sla, wall time until the {name}, without pauses, best limit per priority ({_fitted(targets)}): "
            f"{right:.1%} of {len(rows)} agree; of pairs of one priority {overlap(rows):.1%} lie the wrong way round"
        )
    for name in ("office", "operations"):
        terms = Terms.model_validate(read_clients(shipped(Path(name))).desk)
        _, told = explained(DESK, terms, (), BEFORE)
        seen, right = agreement(found, (Policies.of((), told), Calendars.of((), told)))
        yield f"made_sla, shipped terms `{name}`: {right:.1%} agree {_crossed(seen)}"
    for name, hours in HOURS.items():
        for supplier in (True, False):
            rows = timed(found, books(hours, {}, supplier=supplier))
            targets = best_targets(rows)
            seen, right = agreement(found, books(hours, targets, supplier=supplier))
            waits = "" if supplier else ", waiting for a supplier counts"
            yield (
                f"made_sla, {name}{waits}, best target per priority ({_fitted(targets)}): {right:.1%} agree "
                f"{_crossed(seen)}; of pairs of one priority {overlap(rows):.1%} lie the wrong way round for any target"
            )


def _fitted(targets: Mapping[str, int]) -> str:
    return ", ".join(f"{key} {targets[key] / 3600:.0f} h" for key in sorted(targets))


def _crossed(seen: Mapping[tuple[bool, bool], int]) -> str:
    return (
        f"(both made {seen.get((True, True), 0)}, both missed {seen.get((False, False), 0)}, "
        f"only we say missed {seen.get((False, True), 0)}, only they {seen.get((True, False), 0)})"
    )
