"""A form's fields -> the calendar and policy that the API takes, and back; a problem's path -> its field. Pure.

The form shows everything that a calendar and a policy say but the calendar and warnings of a single target: these are
carried along as they were.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from services.desk.terms_text import (
    METRICS,
    Unread,
    days_text,
    length,
    listed,
    read_days,
    read_parts,
    read_steps,
    step_text,
)

__all__ = ["CONDITIONS", "DAYS", "METRICS", "Asked", "asked", "count_of", "fields_of", "length", "place_of"]

Fields = Mapping[str, str]
T = TypeVar("T")

DAYS: Final = {"mon": "Monday", "tue": "Tuesday", "wed": "Wednesday", "thu": "Thursday", "fri": "Friday",
               "sat": "Saturday", "sun": "Sunday"}  # fmt: skip
CONDITIONS: Final = {"priority": "Priority", "category": "Category", "service": "Service", "tier": "Tier"}
REOPENING: Final = {"continue": "Goes on with the same clocks", "restart": "Begins new clocks"}
BLANK_ROWS: Final = 1
ROWS_MAX: Final = 200
WARN_AT: Final = (0.5, 0.75, 0.9)
WINDOW_SECONDS: Final = 7 * 86_400
NEW_CALENDAR: Final = {"zone": "Etc/UTC", "hours": {day: [["09:00", "17:00"]] for day in list(DAYS)[:5]}}


@dataclass(frozen=True)
class Asked:
    """What a form asks for: both bodies, which of the form's rows each row of the policy was, and what can't be read
    in which field."""

    calendar: dict[str, Any]
    policy: dict[str, Any]
    rows: tuple[int, ...]
    unread: dict[str, str] = field(default_factory=dict)


def fields_of(calendar: Mapping[str, Any], policy: Mapping[str, Any], name: str) -> dict[str, str]:
    """The form's fields for what is in force."""
    hours = calendar.get("hours") or {}
    shown = {f"hours-{day}": ", ".join("–".join(pair) for pair in hours.get(day, ())) for day in DAYS}
    shown |= {name: ", ".join(calendar.get(name, ())) for name in ("public_holidays", "closed", "yearly_closed")}
    shown |= {name: days_text(calendar.get(name) or {}) for name in ("special", "breaks")}
    shown |= {"zone": calendar.get("zone", ""), "calendar-name": name}
    shown |= {
        "warn_at": ", ".join(f"{part * 100:g}%" for part in policy.get("warn_at", WARN_AT)),
        "reopen": policy.get("reopen", "continue"),
        "reopen_window_seconds": length(policy.get("reopen_window_seconds", WINDOW_SECONDS)),
        "supplier_pauses_resolution": "1" if policy.get("supplier_pauses_resolution") else "",
    }
    rows = policy.get("rows") or []
    for number, row in enumerate(rows):
        shown |= _row_fields(number, row)
    return shown | {"rows": str(len(rows) + BLANK_ROWS)}


def _row_fields(number: int, row: Mapping[str, Any]) -> dict[str, str]:
    targets: Mapping[str, Any] = row["targets"]
    kept = {
        metric: {key: target[key] for key in ("calendar", "warn_at") if target.get(key) is not None}
        for metric, target in targets.items()
    }
    steps = [
        step_text(metric, step) for metric, target in targets.items() for step in target.get("escalations") or ()
    ]  # fmt: skip
    return {
        **{f"r{number}-{key}": row.get(key) or "" for key in (*CONDITIONS, "client")},
        **{f"r{number}-{metric}": length(target["seconds"]) for metric, target in targets.items()},
        f"r{number}-steps": "\n".join(steps),
        f"r{number}-kept": json.dumps({metric: more for metric, more in kept.items() if more}),
    }


def asked(fields: Fields, policy_name: str) -> Asked:
    """The calendar and policy of a form. What is misspelt the API refuses, by its field."""
    unread: dict[str, str] = {}

    def read(name: str, reader: Callable[[str], T]) -> T:
        try:
            return reader(fields.get(name, ""))
        except Unread as reason:
            unread[name] = str(reason)
            return reader("")

    hours = {day: listed(fields.get(f"hours-{day}", "")) for day in DAYS}
    calendar: dict[str, Any] = {
        "name": fields.get("calendar-name") or "default",
        "zone": fields.get("zone", ""),
        "hours": {day: intervals for day, intervals in hours.items() if intervals},
        **{name: listed(fields.get(name, "")) for name in ("public_holidays", "closed", "yearly_closed")},
        "special": read("special", read_days),
        "breaks": read("breaks", read_days),
    }
    rows, numbers = [], []
    for number in range(count_of(fields)):
        row = _row(fields, number, read(f"r{number}-steps", read_steps), unread)
        if row is not None:
            rows.append(row)
            numbers.append(number)
    policy = {
        "name": policy_name,
        "calendar": calendar["name"],
        "rows": rows,
        "warn_at": read("warn_at", read_parts),
        "reopen": fields.get("reopen") or "continue",
        "reopen_window_seconds": fields.get("reopen_window_seconds") or 0,
        "supplier_pauses_resolution": bool(fields.get("supplier_pauses_resolution")),
    }
    if fields.get("apply_to_open"):
        calendar["apply_to_open"] = policy["apply_to_open"] = True
    return Asked(calendar, policy, tuple(numbers), unread)


def count_of(fields: Fields) -> int:
    given = fields.get("rows", "")
    return min(int(given), ROWS_MAX) if given.isdigit() else 0


def _row(
    fields: Fields, number: int, steps: Sequence[tuple[str, dict[str, Any]]], unread: dict[str, str]
) -> dict[str, Any] | None:
    """One row of the policy; None for one in which nothing stands."""
    found = {key: value for key in (*CONDITIONS, "client") if (value := fields.get(f"r{number}-{key}", ""))}
    lengths = {metric: value for metric in METRICS if (value := fields.get(f"r{number}-{metric}", ""))}
    if not lengths and not found and not steps:
        return None
    for metric, _ in steps:
        if metric not in lengths:
            unread[f"r{number}-steps"] = (
                f"row {number + 1} has no target for {METRICS[metric].lower()}: give it one, or take the line out"
            )
    kept = _kept(fields.get(f"r{number}-kept", ""))
    targets = {
        metric: {**kept.get(metric, {}), "seconds": value, "escalations": [step for of, step in steps if of == metric]}
        for metric, value in lengths.items()
    }
    return {**found, "targets": targets}


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
        case ["rows", number, "targets", _, "escalations", *_] if number.isdigit() and int(number) < len(rows):
            return f"r{rows[int(number)]}-steps"
        case ["rows", number, "targets", metric, *_] if number.isdigit() and int(number) < len(rows):
            return f"r{rows[int(number)]}-{metric}"
        case ["rows", number, key, *_] if number.isdigit() and int(number) < len(rows):
            return f"r{rows[int(number)]}-{key}"
        case [first, *_]:
            return first
        case _:
            return ""
