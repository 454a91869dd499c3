"""Slow and obvious: a ticket's clocks, looked at every minute. For tests only; times are minutes since 1970.

It knows six metrics, two priorities, pauses, reopening, promises and configuration as slas.md tells them, and nothing
of intervals, sums or due times: a clock that runs while the calendar is open has used one minute more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Ball = Literal["desk", "customer", "supplier"]
PAUSED_BY = {"desk": (), "customer": ("resolution", "agent_work", "update"), "supplier": ("agent_work",)}
WARN_AT = (0.5, 0.9)


class Happened(NamedTuple):
    """submitted, by_agent, message, thanks, reply, letter, promise, wait, supplier, open, P1, P2, resolve, reopen,
    close, note."""

    minute: int
    what: str
    due: int = 0


@dataclass
class Terms:
    """Targets in minutes by priority and metric; whether and how long a reopened ticket goes on."""

    targets: dict[str, dict[str, int]]
    goes_on: bool
    window: int


@dataclass
class SlowCycle:
    metric: str
    number: int
    start: int
    target: int | None
    state: str = "run"
    used: int = 0
    used_a_minute_ago: int = -1
    changed_while_paused: bool = False
    promise: int | None = None
    stopped: int = 0
    end: str | None = None
    fired: dict[str, tuple[int, bool]] = field(default_factory=dict)

    def offsets(self) -> dict[str, float]:
        if self.target is None:
            return {}
        warnings = {} if self.metric == "promise" else {f"warned:{part:g}": self.target * part for part in WARN_AT}
        return {**warnings, "breached": float(self.target)}

    def look(self, minute: int) -> None:
        for key, offset in self.offsets().items():
            late = key == "breached" and self.promise is not None and minute >= self.promise
            if self.state == "run" and key not in self.fired and (self.used >= offset or late):
                self.fired[key] = (minute, False)

    def aim(self, minute: int, target: int | None) -> None:
        """Another target: what was past by it already comes true now, by this change."""
        if target == self.target:
            return
        self.target = target
        self.changed_while_paused = self.state != "run"
        for key, offset in self.offsets().items():
            past = self.used > offset or self.used_a_minute_ago >= offset
            if self.state == "run" and key not in self.fired and past:
                self.fired[key] = (minute, True)

    def resume(self, minute: int) -> None:
        self.state = "run"
        self.used_a_minute_ago = -1
        if self.promise is not None and self.promise <= minute:
            self.promise = None
        for key, offset in self.offsets().items():
            if key not in self.fired and self.used > offset:
                self.fired[key] = (minute, self.changed_while_paused)
        self.changed_while_paused = False


class SlowTicket:
    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.cycles: list[SlowCycle] = []
        self.going: dict[str, SlowCycle] = {}
        self.ball: Ball = "desk"
        self.ended = False
        self.asked = self.answered = False
        self.priority = "none"

    def live(self, events: list[Happened], is_open: list[bool], first: int, until: int) -> None:
        """From the first minute until `until`, at which what is due is due."""
        by_minute: dict[int, list[Happened]] = {}
        for event in events:
            by_minute.setdefault(event.minute, []).append(event)
        for minute in range(first, until + 1):
            for event in by_minute.get(minute, ()):
                self.happens(event)
            for cycle in list(self.going.values()):
                if cycle.state == "stopped" and minute >= cycle.stopped + self.window() and minute == until:
                    self.finish(cycle.metric, "fulfilled")
                cycle.look(minute)
            if minute < until:
                self.pass_a_minute(is_open[minute - first])

    def pass_a_minute(self, is_open: bool) -> None:
        for cycle in self.going.values():
            cycle.used_a_minute_ago = cycle.used if cycle.state == "run" else -1
            if cycle.state == "run" and (is_open or cycle.metric == "promise"):
                cycle.used += 1

    def window(self) -> int:
        return self.terms.window if self.terms.goes_on else 0

    def start(self, metric: str, minute: int, target: int | None = None) -> None:
        number = 1 + sum(cycle.metric == metric for cycle in self.cycles)
        wanted = target if metric == "promise" else self.terms.targets.get(self.priority, {}).get(metric)
        cycle = SlowCycle(metric, number, minute, wanted)
        cycle.state = "paused" if metric in PAUSED_BY[self.ball] else "run"
        self.cycles.append(cycle)
        self.going[metric] = cycle

    def finish(self, metric: str, end: str) -> None:
        cycle = self.going.pop(metric, None)
        if cycle is not None:
            cycle.end = end

    def happens(self, event: Happened) -> None:  # noqa: C901  one row a word
        minute = event.minute
        match event.what:
            case "submitted" | "by_agent":
                for metric in ("first_reply", "resolution", "agent_work")[event.what == "by_agent" :]:
                    self.start(metric, minute)
            case "message" if self.ended:
                self.asked = True
            case "message":
                self.ask(minute)
            case "reply":
                self.reply(minute)
            case "promise":
                self.promise(minute, event.due)
            case "wait" | "supplier" | "open":
                self.turn(minute, {"wait": "customer", "supplier": "supplier", "open": "desk"}[event.what])  # type: ignore[arg-type]
            case "P1" | "P2":
                self.priority = event.what
                for cycle in self.going.values():
                    if not self.ended and cycle.metric != "promise":
                        cycle.aim(minute, self.terms.targets[self.priority].get(cycle.metric))
            case "resolve" | "close":
                self.resolve(minute)
            case "reopen":
                self.turn(minute, "desk")

    def ask(self, minute: int) -> None:
        if "first_reply" in self.going or "next_reply" in self.going:
            return
        first = not any(cycle.metric == "first_reply" for cycle in self.cycles)
        self.start("first_reply" if first else "next_reply", minute)

    def reply(self, minute: int) -> None:
        self.answered, self.asked = True, False
        for metric in ("first_reply", "next_reply", "promise", "update"):
            self.finish(metric, "fulfilled")
        if not self.ended:
            self.start("update", minute)

    def promise(self, minute: int, due: int) -> None:
        self.finish("promise", "cancelled")
        if self.ended:
            return
        self.start("promise", minute, due - minute)
        if "update" in self.going:
            self.going["update"].promise = due

    def resolve(self, minute: int) -> None:
        if self.ended:
            return
        self.ended = True
        self.finish("promise", "fulfilled")
        for cycle in list(self.going.values()):
            if cycle.metric == "update" and cycle.start == minute:
                self.finish("update", "cancelled")
            else:
                cycle.state, cycle.stopped = "stopped", minute

    def turn(self, minute: int, ball: Ball) -> None:
        self.ball = ball
        was_ended, self.ended = self.ended, False
        if was_ended:
            for cycle in list(self.going.values()):
                if minute >= cycle.stopped + self.window():
                    self.finish(cycle.metric, "fulfilled")
        for cycle in self.going.values():
            paused = cycle.metric in PAUSED_BY[ball]
            if paused:
                cycle.state = "paused"
            elif cycle.state != "run":
                cycle.resume(minute)
        if was_ended:
            self.begin_again(minute)

    def begin_again(self, minute: int) -> None:
        for cycle in self.going.values():
            cycle.aim(minute, self.terms.targets.get(self.priority, {}).get(cycle.metric))
        for metric in ("resolution", "agent_work", "update"):
            if metric not in self.going and (metric != "update" or self.answered):
                self.start(metric, minute)
        if self.asked:
            self.ask(minute)
            self.asked = False
