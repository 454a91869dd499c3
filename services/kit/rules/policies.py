"""Events of clients' configuration -> which policy and calendar held when, and what one clock aims at. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from contracts.calendars import CalendarCorrected, CalendarSet
from contracts.clients import ClientChanged, ClientRegistered, Tier
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.policies import Escalation, EscalationAction, Policy, PolicySet, Target
from contracts.sla import Metric
from services.kit.rules.calendars import by_year, lay_out_of, open_time
from services.kit.rules.open_time import SECOND, OpenTime, always, spliced, us


class NoCalendar(LookupError):
    """A policy names a calendar that nobody has set."""


class Keys(NamedTuple):
    """What a row of a policy may ask for."""

    client: str
    service: str | None = None
    category: str | None = None
    priority: str | None = None
    tier: str | None = None


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    label: str
    policy: Policy
    holds_from: int
    apply_to_open: bool
    conditions: tuple[tuple[tuple[int, str], ...], ...]
    """For each row the places in Keys and the values that they must have."""

    def row_for(self, keys: Keys) -> int | None:
        """The index of the row that names most of those that fit; ties were refused when the policy was set."""
        best, most = None, -1
        for index, conditions in enumerate(self.conditions):
            if len(conditions) > most and all(keys[place] == value for place, value in conditions):
                best, most = index, len(conditions)
        return best


def policy_version(told: PolicySet) -> PolicyVersion:
    conditions = tuple(
        tuple((Keys._fields.index(key), value) for key, value in row.conditions().items()) for row in told.policy.rows
    )
    return PolicyVersion(
        f"{told.name}-{told.version}", told.policy, us(told.holds_from), told.apply_to_open, conditions
    )


class Threshold(NamedTuple):
    """What comes true once a cycle, when so much open time is used up. `key` is warned:0.75, breached, escalated:1 …"""

    offset: int
    key: str
    fraction: float | None = None
    escalation: Escalation | None = None


@dataclass(frozen=True, slots=True)
class Aim:
    """What a clock aims at: a length of open time on one calendar version, by one row of one policy version."""

    open: OpenTime
    working: OpenTime
    """When notices may be sent."""
    length: int | None = None
    policy: str = ""
    row: int | None = None
    thresholds: tuple[Threshold, ...] = ()
    in_order: bool = True
    """Thresholds come true in the order in which they stand: no notice among them waits for the morning."""


def thresholds(target: Target, policy: Policy) -> tuple[Threshold, ...]:
    """Warnings, the breach and escalations of a target, the earliest first."""
    length = target.seconds * SECOND
    warn_at = policy.warn_at if target.warn_at is None else target.warn_at
    found = [Threshold(round(length * part), f"warned:{part:g}", part) for part in warn_at]
    found.append(Threshold(length, "breached"))
    for number, step in enumerate(target.escalations, 1):
        late = (step.after_breach_seconds or 0) * SECOND
        offset = round(length * step.at) if step.at is not None else length + late
        found.append(Threshold(offset, f"escalated:{number}", step.at, step))
    return tuple(sorted(found, key=lambda threshold: threshold.offset))


def waits_for_morning(threshold: Threshold) -> bool:
    step = threshold.escalation
    return step is not None and step.action is EscalationAction.NOTIFY and not step.any_hours


@dataclass
class Calendars:
    """Every calendar version of a client, and of the desk for names that the client has not set."""

    versions: dict[str, list[tuple[int, OpenTime, bool]]] = field(default_factory=dict)
    """Name -> (holds from, open time, applies to open clocks), the earliest first."""

    def at(self, name: str, at: int) -> OpenTime:
        """The version in force; before the first one, the first. Raises NoCalendar."""
        known = self.versions.get(name)
        if not known:
            raise NoCalendar(f"no calendar is named {name!r}: set it with PUT /clients/<client>/calendar")
        place = bisect_right(known, at, key=lambda version: version[0])
        return known[max(place - 1, 0)][1]

    @classmethod
    def of(cls, client: Iterable[Recorded[Event]], desk: Iterable[Recorded[Event]] = ()) -> Calendars:
        """From the histories of the client's stream and the desk's."""
        book = cls()
        for history in (desk, client):
            book.versions.update(_versions(event.data for event in history))
        return book

    def changes(self) -> list[int]:
        """When running clocks take up a new version."""
        return [since for known in self.versions.values() for since, _, to_open in known if to_open]


def _versions(told: Iterable[Event]) -> dict[str, list[tuple[int, OpenTime, bool]]]:
    sets: dict[tuple[str, int], CalendarSet] = {}
    corrections: dict[tuple[str, int], list[CalendarCorrected]] = {}
    for event in told:
        if isinstance(event, CalendarSet):
            sets[event.name, event.version] = event
        elif isinstance(event, CalendarCorrected):
            corrections.setdefault((event.name, event.version), []).append(event)
    found: dict[str, list[tuple[int, OpenTime, bool]]] = {}
    for (name, version), event in sets.items():
        hours = _open_time(event, corrections.get((name, version), []))
        found.setdefault(name, []).append((us(event.holds_from), hours, event.apply_to_open))
    for known in found.values():
        known.sort(key=lambda version: version[0])
    return found


def _open_time(event: CalendarSet, corrections: Sequence[CalendarCorrected]) -> OpenTime:
    label = f"{event.name}-{event.version}"
    if not corrections:
        return open_time(event.calendar, label, by_year(event.holidays, event.holiday_years))
    lay_out = lay_out_of(event.calendar, by_year(event.holidays, event.holiday_years))
    for wrong in corrections:
        right = lay_out_of(wrong.calendar, by_year(wrong.holidays, wrong.holiday_years))
        lay_out = spliced(lay_out, right, us(wrong.wrong_from), us(wrong.wrong_to))
    return OpenTime(lay_out, f"{label} as corrected", event.calendar.zone, corrected=True)


@dataclass
class Policies:
    """Every policy version of a client and of the desk, and what the client had bought when."""

    versions: list[PolicyVersion] = field(default_factory=list)
    desk: list[PolicyVersion] = field(default_factory=list)
    tiers: list[tuple[int, Tier]] = field(default_factory=list)
    _aims: dict[tuple[object, ...], Aim] = field(default_factory=dict)

    @classmethod
    def of(cls, client: Iterable[Recorded[Event]], desk: Iterable[Recorded[Event]] = ()) -> Policies:
        """From the histories of the client's stream and the desk's."""
        book = cls()
        for event in client:
            match event.data:
                case PolicySet() as told:
                    book.versions.append(policy_version(told))
                case ClientRegistered() | ClientChanged() as told:
                    book.tiers.append((us(event.occurred_at), told.tier))
        book.desk = [policy_version(event.data) for event in desk if isinstance(event.data, PolicySet)]
        for versions in (book.versions, book.desk):
            versions.sort(key=lambda version: version.holds_from)
        return book

    @property
    def any(self) -> bool:
        """Whether clocks may be due: without a policy they are only measured."""
        return bool(self.versions or self.desk)

    def at(self, at: int) -> PolicyVersion | None:
        """The client's version in force, or else the desk's."""
        for versions in (self.versions, self.desk):
            place = bisect_right(versions, at, key=lambda version: version.holds_from)
            if place:
                return versions[place - 1]
        return None

    def tier_at(self, at: int) -> str | None:
        place = bisect_right(self.tiers, at, key=lambda tier: tier[0])
        return str(self.tiers[max(place - 1, 0)][1]) if self.tiers else None

    def changes(self) -> list[int]:
        """When running clocks take up a new version."""
        return [version.holds_from for version in (*self.versions, *self.desk) if version.apply_to_open]

    def aim(self, version: PolicyVersion | None, keys: Keys, metric: Metric, calendars: Calendars, at: int) -> Aim:
        """What a clock aims at that began at an instant. Without a policy, row or target it is only measured."""
        row = version.row_for(keys) if version else None
        target = version.policy.rows[row].targets.get(metric) if version and row is not None else None
        named = (target.calendar if target else None) or (version.policy.calendar if version else "default")
        known = version is not None or named in calendars.versions
        hours = calendars.at(named, at) if known else WALL
        working = calendars.at(version.policy.calendar, at) if version else hours
        key = (id(version), row, metric, hours, working)
        found = self._aims.get(key)
        if found is None:
            found = self._aims[key] = _aim(version, row, target, hours, working)
        return found


WALL = always()


def _aim(
    version: PolicyVersion | None, row: int | None, target: Target | None, hours: OpenTime, working: OpenTime
) -> Aim:
    if version is None or target is None:
        return Aim(hours, working, policy=version.label if version else "", row=row)
    marks = thresholds(target, version.policy)
    return Aim(
        open=hours,
        working=working,
        length=target.seconds * SECOND,
        policy=version.label,
        row=row,
        thresholds=marks,
        in_order=not any(map(waits_for_morning, marks)),
    )
