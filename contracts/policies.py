"""Targets of service as a client has them, and their versions as events. Pure data; contradictions are refused.

A row says for which tickets it is; the row that names most wins. Two rows that could both win are refused when the
policy is set, unless a third one settles every ticket that both are for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from itertools import combinations
from typing import Annotated, Any, ClassVar, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from contracts.calendars import ConfigName
from contracts.clients import Tier
from contracts.model import ClientId, Command, Event, Part, Word, contradiction
from contracts.people import Level
from contracts.sla import Metric
from contracts.terms import Priority

ROWS_MAX = 200
TARGET_SECONDS_MAX = 366 * 86_400
WARN_AT: Final = (0.5, 0.75, 0.9)
REOPEN_WINDOW_SECONDS: Final = 7 * 86_400
DURATION = re.compile(r"(?:(?P<h>\d+)\s*h)?\s*(?:(?P<m>\d+)\s*m(?:in)?)?\s*(?:(?P<s>\d+)\s*s)?")
KEYS: Final = ("client", "service", "category", "priority", "tier")


def read_duration(given: Any) -> Any:
    """Seconds from text such as "8h", "1h 30m" or "90s"; what is no text is left for the type to judge."""
    if not isinstance(given, str):
        return given
    found = DURATION.fullmatch(given.strip())
    if found is None or not any(found.groups()):
        raise ValueError(
            f"{given!r} is no duration: write hours, minutes or seconds of open time, such as 8h or 1h 30m"
        )
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


def _above_zero(seconds: int) -> int:
    if seconds <= 0:
        raise ValueError("a target of zero is broken at once: give it at least one second, or leave the metric out")
    return seconds


Seconds = Annotated[int, BeforeValidator(read_duration), Field(le=TARGET_SECONDS_MAX)]


class Reopening(StrEnum):
    """What a ticket that is opened again within the window does: go on in the same cycle, or begin a new one."""

    CONTINUE = "continue"
    RESTART = "restart"


class EscalationAction(StrEnum):
    NOTIFY = "notify"
    RAISE_PRIORITY = "raise_priority"
    REASSIGN = "reassign"
    MOVE_TO_LEVEL = "move_to_level"


class Escalation(Part):
    """What happens at a fraction of the target's open time, or some open time after the breach; once a cycle."""

    at: float | None = Field(default=None, gt=0, le=1, description="fraction of the target")
    after_breach_seconds: Seconds | None = Field(default=None, ge=0)
    action: EscalationAction
    to: Word | None = Field(default=None, description="whom or what: a role, a team, a level")
    any_hours: bool = Field(default=False, description="do not wait for the working hours")

    @model_validator(mode="after")
    def _says_when_and_whom(self) -> Escalation:
        if (self.at is None) == (self.after_breach_seconds is None):
            sentence = "an escalation needs either `at` (a fraction) or `after_breach_seconds`, not both"
            raise contradiction("at", sentence)
        if self.to is None and self.action is not EscalationAction.RAISE_PRIORITY:
            raise contradiction("to", f"the escalation {self.action} needs `to`: a role, a team or a level")
        if self.action is EscalationAction.MOVE_TO_LEVEL and self.to not in set(Level):
            raise contradiction("to", f"there is no level {self.to!r}: `to` is one of {', '.join(Level)}")
        return self


def fractions(given: Iterable[float]) -> tuple[float, ...]:
    """Warning fractions in rising order. Raises ValueError for what is no part of a whole."""
    ordered = tuple(sorted(set(given)))
    if any(not 0 < fraction < 1 for fraction in ordered):
        raise ValueError("a warning comes before the target is used up: write fractions between 0 and 1, such as 0.75")
    return ordered


Fractions = Annotated[tuple[float, ...], AfterValidator(fractions), Field(max_length=10)]
"""When to warn, as parts of the target's open time."""


class Target(Part):
    """Open seconds for one metric; for the promise, how far off the default checkpoint is."""

    seconds: Seconds
    calendar: ConfigName | None = Field(default=None, description="absent: the policy's calendar")
    warn_at: Fractions | None = None
    escalations: tuple[Escalation, ...] = Field(default=(), max_length=20)

    @field_validator("seconds")
    @classmethod
    def _is_above_zero(cls, seconds: int) -> int:
        return _above_zero(seconds)


def _target(given: Any) -> Any:
    """`resolution: 8h` is short for `resolution: {seconds: 8h}`."""
    return {"seconds": given} if isinstance(given, str | int) else given


class Row(Part):
    """For which tickets (what is absent means any), and their targets."""

    client: ClientId | None = None
    service: Word | None = None
    category: Word | None = None
    priority: Priority | None = None
    tier: Tier | None = None
    targets: dict[Metric, Annotated[Target, BeforeValidator(_target)]] = Field(min_length=1)

    def conditions(self) -> dict[str, str]:
        return {key: str(value) for key in KEYS if (value := getattr(self, key)) is not None}


class StrictEscalation(Escalation):
    model_config = ConfigDict(extra="forbid")


class StrictTarget(Target):
    model_config = ConfigDict(extra="forbid")
    escalations: tuple[StrictEscalation, ...] = Field(default=(), max_length=20)


class StrictRow(Row):
    """A row as it is asked for: a misspelt field is refused by name."""

    model_config = ConfigDict(extra="forbid")
    targets: dict[Metric, Annotated[StrictTarget, BeforeValidator(_target)]] = Field(min_length=1)  # type: ignore[assignment]  # the same, stricter


class PolicyFields(BaseModel):
    """What holds for all rows of a policy."""

    calendar: ConfigName = Field(default="default", description="the calendar of targets that name none")
    warn_at: Fractions = WARN_AT
    reopen: Reopening = Reopening.CONTINUE
    reopen_window_seconds: Seconds = Field(default=REOPEN_WINDOW_SECONDS, ge=0, description="wall time")
    supplier_pauses_resolution: bool = False


class Policy(PolicyFields, Part):
    """A policy inside an event."""

    rows: tuple[Row, ...] = Field(min_length=1, max_length=ROWS_MAX)


class PutPolicy(PolicyFields, Command):
    """Sets a client's policy anew, as a version that holds from an instant on (none: from now on)."""

    name: ConfigName = "default"
    rows: tuple[StrictRow, ...] = Field(min_length=1, max_length=ROWS_MAX)
    holds_from: AwareDatetime | None = Field(default=None, description="not before now; absent: from now on")
    apply_to_open: bool = Field(default=False, description="clocks that run already follow it from then on")

    @field_validator("rows")
    @classmethod
    def _no_tie(cls, rows: tuple[StrictRow, ...]) -> tuple[StrictRow, ...]:
        refuse_ties([row.conditions() for row in rows])
        return rows

    def policy(self) -> Policy:
        return Policy.model_validate(self.model_dump(exclude={"name", "holds_from", "apply_to_open"}))


def refuse_ties(rows: list[dict[str, str]]) -> None:
    """Raises ValueError where two rows name as much, a ticket can fit both, and no row that names more settles it."""
    for (one, first), (two, second) in combinations(enumerate(rows, 1), 2):
        if len(first) != len(second) or any(second.get(key, value) != value for key, value in first.items()):
            continue
        both = {**first, **second}
        if len(both) == len(first):
            raise ValueError(f"rows {one} and {two} are for the same tickets ({_told(both)}): take one of them out")
        if not any(len(row) > len(first) and row.items() <= both.items() for row in rows):
            raise ValueError(
                f"rows {one} and {two} tie for a ticket with {_told(both)}: add a row that names all of these, "
                "or let one of the two name more"
            )


def _told(conditions: Mapping[str, str]) -> str:
    return ", ".join(f"{key} {value}" for key, value in conditions.items()) or "any value"


class PolicySet(Event):
    """One version of a client's policy; `_desk` has the one for clients without their own."""

    type: ClassVar[str] = "client.policy_set"
    client: ClientId
    name: ConfigName
    version: int = Field(ge=1, description="counts the versions of this name, from 1")
    policy: Policy
    holds_from: AwareDatetime
    apply_to_open: bool = False
