"""A timeline of a check file -> what our clocks say after each of its events. Pure: the fold that the timers use.

A timeline is a ticket's life in a few words: `created`, `customer_message`, `agent_reply`, `state:pending`, `closed`,
`policy:solution_min=240` … Each becomes the event that Daybook has for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from contracts import tickets as tell
from contracts.clients import ClientRegistered, Tier
from contracts.envelope import Recorded
from contracts.model import Event
from contracts.policies import PolicySet, PutPolicy
from contracts.sla import Metric
from contracts.terms import Channel, CloseReason, Priority, Status
from services.cli.sla_cases import CaseCalendar, Wrong, read, seconds, told
from services.kit.rules.clock_cycle import Cycle, Kind
from services.kit.rules.clocks import Clocks, clocks
from services.kit.rules.open_time import NEVER
from services.kit.rules.policies import Calendars, Policies

TICKET, PERSON, AGENT = (UUID(int=number) for number in (1, 2, 3))
UNITS: Final = {"s": 1, "min": 60, "h": 3600}
TARGETS: Final[Mapping[str, tuple[Metric, ...]]] = {
    "response": (Metric.FIRST_REPLY, Metric.NEXT_REPLY),
    "first_response": (Metric.FIRST_REPLY,),
    "first_reply": (Metric.FIRST_REPLY,),
    "next_response": (Metric.NEXT_REPLY,),
    "next_reply": (Metric.NEXT_REPLY,),
    "update": (Metric.UPDATE,),
    "solution": (Metric.RESOLUTION,),
    "resolution": (Metric.RESOLUTION,),
    "agent_work": (Metric.AGENT_WORK,),
}
"""What files call a target, and the clocks that it is for."""

CUSTOMER, SUPPLIER = Status.WAITING_FOR_CUSTOMER, Status.WAITING_FOR_SUPPLIER
STATES: Final[Mapping[str, Status]] = {
    **dict.fromkeys(("new", "open", "in_progress", "reopened"), Status.OPEN),
    **dict.fromkeys(("pending", "waiting", "waiting_for_customer", "replied", "stalled", "paused"), CUSTOMER),
    **dict.fromkeys(("hold", "on_hold"), CUSTOMER),
    **dict.fromkeys(("supplier", "waiting_for_supplier", "third_party", "vendor"), SUPPLIER),
    **dict.fromkeys(("resolved", "solved"), Status.RESOLVED),
    "closed": Status.CLOSED,
}
PLAIN: Final[Mapping[str, Callable[[], Event]]] = {
    "customer_message": lambda: tell.MessageReceived(author=PERSON, body="…", channel=Channel.MAIL),
    "customer_thanks": lambda: tell.MessageReceived(author=PERSON, body="…", channel=Channel.MAIL, thanks=True),
    "agent_reply": lambda: tell.ReplySent(body="…"),
    "auto_reply": lambda: tell.ReplySent(body="…"),
    "internal_note": lambda: tell.NoteAdded(body="…"),
    "resolved": tell.TicketResolved,
    "solved": tell.TicketResolved,
    "closed": tell.TicketClosed,
    "spam": lambda: tell.TicketClosed(reason=CloseReason.SPAM),
    "duplicate": lambda: tell.TicketClosed(reason=CloseReason.DUPLICATE),
    "reopened": tell.TicketReopened,
    "merged": lambda: tell.TicketMerged(into=PERSON),
    "unmerged": lambda: tell.TicketUnmerged(out_of=PERSON),
}
ACTORS: Final = {"customer_message": "requester", "customer_thanks": "requester", "auto_reply": "system"}


class TimelineEvent(BaseModel):
    at: AwareDatetime
    types: tuple[str, ...] = Field(min_length=1)


class Check(BaseModel):
    after_event: int = Field(ge=0)
    expect: dict[str, Any]


class Timeline(BaseModel):
    """A ticket's life and what is expected after some of its events."""

    policy: dict[str, Any]
    calendar: CaseCalendar
    events: tuple[TimelineEvent, ...] = Field(min_length=1)
    checks: tuple[Check, ...]


def answers(timeline: Timeline) -> Iterator[tuple[int, str, Any, Any]]:
    """(event, what, expected, got) for everything that is expected. Raises Wrong."""
    history, configured = told_as_events(timeline)
    hours = Calendars({"default": [(-NEVER, timeline.calendar.open_time(), False)]})
    policies = Policies.of(configured)
    for check in timeline.checks:
        if check.after_event >= len(timeline.events):
            raise Wrong(f"checks: after_event {check.after_event} is not one of the {len(timeline.events)} events")
        now = timeline.events[check.after_event].at
        known = [event for index, event in history if index <= check.after_event]
        state = clocks(known, policies, hours, now)
        for what, expected in check.expect.items():
            yield check.after_event, what, expected, looked_up(state, what)


def told_as_events(timeline: Timeline) -> tuple[list[tuple[int, Recorded[Event]]], list[Recorded[Event]]]:
    """The ticket's history, each event with its place in the file; and the client's own. Raises Wrong."""
    history: list[tuple[int, Recorded[Event]]] = []
    policy = dict(timeline.policy)
    client = ClientRegistered(client="acme", name="Acme", prefix="ACME", zone=timeline.calendar.tz, tier=Tier.STANDARD)
    start = timeline.events[0].at
    configured = [
        recorded(1, start, "system:check", client),
        recorded(2, start, "system:check", policy_set(policy, 1, start)),
    ]
    before = start
    for index, given in enumerate(timeline.events):
        if given.at < before:
            raise Wrong(f"events.{index}.at: {given.at.isoformat()} is before the event before it: order them by time")
        before = given.at
        for word in given.types:
            name, _, value = word.partition(":")
            if name == "policy":
                policy |= dict(part.split("=", 1) for part in value.split(",") if "=" in part)
                changed = policy_set(policy, len(configured), given.at)
                configured.append(recorded(len(configured) + 1, given.at, "system:check", changed))
            elif not (name == "customer_message" and "created" in given.types):
                told = event_of(f"events.{index}", name, value)
                history.append((index, recorded(len(history) + 1, given.at, actor(name), told)))
    return history, configured


def event_of(place: str, name: str, value: str) -> Event:
    """The event for one word of a timeline. Raises Wrong with its place."""
    if name in PLAIN and not value:
        return PLAIN[name]()
    match name:
        case "created" | "created_by_agent":
            return tell.TicketSubmitted(prefix="ACME", requester=PERSON, subject="…", body="…", channel=Channel.MAIL)
        case "state" if value in STATES:
            return tell.StatusChanged(status=STATES[value])
        case "priority" if value in set(Priority):
            return tell.PrioritySet(priority=Priority(value))
        case "category" if value:
            return tell.CategorySet(category=value)
    known = ", ".join(["created", "created_by_agent", *PLAIN, *(f"state:{state}" for state in STATES)])
    said = f"{name}:{value}" if value else name
    raise Wrong(f"{place}.types: there is no event {said}: write one of {known}, priority:P1, policy:…=…")


def actor(name: str) -> str:
    if name == "created":
        return f"requester:{PERSON}"
    kind = ACTORS.get(name, "agent")
    return {"requester": f"requester:{PERSON}", "system": "system:check"}.get(kind, f"agent:{AGENT}")


def policy_set(given: Mapping[str, Any], version: int, at: AwareDatetime) -> PolicySet:
    """A file's policy as an event; a change moves running clocks, as a change of the ticket's own terms would."""
    targets: dict[str, int] = {}
    for key, value in given.items():
        name, _, unit = key.rpartition("_")
        if name in TARGETS and unit in UNITS:
            targets |= dict.fromkeys((str(metric) for metric in TARGETS[name]), _seconds(key, value, UNITS[unit]))
        elif key not in {"pause_on", "reopen", "reopen_window_seconds"}:
            raise Wrong(f"policy.{key} is not known: write targets such as first_response_min or solution_h")
    if not targets:
        raise Wrong("policy: it has no target: write one such as first_response_min or solution_h")
    put = read(
        PutPolicy,
        {
            "rows": [{"targets": targets}],
            "supplier_pauses_resolution": bool(re.search("supplier|vendor|third", str(given.get("pause_on", "")))),
            **{key: given[key] for key in ("reopen", "reopen_window_seconds") if key in given},
        },
    )
    return PolicySet(
        client="acme", name="file", version=version, policy=put.policy(), holds_from=at, apply_to_open=True
    )


def _seconds(key: str, value: Any, unit: int) -> int:
    try:
        found = round(float(value) * unit)
    except (TypeError, ValueError, OverflowError):
        raise Wrong(f"policy.{key} is no number: {value!r}") from None
    if found <= 0:
        raise Wrong(f"policy.{key}: a target of {value} is broken at once: give it at least one second")
    return found


def recorded(version: int, at: AwareDatetime, by: str, event: Event) -> Recorded[Event]:
    return Recorded(
        lane=0, position=version, client="acme", sequence=version, number=None, stream=TICKET, version=version,
        id=UUID(int=100 + version), type=event.type, schema_version=1, actor=by, causation=None, origin="live",
        occurred_at=at, recorded_at=at, trace=None, data=event,
    )  # fmt: skip


def looked_up(state: Clocks, what: str) -> Any:
    """What a check asks for: `status`, `hold_s`, or a target's name with _due, _s or _breached. Raises Wrong."""
    if what == "status":
        return status(state)
    if what == "hold_s":
        held = _latest(state, (Metric.RESOLUTION,))
        return seconds(paused(held, state.now)) if held else 0
    name, _, field = what.rpartition("_")
    if name not in TARGETS or field not in {"due", "s", "breached"}:
        raise Wrong(f"{what!r} can't be asked: ask for status, hold_s, or a target with _due, _s or _breached")
    cycle = _latest(state, TARGETS[name])
    if cycle is None:
        return {"due": None, "s": None, "breached": False}[field]
    match field:
        case "due":
            is_over = name == "response" and cycle.end is not None
            due = None if is_over else cycle.due()
            return None if due is None else told(due)
        case "s":
            return seconds(cycle.consumed_at(state.now))
        case _:
            return cycle.breached


def _latest(state: Clocks, metrics: tuple[Metric, ...]) -> Cycle | None:
    found = [cycle for cycle in state.cycles if cycle.metric in metrics]
    return found[-1] if found else None


def paused(cycle: Cycle, now: int) -> int:
    """Open time that a clock was paused."""
    parts = [(part.start, part.end) for part in cycle.parts if part.kind is Kind.PAUSE]
    if cycle.kind is Kind.PAUSE and cycle.end is None:
        parts.append((cycle.part_from, now))
    return sum(cycle.aim.open.between(start, end) for start, end in parts)


def status(state: Clocks) -> str:
    """The state of the whole in the words of Frappe Helpdesk: what presses most has the word."""
    first, solution = (_latest(state, (metric,)) for metric in (Metric.FIRST_REPLY, Metric.RESOLUTION))
    if solution is not None and solution.kind is Kind.PAUSE:
        return "Paused"
    if any(cycle is not None and cycle.breached for cycle in (first, solution)):
        return "Failed"
    if first is not None and first.end is None and first.kind is not Kind.RESOLVED:
        return "First Response Due"
    if solution is not None and solution.end is None and solution.kind is not Kind.RESOLVED:
        return "Resolution Due"
    return "Fulfilled"
