"""What a replay is asked: another policy, calendars, single targets, a table of rules; from when to when. Pure data.

The same form is the body of POST /whatif, what the command line makes of its options, and what a result repeats, so
that a result can be made once more from itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from json import dumps
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

from contracts.calendars import PutCalendar
from contracts.model import ClientId
from contracts.policies import PutPolicy, Seconds, read_duration
from contracts.sla import Metric
from contracts.subjects import LANES
from contracts.terms import Priority
from services.kit.rules.priority_table import PriorityTable

CLIENTS_MAX: Final = 1_000
SETTINGS_MAX: Final = 50
SETTING: Final = re.compile(r"(?:(?P<priority>[Pp][1-4])\.)?(?P<metric>[a-z_]+)=(?P<length>[^=]+)")
TARGETS: Final = tuple(metric for metric in Metric if metric is not Metric.PROMISE)
"""What a replay can give another target: promises were given to customers, and stay what they were."""


class Setting(BaseModel):
    """One target in place of every policy's own: for one priority, or for all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: Metric
    seconds: Annotated[Seconds, Field(ge=1, description="open time; text such as 4h or 1h 30m will do")]
    priority: Priority | None = None

    @field_validator("metric")
    @classmethod
    def _can_be_another(cls, metric: Metric) -> Metric:
        if metric not in TARGETS:
            raise ValueError(f"promises stay what customers were told: set one of {', '.join(TARGETS)}")
        return metric

    def said(self) -> str:
        return f"{self.priority + '.' if self.priority else ''}{self.metric}={self.seconds}s"


def read_setting(text: str) -> Setting:
    """Reads `P2.resolution=4h` or `resolution=4h`. Raises ValueError with the remedy."""
    found = SETTING.fullmatch(text.strip())
    if found is None or found["metric"] not in TARGETS:
        raise ValueError(
            f"{text!r} is no target: write one such as P2.resolution=4h, or first_reply=30m for every priority; "
            f"the metrics are {', '.join(TARGETS)}"
        )
    priority = Priority(found["priority"].upper()) if found["priority"] else None
    return Setting(metric=Metric(found["metric"]), seconds=read_duration(found["length"]), priority=priority)


class Snapshot(BaseModel):
    """What a replay looked at: every event up to these positions, judged at an instant."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    positions: dict[Annotated[int, Field(ge=0, lt=LANES)], Annotated[int, Field(ge=0)]]
    now: AwareDatetime


class WhatifQuestion(BaseModel):
    """A whole question."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    from_at: AwareDatetime = Field(alias="from", description="clocks that began at or after this instant")
    to_at: AwareDatetime = Field(alias="to", description="and before this one")
    policy: PutPolicy | None = Field(default=None, description="in place of every policy that was in force")
    calendars: tuple[PutCalendar, ...] = Field(default=(), max_length=50, description="in place of those of that name")
    set: tuple[Setting, ...] = Field(default=(), max_length=SETTINGS_MAX, description="single targets in every policy")
    rules: PriorityTable | None = Field(default=None, description="in place of the rules that judged priorities")
    clients: tuple[ClientId, ...] | None = Field(
        default=None, min_length=1, max_length=CLIENTS_MAX, description="absent: all that the caller may see"
    )
    snapshot: Snapshot | None = Field(default=None, description="of an earlier result, to repeat it; absent: now")

    @field_validator("set", mode="before")
    @classmethod
    def _as_text(cls, given: Any) -> Any:
        if isinstance(given, list | tuple):
            return [read_setting(one) if isinstance(one, str) else one for one in given]
        return given

    @model_validator(mode="after")
    def _asks_something(self) -> WhatifQuestion:
        if self.to_at <= self.from_at:
            raise ValueError("`to` is not after `from`: swap them")
        if self.policy is None and not self.calendars and not self.set and self.rules is None:
            raise ValueError("nothing is different: give a policy, calendars, set or rules")
        if self.policy is not None and self.set:
            raise ValueError("`set` changes the policies that were in force: write the targets into the given policy")
        names = [calendar.name for calendar in self.calendars]
        if len(set(names)) < len(names):
            raise ValueError("two calendars have one name: give each name once")
        puts: list[PutCalendar | PutPolicy] = [*self.calendars, *([self.policy] if self.policy else [])]
        for put in puts:
            if put.holds_from is not None or put.apply_to_open:
                raise ValueError(
                    "a replay holds what it is given from the beginning: take holds_from and apply_to_open out"
                )
        return self

    @property
    def times(self) -> bool:
        """Whether clocks are asked to go by something else, and not only priorities."""
        return self.policy is not None or bool(self.calendars) or bool(self.set)

    def plain(self) -> dict[str, Any]:
        """As JSON that reads back as the same question; defaults that say nothing are left out."""
        said = self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"from_at", "to_at"})
        said["from"], said["to"] = stamp(self.from_at), stamp(self.to_at)
        if self.snapshot is not None:
            said["snapshot"] = snapshot_said(self.snapshot)
        return {name: value for name, value in said.items() if value not in ([], ())}

    def digest(self) -> str:
        """Names the given policy, calendars, targets and rules by their content."""
        said = self.plain()
        return digest_of({name: said[name] for name in ("policy", "calendars", "set", "rules") if name in said})


def snapshot_said(snapshot: Snapshot) -> dict[str, Any]:
    positions = {str(lane): position for lane, position in sorted(snapshot.positions.items())}
    return {"positions": positions, "now": stamp(snapshot.now)}


def stamp(at: datetime) -> str:
    """An instant as it stands in a result, in UTC whatever zone it was given in."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def digest_of(said: Mapping[str, Any]) -> str:
    return sha256(dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()
