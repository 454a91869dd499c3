"""One cycle of one clock: starts, pauses, stops and a target enter; what came true, and when, leaves. Pure.

A cycle keeps its past as parts (it ran, it was paused, the ticket was resolved), so that any target and any calendar
can be held against it, and so that it can be explained. Instants are microseconds since 1970 (open_time).
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from contracts.policies import REOPEN_WINDOW_SECONDS, Reopening
from contracts.sla import Metric
from services.kit.rules.open_time import NEVER, SECOND
from services.kit.rules.policies import Aim, PolicyVersion, Threshold, waits_for_morning


class Kind(StrEnum):
    """What a part of a cycle is."""

    RUN = "run"
    PAUSE = "pause"
    RESOLVED = "resolved"


class End(StrEnum):
    """How a cycle ended."""

    FULFILLED = "fulfilled"
    CANCELLED = "cancelled"


class Part(NamedTuple):
    kind: Kind
    start: int
    end: int
    cause: UUID
    """The event with which the part begins."""


class Mark(NamedTuple):
    """What happened to a cycle, in Zendesk's words: activate, pause, resume, fulfil, cancel, apply."""

    what: str
    at: int
    cause: UUID | None


class Firing(NamedTuple):
    """A threshold that came true, with the time at which the clock was due then."""

    threshold: Threshold
    at: int
    due: int
    by_change: bool


class Cycle:
    __slots__ = (
        "aim", "at_promise", "by_change", "cap", "cause", "consumed", "end", "firings", "held", "kind", "marks",
        "metric", "next_at", "number", "part_cause", "part_from", "parts", "pin", "policy", "recorded", "started",
        "waived",
    )  # fmt: skip

    def __init__(
        self, metric: Metric, number: int, at: int, cause: UUID, policy: PolicyVersion | None, aim: Aim
    ) -> None:
        self.metric, self.number, self.started, self.cause = metric, number, at, cause
        self.policy, self.aim, self.held = policy, aim, at
        self.parts: list[Part] = []
        self.marks = [Mark("activate", at, cause)]
        self.kind, self.part_from, self.part_cause = Kind.RUN, at, cause
        self.consumed = 0
        """Open time of the parts that ran, without the one that runs now."""
        self.end: End | None = None
        self.firings: list[Firing] = []
        self.recorded: dict[str, UUID] = {}
        """What the log holds of this cycle: key of the threshold -> its event."""
        self.waived: UUID | None = None
        self.cap: int | None = None
        """The promise, before which an update is due all the same."""
        self.at_promise = False
        self.pin: int | None = None
        self.by_change = False
        self._arm(at)

    @property
    def id(self) -> str:
        return f"{self.metric}/{self.number}"

    def advance(self, until: int) -> None:
        """Fires what came true before an instant."""
        while self.next_at < until:
            self._arm(self.next_at, reached=True)

    def pause(self, at: int, cause: UUID, kind: Kind = Kind.PAUSE) -> None:
        self.advance(at)
        self._part(at, kind, cause)
        self.marks.append(Mark("pause" if kind is Kind.PAUSE else "stop", at, cause))
        self.next_at = NEVER

    def resume(self, at: int, cause: UUID) -> None:
        self._part(at, Kind.RUN, cause)
        if self.cap is not None and self.cap <= at:
            self.cap = None  # a promise that passed while the clock was paused is broken by itself
        self.marks.append(Mark("resume", at, cause))
        self._arm(at)

    def finish(self, at: int, cause: UUID, end: End) -> None:
        """Ends the cycle; at an instant before the latest known one (a call that is logged later), what fired after it
        did not happen."""
        if self.kind is not Kind.RESOLVED:
            self.advance(at)
            self.firings = [firing for firing in self.firings if firing.at <= at]
            self._part(at, self.kind, cause)
        self.marks.append(Mark("fulfil" if end is End.FULFILLED else "cancel", at, cause))
        self.end, self.next_at = end, NEVER

    def retarget(self, at: int, cause: UUID | None, policy: PolicyVersion | None, aim: Aim) -> None:
        """Another target from now on, counted from the original start (slas.md, rule 12)."""
        self.advance(at)
        if aim.open is not self.aim.open:
            self.consumed = sum(aim.open.between(part.start, part.end) for part in self.parts if part.kind is Kind.RUN)
        self.policy, self.aim = policy, aim
        self._changed(at, cause)

    def begun_at(self, since: int, at: int, cause: UUID) -> None:
        """It has run since an instant before the event that began it; what is past by now comes true by this change."""
        self.started = self.part_from = since
        self.marks[0] = self.marks[0]._replace(at=since)
        self._changed(at, cause)

    def go_on(self, at: int, cause: UUID) -> None:
        """It was cancelled, and runs as if it had not been: what came true stays so, what is past by now does by this
        change."""
        self.end = None
        self._changed(at, cause)

    def limit(self, at: int, cause: UUID, promise: int | None) -> None:
        """The promised checkpoint changed: an update is due by then at the latest."""
        self.advance(at)
        self.cap = promise
        self._arm(at)

    def pin_to(self, at: int, cause: UUID, due: int | None) -> None:
        """A person sets the due time, or (None) takes that back."""
        self.advance(at)
        self.pin = due
        self._changed(at, cause)

    def _changed(self, at: int, cause: UUID | None) -> None:
        self.by_change = True
        self.marks.append(Mark("apply", at, cause))
        self._arm(at)

    def _part(self, at: int, kind: Kind, cause: UUID) -> None:
        if at > self.part_from:
            self.parts.append(Part(self.kind, self.part_from, at, self.part_cause))
            if self.kind is Kind.RUN:
                self.consumed += self.aim.open.between(self.part_from, at)
        self.kind, self.part_from, self.part_cause = kind, at, cause

    def _arm(self, at: int, *, reached: bool = False) -> None:
        """Looks for the next threshold. One that is past already, or that was just reached, fires at this instant."""
        self.next_at = NEVER
        if self.kind is not Kind.RUN or self.end is not None or not self.aim.thresholds:
            return
        fired = {firing.threshold.key for firing in self.firings}
        first_only = self.aim.in_order and self.cap is None and self.pin is None
        for threshold in self.aim.thresholds:
            if threshold.key in fired:
                continue
            when = self._when(threshold, at)
            if when < at or (reached and when == at):
                self._fire(threshold, at, by_change=self.by_change and not reached)
            else:
                self.next_at = min(self.next_at, when)
                if first_only:
                    break
        self.by_change = False

    def _fire(self, threshold: Threshold, at: int, *, by_change: bool) -> None:
        due = self.due()
        if threshold.key == "breached":
            self.at_promise = self.cap is not None and self.cap == due
        self.firings.append(Firing(threshold, at, at if due is None else due, by_change))

    def _when(self, threshold: Threshold, at: int) -> int:
        """The instant at which a threshold comes true while the clock runs; before `at` where it is past."""
        if threshold.key == "breached":
            if self.pin is not None:
                return self.pin
            due = self._used_up(threshold.offset, at)
            return due if self.cap is None else min(due, self.cap)
        when = self._used_up(self._scaled(threshold), at)
        return self.aim.working.next_open(when) if when >= at and waits_for_morning(threshold) else when

    def _scaled(self, threshold: Threshold) -> int:
        """The offset of a warning under a pinned deadline is its fraction of the time up to the pin."""
        if self.pin is None or threshold.fraction is None:
            return threshold.offset
        return round(self.consumed_at(self.pin) * threshold.fraction)

    def _used_up(self, length: int, at: int) -> int:
        if length < self.consumed:
            return -NEVER
        if length == self.consumed:
            return self.part_from
        return self.aim.open.due(self.part_from, length - self.consumed)

    def consumed_at(self, at: int) -> int:
        """Open time used up until an instant after the last change."""
        if self.kind is not Kind.RUN or self.end is not None:
            return self.consumed
        return self.consumed + self.aim.open.between(self.part_from, at)

    def due(self) -> int | None:
        """When the target is or was used up; None without a target, while paused, and where nothing opens again."""
        if self.pin is not None:
            return self.pin
        if self.aim.length is None:
            return None
        due = self._due_by_target(self.aim.length)
        if self.cap is not None and self.kind is Kind.RUN:
            due = self.cap if due is None else min(due, self.cap)
        return None if due is None or due >= NEVER else due

    def _due_by_target(self, length: int) -> int | None:
        if self.consumed < length:
            if self.kind is Kind.PAUSE and self.end is None:
                return None
            return self.aim.open.due(self.part_from, length - self.consumed)
        left = length
        for part in self.parts:
            if part.kind is Kind.RUN:
                here = self.aim.open.between(part.start, part.end)
                if here >= left:
                    return self.aim.open.due(part.start, left)
                left -= here
        return self.part_from

    @property
    def provisional_until(self) -> int:
        """While the ticket is resolved: from when on this cycle can't go on any more."""
        policy = self.policy.policy if self.policy else None
        if policy is None:
            return self.part_from + REOPEN_WINDOW_SECONDS * SECOND
        window = policy.reopen_window_seconds if policy.reopen is Reopening.CONTINUE else 0
        return self.part_from + window * SECOND

    @property
    def breached(self) -> bool:
        """Recorded breaches stay, whatever the target has become; only a corrected calendar is judged anew."""
        if "breached" in self.recorded and not self.aim.open.corrected:
            return True
        return any(firing.threshold.key == "breached" for firing in self.firings)
