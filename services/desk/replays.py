"""A form -> the question that POST /whatif takes; its answer -> bars and lines. Pure.

What is to be different stands as targets, one a line, or as a policy and calendars in the form of `daybook clients
apply`. What can't be read is told at its field; what makes no sense the API refuses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import isfinite
from typing import Any, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field

from services.desk.attainment import percent
from services.desk.terms_text import METRICS, length, listed
from services.kit.ranges import SPANS, calendar_span, midnight

LASTS: Final = {span: f"Last {span}" for span in SPANS} | {"": "These days"}
UNDER_WAY: Final = ("waiting", "running")
STATES: Final = {
    "waiting": "Waits for its turn",
    "running": "Runs",
    "done": "Done",
    "failed": "Failed",
    "cancelled": "Cancelled",
}
TERMS_FORM: Final = "write `rows:` as in a policy, or `policy:` and `calendars:`, as daybook clients apply reads them"
TERMS_MAX: Final = 50_000  # characters; reading more would hold the pages up
CHANGES_SHOWN: Final = 200
WORDS: Final = {"gained": "breach gained", "lost": "breach lost"}


class Unasked(ValueError):
    """The form can't be read; `problems` has a sentence for each field at fault."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(next(iter(problems.values()), ""))
        self.problems = problems


class Progress(BaseModel):
    tickets: int = 0
    total: int = 0
    events: int = 0


class Replay(BaseModel):
    """A replay as the API tells it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    state: str
    asked_at: datetime
    finished_at: datetime | None = None
    clients: tuple[str, ...] | None = None
    progress: Progress = Field(default_factory=Progress)
    problem: str | None = None
    asked: dict[str, Any] = Field(default_factory=dict)
    result: dict[str, Any] | None = None

    @property
    def under_way(self) -> bool:
        return self.state in UNDER_WAY

    @property
    def share(self) -> int:
        """How far it is, in percent."""
        if self.state == "done":
            return 100
        return min(99, 100 * self.progress.tickets // self.progress.total) if self.progress.total else 0

    @property
    def title(self) -> str:
        """What is different in it, in a line."""
        said = [_setting(one) for one in self.asked.get("set") or ()]
        said += [f"policy {self.asked['policy'].get('name', 'given')}"] if self.asked.get("policy") else []
        said += [f"calendar {one.get('name', 'default')}" for one in self.asked.get("calendars") or ()]
        said += ["rules of priority"] if self.asked.get("rules") else []
        return ", ".join(said) or "nothing"


class Replays(BaseModel):
    items: tuple[Replay, ...] = ()


class NewReplay(BaseModel):
    id: str


def _setting(one: Mapping[str, Any]) -> str:
    whose = f"{one['priority']} " if one.get("priority") else ""
    return f"{whose}{METRICS.get(one['metric'], one['metric']).lower()} {length(one['seconds'])}"


def question(fields: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """What to ask of POST /whatif. Raises Unasked."""
    problems: dict[str, str] = {}
    body: dict[str, Any] = _range(fields, now, problems)
    settings = listed(fields.get("set", ""))
    given = _terms(fields.get("terms", ""), problems)
    if not settings and not given and not problems:
        problems["set"] = "Say what is to be different: a target such as P2.resolution=4h, or a policy or calendars."
    if problems:
        raise Unasked(problems)
    clients = {"clients": [fields["client"]]} if fields.get("client") else {}
    return body | given | ({"set": settings} if settings else {}) | clients


def _range(fields: Mapping[str, str], now: datetime, problems: dict[str, str]) -> dict[str, Any]:
    if fields.get("last") in SPANS:
        start, end = calendar_span(fields["last"], now)
        return {"from": start.isoformat(), "to": end.isoformat()}
    days = {}
    for name in ("from", "to"):
        try:
            days[name] = date.fromisoformat(fields.get(name, "")) + timedelta(days=name == "to")
        except (ValueError, OverflowError):
            problems[name] = "Pick a day, or one of the ranges beside it."
    if problems:
        return {}
    return {"from": midnight(days["from"]).isoformat(), "to": midnight(days["to"]).isoformat()}


def _terms(text: str, problems: dict[str, str]) -> dict[str, Any]:
    if len(text) > TERMS_MAX:
        problems["terms"] = f"This is too long: write at most {TERMS_MAX:,} characters, or ask daybook whatif."
        return {}
    try:
        said = _plain(yaml.load(text, _Loader)) if text.strip() else {}  # noqa: S506  a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problems["terms"] = f"This is no YAML: {' '.join(str(error).split())[:200]}"
        return {}
    if isinstance(said, dict) and isinstance(said.get("desk"), dict):
        said = said["desk"]
    if isinstance(said, dict) and "rows" in said:
        return {"policy": said}
    if not isinstance(said, dict) or set(said) - {"policy", "calendars"}:
        problems["terms"] = f"This is no policy and no calendar: {TERMS_FORM}."
        return {}
    return said


class _Loader(yaml.SafeLoader):
    """Reads no aliases: a page of them stands for more than any memory holds."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("what an alias stands for has to be written out")
        return super().compose_node(parent, index)


def _plain(value: Any) -> Any:
    """As JSON tells it: dates, which YAML reads as such, and numbers that are none become text."""
    match value:
        case dict():
            return {str(key): _plain(one) for key, one in value.items()}
        case list():
            return [_plain(one) for one in value]
        case None | bool() | int() | str():
            return value
        case float() if isfinite(value):
            return value
        case _:
            return str(value)


def terms_text(policy: Mapping[str, Any] | None, calendar: Mapping[str, Any] | None) -> str:
    """What is in force as text to change."""
    said: dict[str, Any] = {}
    if policy:
        said["policy"] = _lean(policy)
    if calendar:
        said["calendars"] = [_lean(calendar)]
    return yaml.safe_dump(said, sort_keys=False, allow_unicode=True, width=110) if said else ""


def _lean(value: Any) -> Any:
    """Without what says nothing."""
    if isinstance(value, Mapping):
        return {key: _lean(one) for key, one in value.items() if one not in (None, "", [], {}, ())}
    return [_lean(one) for one in value] if isinstance(value, list | tuple) else value


def place_of(path: str) -> str:
    """The form's field that a path of the API means."""
    first = path.partition(".")[0]
    return {"policy": "terms", "calendars": "terms", "clients": "client"}.get(first, first)


@dataclass(frozen=True)
class Line:
    """One client and metric, before and after. Widths are percent of the longest bar."""

    client: str
    metric: str
    before: str
    after: str
    breached: int
    then: int
    gained: int
    lost: int
    gained_width: float
    lost_width: float


@dataclass(frozen=True)
class Moved:
    """One breach that was gained or lost."""

    ticket: str
    client: str
    metric: str
    change: str
    at: datetime
    due_before: datetime | None
    due_after: datetime | None


def lines(result: Mapping[str, Any]) -> list[Line]:
    """All clients together, then each client in which a breach was gained or lost."""
    moved = [place for place in result["clients"] if any(row["gained"] or row["lost"] for row in place["metrics"])]
    told = [("All clients", row) for row in result["total"] if _counts(row)]
    told += [(place["client"], row) for place in moved for row in place["metrics"] if row["gained"] or row["lost"]]
    longest = max((max(row["gained"], row["lost"]) for _, row in told), default=0) or 1
    return [
        Line(
            client, METRICS.get(row["metric"], row["metric"]), percent(row["before"]["attained"]),
            percent(row["after"]["attained"]), row["before"]["breached"], row["after"]["breached"], row["gained"],
            row["lost"], 100 * row["gained"] / longest, 100 * row["lost"] / longest,
        )
        for client, row in told
    ]  # fmt: skip


def _counts(row: Mapping[str, Any]) -> bool:
    return any(row[side][name] for side in ("before", "after") for name in ("met", "breached", "waived"))


def moves(result: Mapping[str, Any]) -> list[Moved]:
    """The first breaches that moved, as the API lists them."""
    found: Sequence[Mapping[str, Any]] = [line for line in result["changes"] if line["change"] in WORDS]
    return [
        Moved(
            line["ticket"], line["client"], METRICS.get(line["metric"], line["metric"]), WORDS[line["change"]],
            datetime.fromisoformat(line["at"]), _due(line, "before"), _due(line, "after"),
        )
        for line in found[:CHANGES_SHOWN]
    ]  # fmt: skip


def _due(line: Mapping[str, Any], side: str) -> datetime | None:
    due = (line.get(side) or {}).get("due")
    return datetime.fromisoformat(due) if due else None
