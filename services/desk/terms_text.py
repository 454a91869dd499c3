"""Special days and escalations as a person writes them, one a line -> what the API takes, and back. Pure.

What can't be read is told with the line and how to write it; what can be read but makes no sense the API refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from math import isfinite, nan
from typing import Any, Final

METRICS: Final = {
    "first_reply": "First reply",
    "next_reply": "Next reply",
    "update": "Update",
    "resolution": "Solution",
    "agent_work": "Own work",
    "promise": "Promise",
}
ACTIONS: Final = {
    "notify": "notify",
    "raise_priority": "raise priority",
    "reassign": "reassign to",
    "move_to_level": "move to level",
}
LINE_MAX: Final = 300  # characters; a pattern's time grows with the square of a line
ANY_HOUR: Final = "at any hour"
DAY: Final = re.compile(r"(?P<day>\d{4}-\d{2}-\d{2})\s*:?\s*(?P<hours>.*)")
STEP: Final = re.compile(
    r"(?P<metric>[A-Za-z_ ]+?)\s+(?:(?P<part>\d+(?:\.\d+)?)\s*%|\+\s*(?P<late>[^:]+?))\s*:\s*"
    r"(?P<action>notify|raise priority|reassign to|move to level)\s*(?P<to>[^,]*?)\s*(?:,\s*(?P<any>at any hour))?",
    re.IGNORECASE,
)
DAY_FORM: Final = "write the date and its hours, such as 2026-12-24 08:00–12:00, or 2026-12-24 closed"
STEP_FORM: Final = (
    "write such as Solution 75%: notify lead; Solution +2h: move to level L2, at any hour; First reply 100%: raise "
    "priority"
)


class Unread(ValueError):
    """A line that nobody can read; the text says which, and how to write it."""


def length(seconds: int) -> str:
    """Seconds as the API reads them: `1h 30m`."""
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    said = [f"{value}{unit}" for value, unit in ((hours, "h"), (minutes, "m"), (left, "s")) if value]
    return " ".join(said) or "0s"


def listed(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"[,;\n]", text) if part.strip()]


def lines(text: str) -> list[str]:
    """What stands on each line, with single spaces. Raises Unread for one that is too long."""
    found = [" ".join(line.split()) for line in text.splitlines()]
    for line in found:
        if len(line) > LINE_MAX:
            raise Unread(f"the line that begins with {line[:40]!r} is too long: write at most {LINE_MAX} characters")
    return [line for line in found if line]


def days_text(days: Mapping[str, Iterable[Iterable[str]]]) -> str:
    """{date: intervals} as lines, in order."""
    return "\n".join(
        f"{day} {', '.join('–'.join(pair) for pair in intervals) or 'closed'}"
        for day, intervals in sorted(days.items())
    )


def read_days(text: str) -> dict[str, list[str]]:
    """Lines as {date: intervals}. Raises Unread."""
    found: dict[str, list[str]] = {}
    for line in lines(text):
        parts = DAY.fullmatch(line)
        if parts is None or not parts["hours"]:
            raise Unread(f"{line!r} can't be read: {DAY_FORM}")
        if parts["day"] in found:
            raise Unread(f"{parts['day']} stands there twice: join its hours with a comma")
        found[parts["day"]] = [] if parts["hours"].casefold() == "closed" else listed(parts["hours"])
    return found


def step_text(metric: str, step: Mapping[str, Any]) -> str:
    """`Solution 75%: notify lead`."""
    late = step.get("after_breach_seconds")
    when = f"{step['at'] * 100:g}%" if step.get("at") is not None else f"+{length(late or 0)}"
    action = ACTIONS.get(step["action"], step["action"])
    to = f" {step['to']}" if step.get("to") else ""
    return f"{METRICS.get(metric, metric)} {when}: {action}{to}{f', {ANY_HOUR}' if step.get('any_hours') else ''}"


def read_steps(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Lines as (metric, escalation). Raises Unread."""
    names = {name.casefold(): key for key, name in METRICS.items()} | {key: key for key in METRICS}
    actions = {said: key for key, said in ACTIONS.items()}
    found = []
    for line in lines(text):
        parts = STEP.fullmatch(line)
        metric = names.get(parts["metric"].casefold()) if parts else None
        if parts is None or metric is None:
            raise Unread(f"{line!r} can't be read: {STEP_FORM}")
        step: dict[str, Any] = {"action": actions[parts["action"].casefold()], "any_hours": parts["any"] is not None}
        if parts["part"] is not None:
            step["at"] = round(float(parts["part"]) / 100, 6)
        else:
            step["after_breach_seconds"] = parts["late"].strip()
        found.append((metric, step | ({"to": parts["to"]} if parts["to"] else {})))
    return found


def read_parts(text: str) -> list[float]:
    """`50%, 75%` as fractions. Raises Unread."""
    try:
        found = [round(float(part.removesuffix("%")) / 100, 6) for part in listed(text)]
    except ValueError:
        found = [nan]
    if not all(map(isfinite, found)):
        raise Unread(f"{text!r} can't be read: write parts of the target, such as 50%, 75%, 90%")
    return found
