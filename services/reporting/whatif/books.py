"""(Events of configuration, what is asked) -> what was in force for a client, and what would have been. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from contracts.calendars import PutCalendar
from contracts.envelope import Recorded
from contracts.model import DESK, Event
from contracts.policies import PolicySet, Row, Target
from services.kit.refused import Refused
from services.kit.rules.calendars import open_time, public_holidays
from services.kit.rules.open_time import NEVER, OpenTime, instant
from services.kit.rules.policies import Calendars, Policies, PolicyVersion, policy_version
from services.reporting.whatif.asked import Setting, WhatifQuestion

History = Sequence[Recorded[Event]]
CONFIGURES: Final = (
    "client.policy_set",
    "client.calendar_set",
    "calendar.corrected",
    "client.registered",
    "client.changed",
)
HOLIDAY_YEARS: Final = (2020, 2021)
GIVEN: Final = "given"
"""The label of what was asked for, where a version's own would stand."""


@dataclass(frozen=True)
class Books:
    """What a client's clocks go by."""

    policies: Policies
    calendars: Calendars


@dataclass(frozen=True)
class Shelf:
    """What is the same for every client: the desk's own books, and what is asked for. Calendars lay out their years
    once for all clients that share them."""

    desk_policies: Sequence[PolicyVersion]
    desk_calendars: Mapping[str, list[tuple[int, OpenTime, bool]]]
    given_calendars: Mapping[str, list[tuple[int, OpenTime, bool]]]
    given_policy: PolicyVersion | None
    set_desk: Sequence[PolicyVersion]
    settings: Sequence[Setting]

    @classmethod
    def of(cls, desk: History, asked: WhatifQuestion) -> Shelf:
        """From the desk's stream and the question. Raises Refused where a given calendar never opens or knows no list
        of holidays."""
        policies, calendars = [bare(version) for version in Policies.of((), desk).desk], Calendars.of((), desk)
        return cls(
            desk_policies=policies,
            desk_calendars=calendars.versions,
            given_calendars={put.name: [(-NEVER, _given_hours(put), False)] for put in asked.calendars},
            given_policy=_given_policy(asked),
            set_desk=[changed(version, asked.set) for version in policies],
            settings=asked.set,
        )

    def before(self, client: History) -> Books:
        """What was in force."""
        calendars = Calendars({**self.desk_calendars, **Calendars.of(client).versions})
        policies = Policies.of(client)
        policies.versions = [bare(version) for version in policies.versions]
        policies.desk = list(self.desk_policies)
        return Books(policies, calendars)

    def after(self, before: Books) -> Books:
        """What would have been. The same calendars are the same objects, with the years that they have laid out."""
        calendars = Calendars({**before.calendars.versions, **self.given_calendars})
        policies = Policies(tiers=before.policies.tiers)
        if self.given_policy is not None:
            policies.versions = [self.given_policy]
        else:
            policies.versions = [changed(version, self.settings) for version in before.policies.versions]
            policies.desk = list(self.set_desk)
        return Books(policies, calendars)


def _given_hours(put: PutCalendar) -> OpenTime:
    calendar = put.calendar()
    for year in HOLIDAY_YEARS if calendar.public_holidays else ():
        public_holidays(calendar.public_holidays, year)  # a region without a list is refused before the log is read
    return open_time(calendar, f"{put.name}-{GIVEN}")


def _given_policy(asked: WhatifQuestion) -> PolicyVersion | None:
    if asked.policy is None:
        return None
    told = PolicySet(
        client=DESK, name=asked.policy.name, version=1, policy=asked.policy.policy(), holds_from=asked.from_at
    )
    return bare(replace(policy_version(told), label=f"{asked.policy.name}-{GIVEN}", holds_from=-NEVER))


def bare(version: PolicyVersion) -> PolicyVersion:
    """The same targets without warnings and escalations: a replay asks who was late, not who was told of it."""
    rows = tuple(
        row.model_copy(
            update={
                "targets": {
                    metric: target.model_copy(update={"warn_at": (), "escalations": ()})
                    for metric, target in row.targets.items()
                }
            }
        )
        for row in version.policy.rows
    )
    return replace(version, policy=version.policy.model_copy(update={"rows": rows, "warn_at": ()}))


def changed(version: PolicyVersion, settings: Sequence[Setting]) -> PolicyVersion:
    """A policy version with other targets; itself where none is set."""
    if not settings:
        return version
    rows: list[Row] = list(version.policy.rows)
    for setting in settings:
        rows = list(_with(rows, setting))
    told = PolicySet(
        client=DESK,
        name="policy",
        version=1,
        policy=version.policy.model_copy(update={"rows": tuple(rows)}),
        holds_from=instant(0),
    )
    label = f"{version.label} with {', '.join(setting.said() for setting in settings)}"
    return replace(
        policy_version(told), label=label, holds_from=version.holds_from, apply_to_open=version.apply_to_open
    )


def _with(rows: Sequence[Row], setting: Setting) -> Iterator[Row]:
    """The rows with another target for one priority.

    A row that names no priority is for that one too, so it gets a twin that names it. Twins stand behind the others:
    where a row of the same length won before, it wins still.
    """
    twins = []
    named = [row.conditions() for row in rows]
    for row in rows:
        if setting.priority is None or row.priority == setting.priority:
            yield _aimed(row, setting)
            continue
        yield row
        if row.priority is None and {**row.conditions(), "priority": str(setting.priority)} not in named:
            twins.append(_aimed(row.model_copy(update={"priority": setting.priority}), setting))
    yield from twins


def _aimed(row: Row, setting: Setting) -> Row:
    target = row.targets.get(setting.metric)
    new = target.model_copy(update={"seconds": setting.seconds}) if target else Target(seconds=setting.seconds)
    return row.model_copy(update={"targets": {**row.targets, setting.metric: new}})


def refuse_unknown_calendars(books: Books, client: str) -> None:
    """Raises Refused where a policy that would hold names a calendar that neither the client nor the question has."""
    for version in (*books.policies.versions, *books.policies.desk):
        policy = version.policy
        named = {policy.calendar, *(t.calendar for row in policy.rows for t in row.targets.values() if t.calendar)}
        missing = sorted(named - books.calendars.versions.keys())
        if missing:
            raise Refused(
                "unknown_calendar",
                f"{client} has no calendar named {missing[0]!r}, which the policy {version.label} names: give it as "
                "well, or name one that the client has",
                "calendars",
            )


def configuration_said(history: History) -> list[dict[str, Any]]:
    """What decides of a stream of configuration, as JSON: its digest names what was in force."""
    return [
        {"type": event.type, "at": event.occurred_at.isoformat(), **event.data.model_dump(mode="json")}
        for event in history
        if event.type in CONFIGURES
    ]
