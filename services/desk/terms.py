"""A form's fields -> the calendar and policy that the API takes, and back; a problem's path -> its field. Pure.

What the form does not show (special days, warnings, escalations) is carried along as it was.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Fields = Mapping[str, str]

DAYS: Final = {"mon": "Monday", "tue": "Tuesday", "wed": "Wednesday", "thu": "Thursday", "fri": "Friday",
               "sat": "Saturday", "sun": "Sunday"}  # fmt: skip
METRICS: Final = {
    "first_reply": "First reply",
    "next_reply": "Next reply",
    "update": "Update",
    "resolution": "Solution",
    "agent_work": "Own work",
    "promise": "Promise",
}
CONDITIONS: Final = {"priority": "Priority", "category": "Category", "service": "Service", "tier": "Tier"}
BLANK_ROWS: Final = 1
ROWS_MAX: Final = 200
CALENDAR_FIELDS: Final = ("special", "breaks", "yearly_closed")
POLICY_FIELDS: Final = ("warn_at", "reopen", "reopen_window_seconds", "supplier_pauses_resolution")
NEW_CALENDAR: Final = {"zone": "Etc/UTC", "hours": {day: [["09:00", "17:00"]] for day in list(DAYS)[:5]}}


@dataclass(frozen=True)
class Asked:
    """What a form asks for: both bodies, and which of the form's rows each row of the policy was."""

    calendar: dict[str, Any]
    policy: dict[str, Any]
    rows: tuple[int, ...]


def length(seconds: int) -> str:
    """Seconds as the API reads them: `1h 30m`."""
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    said = [f"{value}{unit}" for value, unit in ((hours, "h"), (minutes, "m"), (left, "s")) if value]
    return " ".join(said) or "0s"


def fields_of(calendar: Mapping[str, Any], policy: Mapping[str, Any], name: str) -> dict[str, str]:
    """The form's fields for what is in force."""
    hours = calendar.get("hours") or {}
    shown = {f"hours-{day}": ", ".join("–".join(pair) for pair in hours.get(day, ())) for day in DAYS}
    shown |= {
        "zone": calendar.get("zone", ""),
        "public_holidays": ", ".join(calendar.get("public_holidays", ())),
        "closed": ", ".join(calendar.get("closed", ())),
        "calendar-name": name,
        "calendar-kept": json.dumps({key: calendar[key] for key in CALENDAR_FIELDS if calendar.get(key)}),
        "policy-kept": json.dumps({key: policy[key] for key in POLICY_FIELDS if key in policy}),
    }
    rows = policy.get("rows") or []
    for number, row in enumerate(rows):
        shown |= {f"r{number}-{key}": row.get(key) or "" for key in (*CONDITIONS, "client")}
        targets = row["targets"]
        shown |= {f"r{number}-{metric}": length(target["seconds"]) for metric, target in targets.items()}
        shown[f"r{number}-kept"] = json.dumps(
            {metric: {key: value for key, value in target.items() if key != "seconds" and value not in (None, [])}
             for metric, target in targets.items()}
        )  # fmt: skip
    shown["rows"] = str(len(rows) + BLANK_ROWS)
    return shown


def asked(fields: Fields, policy_name: str) -> Asked:
    """The calendar and policy of a form. What is misspelt the API refuses, by its field."""
    hours = {day: _list(fields.get(f"hours-{day}", "")) for day in DAYS}
    calendar: dict[str, Any] = {
        "name": fields.get("calendar-name") or "default",
        "zone": fields.get("zone", ""),
        "hours": {day: intervals for day, intervals in hours.items() if intervals},
        "public_holidays": _list(fields.get("public_holidays", "")),
        "closed": _list(fields.get("closed", "")),
    } | _kept(fields.get("calendar-kept", ""))
    rows, numbers = [], []
    for number in range(count_of(fields)):
        row = _row(fields, number)
        if row is not None:
            rows.append(row)
            numbers.append(number)
    policy = {"name": policy_name, "calendar": calendar["name"], "rows": rows} | _kept(fields.get("policy-kept", ""))
    if fields.get("apply_to_open"):
        calendar["apply_to_open"] = policy["apply_to_open"] = True
    return Asked(calendar, policy, tuple(numbers))


def count_of(fields: Fields) -> int:
    given = fields.get("rows", "")
    return min(int(given), ROWS_MAX) if given.isdigit() else 0


def _row(fields: Fields, number: int) -> dict[str, Any] | None:
    """One row of the policy; None for one in which nothing stands."""
    found = {key: value for key in (*CONDITIONS, "client") if (value := fields.get(f"r{number}-{key}", ""))}
    lengths = {metric: value for metric in METRICS if (value := fields.get(f"r{number}-{metric}", ""))}
    if not lengths and not found:
        return None
    kept = _kept(fields.get(f"r{number}-kept", ""))
    targets = {metric: {**kept.get(metric, {}), "seconds": value} for metric, value in lengths.items()}
    return {**found, "targets": targets}


def _list(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"[,;\n]", text) if part.strip()]


def _kept(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def place_of(path: str, rows: Sequence[int]) -> str:
    """The form's field that a path of the API means: `policy.rows.0.targets.update.seconds` -> `r0-update`."""
    parts = [part for part in path.split(".") if part not in ("calendar", "policy")] or [path]
    match parts:
        case ["hours", day, *_] if day in DAYS:
            return f"hours-{day}"
        case ["rows", number, "targets", metric, *_] if number.isdigit() and int(number) < len(rows):
            return f"r{rows[int(number)]}-{metric}"
        case ["rows", number, key, *_] if number.isdigit() and int(number) < len(rows):
            return f"r{rows[int(number)]}-{key}"
        case [first, *_]:
            return first
        case _:
            return ""


def steps_of(fields: Fields, number: int) -> list[str]:
    """The escalations of a row, in words: they are set by the API and by files."""
    said = []
    for metric, kept in _kept(fields.get(f"r{number}-kept", "")).items():
        for step in kept.get("escalations", ()) if isinstance(kept, dict) else ():
            late = step.get("after_breach_seconds")
            when = f"{step['at']:.0%}" if step.get("at") is not None else f"{length(late or 0)} after the breach"
            who = f" {step['to']}" if step.get("to") else ""
            said.append(f"{METRICS.get(metric, metric)} at {when}: {step['action'].replace('_', ' ')}{who}")
    return said
